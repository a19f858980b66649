"""Handlers that end, starve, or cripple their own process.

What they did is done once, and the operator reads why it is in doubt.
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opord.stores.base import RunFilter
from opord.stores.sqlite.store import SqliteStore
from tests.kill.rogue import CONTRACT
from tests.kill.storm import LEASE_S, Nest

LOST = (
    "nobody knows whether {} happened: its worker died or lost its lease during the call; a person has to say"
)


class Den:
    """A nursery whose workers have harmful handlers; each test has a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "contracts").mkdir()
        (folder / "contracts" / "rogue.opord").write_text(CONTRACT)
        self.nest = Nest(folder, "0")
        self.store = ""
        self.born = 0

    def worker(self, *, starts: dict[str, bool], later_s: float = 0) -> int:
        """Fork a worker that starts runs, all but the first `later_s` later.

        The value says whether a run's handler works on a thread.
        """
        self.born += 1
        errands = [
            {
                "op": "start",
                "run": f"Rogue/{does}",
                "input": json.dumps({"does": does, "threads": threads}),
                "wait_s": later_s if number else 0,
            }
            for number, (does, threads) in enumerate(starts.items())
        ]
        life = {
            "name": f"w{self.born}",
            "lease_s": LEASE_S,
            "url": f"sqlite:///{self.folder}/{self.store}",
            "errands": errands,
        }
        pid = self.nest.fork(life)
        self.until(lambda: pid in self.nest.up or pid in self.nest.dead)
        return pid

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + 40
        self.nest.listen()
        while not condition():
            assert time.monotonic() < end, (self.folder / "worker.log").read_text()[-3000:]
            time.sleep(0.02)
            self.nest.listen()

    def heads(self) -> dict[str, Any]:
        """Return the state of each run."""
        store = SqliteStore(self.folder / self.store)
        try:
            return {row.run.removeprefix("Rogue/"): row.head for row in store.runs(RunFilter(), limit=1000)}
        finally:
            store.close()

    def kinds(self, does: str) -> list[str]:
        store = SqliteStore(self.folder / self.store)
        try:
            return [one.kind for one in store.journal(f"Rogue/{does}")]
        finally:
            store.close()

    def rest(self, *runs: str) -> dict[str, Any]:
        """Wait until so many runs rest; return the state of each."""

        def at_rest() -> bool:
            heads = self.heads()
            return all(
                one in heads and heads[one].status in ("ended", "in_doubt") for one in runs
            ) and not any(head.worker for head in heads.values())

        self.until(at_rest)
        return self.heads()

    def effects(self) -> Counter[str]:
        return Counter((self.folder / "rogues").read_text().splitlines())

    def end(self, *pids: int, number: int = signal.SIGTERM) -> None:
        for pid in pids:
            self.nest.signal(pid, number)
        self.until(lambda: all(pid in self.nest.dead for pid in pids))


@pytest.fixture(scope="module")
def brood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Den]:
    made = Den(tmp_path_factory.mktemp("den"))
    yield made
    made.nest.close()


@pytest.fixture
def den(brood: Den, request: pytest.FixtureRequest) -> Iterator[Den]:
    brood.store = f"{abs(hash(request.node.name))}.db"
    brood.folder.joinpath("rogues").write_text("")
    yield brood
    brood.nest.listen()
    brood.end(*(pid for pid in brood.nest.up - brood.nest.dead), number=signal.SIGKILL)


@pytest.mark.parametrize("threads", [False, True], ids=["loop", "thread"])
@pytest.mark.parametrize("does", ["exit", "killed", "crash"])
def test_a_handler_that_ends_its_process_leaves_one_doubt_that_says_so(
    den: Den, does: str, threads: bool
) -> None:
    pid = den.worker(starts={does: threads})
    den.until(lambda: pid in den.nest.dead)
    den.worker(starts={"good": threads})
    heads = den.rest(does, "good")
    assert heads["good"].state == "Over"
    assert heads[does].status == "in_doubt"
    assert heads[does].reason == LOST.format("work" if threads else "act")
    assert den.effects() == {does: 1, "good": 1}
    assert den.kinds(does).count("intent") == 1


