"""Stop, open again, add up the journal: the sum is the run's state, on both stores.

This holds after every write and every step. The sum is made by `tests/sim/fold.py` from raw
records, without the code under test.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from opord.stores.base import Applied, Start, Write
from opord.stores.memory import MemoryStore
from opord.stores.sqlite.store import SqliteStore
from opord.testing.clock import run_virtually
from tests.faults.bench import Bench
from tests.faults.kinds import Fault
from tests.faults.kit import damage
from tests.faults.run import sampled, singles
from tests.faults.stories import STORIES, Story
from tests.sim.fold import judge_fold
from tests.sim.machine import Broken
from tests.support.stores import EACH_STORE, FIRST_STORE, Lent


class Compared(Bench):
    """A story in which every write is inspected through a second, fresh handle on the store."""

    def __init__(self, story: Story, store: str, path: Path, faults: Sequence[Fault] = ()) -> None:
        super().__init__(story, store, faults)
        self.path = path
        self.lent: Lent | None = self.store if isinstance(self.store, Lent) else None
        if store == "sqlite":
            self.store.close()
            self.store = SqliteStore(path, clock=self._now)
        self.compared = 0
        self.seen: list[str] = []

    def apply(self, batch: Any) -> Any:
        results = super().apply(batch)
        self.compare()
        return results

    def committed(self, changes: Sequence[Write]) -> None:
        super().committed(changes)
        self.compare()

    def compare(self) -> None:
        """Compare what another process would read with this one's reading and the sum."""
        mine, own = self._plain(), self.store
        other = self._opened_again()
        self.store = other
        theirs = self._plain()
        self.store = own
        if not isinstance(other, MemoryStore):
            other.close()
        if mine != theirs:
            self.seen.append("10: another handle on the store reads something else")
        for row in mine:
            self.seen += judge_fold(row, self.subject.facts)
        self.compared += 1

    def _opened_again(self) -> Any:
        """Return another handle on the store, as another process has one."""
        if isinstance(self.store, MemoryStore):
            return self.store.another()
        return self.lent.anew() if self.lent else SqliteStore(self.path, clock=self._now)

    def judge(self, *, at_rest: bool = False) -> None:
        super().judge(at_rest=at_rest)
        if self.seen:
            raise Broken(self.seen)


class Restarted(Compared):
    """A story in which every process dies as soon as a run has moved.

    The store is opened again for the next process.
    """

    def __init__(self, story: Story, store: str, path: Path) -> None:
        super().__init__(story, store, path)
        self.restarts = 0

    def apply(self, batch: Any) -> Any:
        results = super().apply(batch)
        moved = any(
            isinstance(change, Start) or any(one.kind == "transition" for one in change.records)
            for change, result in zip(batch, results, strict=True)
            if isinstance(result, Applied)
        )
        if moved:
            self._end_all()
        return results

    def committed(self, changes: Sequence[Write]) -> None:
        super().committed(changes)
        self._end_all()

    def _end_all(self) -> None:
        for life in self.lives:
            life.die()

    async def replace_dead(self) -> None:
        if any(life.dead for life in self.lives):
            before = self._plain()
            self.reopen()
            if self._plain() != before:
                self.seen.append("10: opened anew, the store holds something else")
            self.restarts += 1
        await super().replace_dead()

    def reopen(self) -> None:
        """Close the store as an ending process does, and open it as a new one does."""
        if not isinstance(self.store, MemoryStore):
            self.store.close()
        self.store = self._opened_again()


def ending(bench: Bench) -> tuple[list[str], str]:
    """Play the story; return the problems, and the final state of the run."""
    problems: list[str] = []
    try:
        run_virtually(bench.story_(), bench.clock)
    except Broken as broken:
        problems = broken.problems
    row = bench.row()
    bench.store.close()
    if isinstance(bench, Compared) and bench.path.exists():
        problems = [*problems, *damage(bench.path)]
    return problems, row.head.state if row is not None else ""


@pytest.mark.parametrize("store", EACH_STORE)
@pytest.mark.parametrize("story", STORIES.values(), ids=lambda story: story.name)
def test_after_every_write_the_journal_adds_up_to_what_is_stored(
    story: Story, store: str, tmp_path: Path
) -> None:
    bench = Compared(story, store, tmp_path / "runs.db")
    assert ending(bench) == ([], story.ends)
    assert bench.compared >= 3


@pytest.mark.parametrize("store", EACH_STORE)
@pytest.mark.parametrize("story", STORIES.values(), ids=lambda story: story.name)
def test_a_process_per_step_ends_in_the_same_state_as_one_process(
    story: Story, store: str, tmp_path: Path
) -> None:
    bench = Restarted(story, store, tmp_path / "runs.db")
    assert ending(bench) == ([], story.ends)
    assert bench.restarts >= 3


@pytest.mark.parametrize("story", ["order reviewed", "trip sold out", "expense escalated"])
def test_a_process_per_step_ends_in_the_same_state_under_faults(story: str, tmp_path: Path) -> None:
    for faults in sampled(singles(story, FIRST_STORE), 30, f"fold {story}"):
        bench = Compared(STORIES[story], FIRST_STORE, tmp_path / "none", faults)
        assert ending(bench)[0] == [], faults