def test_a_handler_that_closes_all_files_at_worst_ends_its_worker_and_the_store_is_whole(
    den: Den,
) -> None:
    pid = den.worker(starts={"closes": False})
    den.until(lambda: den.effects()["closes"] == 1)
    time.sleep(LEASE_S)
    den.end(pid, number=signal.SIGKILL)
    den.worker(starts={"good": False})
    heads = den.rest("closes", "good")
    assert (heads["good"].state, heads["closes"].status) == ("Over", "in_doubt")
    assert den.effects() == {"closes": 1, "good": 1}


@pytest.mark.parametrize("does", ["moves", "deaf", "forks"])
def test_a_handler_that_changes_the_folder_or_signals_or_forks_changes_nothing_for_the_store(
    den: Den, does: str
) -> None:
    den.worker(starts={does: False, "good": False, "better": True})
    assert {head.state for head in den.rest(does, "good", "better").values()} == {"Over"}
    assert den.effects() == {does: 1, "good": 1, "better": 1}


@pytest.mark.parametrize(
    ("does", "error"), [("files", "OSError: [Errno 24] Too many open files"), ("memory", "MemoryError")]
)
def test_a_handler_that_uses_up_resources_puts_only_its_own_run_in_doubt(
    den: Den, does: str, error: str
) -> None:
    others = {f"good {n}": False for n in range(8)}
    den.worker(
        starts={does: True, **others}, later_s=0.6
    )  # when resources are free again: handlers need files, too
    heads = den.rest(does, *others)
    assert heads[does].status == "in_doubt"
    assert error in heads[does].reason
    assert {heads[one].state for one in others} == {"Over"}
    assert den.effects() == dict.fromkeys(heads, 1)


@pytest.mark.parametrize(("does", "threads"), [("blocks", False), ("regex", False), ("regex", True)])
def test_a_handler_that_starves_its_worker_of_heartbeats_is_not_called_again_and_its_late_outcome_counts(
    den: Den, does: str, threads: bool
) -> None:
    den.worker(starts={does: threads})
    den.until(lambda: den.effects()[does] == 1)
    den.worker(starts={"good": False})
    den.until(lambda: den.heads()[does].status == "ended")
    assert den.rest(does, "good")[does].state == "Over"
    assert den.effects() == {does: 1, "good": 1}


def test_a_handler_that_never_returns_is_given_up_in_time_and_blocks_no_other(den: Den) -> None:
    pid = den.worker(starts={"hang": False, "good": False})
    heads = den.rest("hang", "good")
    assert heads["good"].state == "Over"
    reason = heads["hang"].reason
    assert reason.startswith("nobody knows whether act happened: no answer within 4 s (tests/kill/rogue.py:")
    assert reason.endswith("); a person has to say")
    den.end(pid)
    assert den.effects() == {"hang": 1, "good": 1}


def test_workers_that_start_during_a_takeover_put_each_run_in_doubt_once(
    den: Den,
) -> None:
    """C15: two recoveries at once, with starts in the middle of them."""
    calls = {f"hang {n}": False for n in range(20)}
    pid = den.worker(starts=calls)
    den.until(lambda: den.effects().total() == len(calls))
    den.end(pid, number=signal.SIGKILL)
    den.worker(starts={f"good {n}": False for n in range(10)})
    den.worker(starts={f"better {n}": True for n in range(10)})
    heads = den.rest(*calls, *(f"{name} {n}" for name in ("good", "better") for n in range(10)))
    assert Counter(head.status for head in heads.values()) == {"in_doubt": 20, "ended": 20}
    assert den.effects() == dict.fromkeys(heads, 1)
    assert all(den.kinds(one).count("doubt") == 1 for one in calls)
