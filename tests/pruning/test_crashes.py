"""A prune may die anywhere: no run is ever lost, and the next prune goes on from there.

`Death` counts everything that a prune does to the outside: each write to the archive, each sync,
each statement in the store, each named point. It dies at one of them, like a killed process, or as
in a power cut, where data that were not synced are lost, torn, or zeros. The result is then checked
by independent code.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from opord.engine import pruning
from opord.stores.archive import writing
from opord.stores.base import Kept, RunRow, StoreUnavailable
from opord.stores.sqlite import SqliteStore, rewriting
from opord.testing.store_rows import BEGIN, SECOND, SteppedClock, a_record, a_write
from tests.pruning.kit import a_store, add_ended, names, prune, told

RUNS = 4


class Dead(BaseException):
    """The process is dead: none of its code runs any more."""


class Death:
    """Replaces `os` for the archive's writer, and traces the store's statements."""

    def __init__(self, at: int, chance: random.Random, *, power: bool = False) -> None:
        self.at = at
        self.passed = 0
        self.dead = False
        self._chance = chance
        self._power = power
        self._synced: dict[int, int] = {}
        self._made: set[Path] = set()
        self._folder_synced = False

    def step(self) -> None:
        if self.dead:
            raise Dead
        self.passed += 1
        if self.passed == self.at:
            self.dead = True
            raise Dead

    # --- the replacement of `os` ---

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: Path, *args: Any) -> int:
        if not path.exists():
            self._made.add(path)
        descriptor = os.open(path, *args)
        if not path.is_dir():
            self._synced[descriptor] = os.fstat(descriptor).st_size
        return descriptor

    def write(self, descriptor: int, text: memoryview) -> int:
        try:
            self.step()
        except Dead:
            os.write(descriptor, text[: self._chance.randrange(len(text))])
            raise
        # Sometimes a system writes less than it is given.
        return os.write(descriptor, text[: max(1, self._chance.randrange(2 * len(text)))])

    def fsync(self, descriptor: int) -> None:
        self.step()
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            self._folder_synced = True
        else:
            self._synced[descriptor] = found.st_size

    def ftruncate(self, descriptor: int, size: int) -> None:
        self.step()
        os.ftruncate(descriptor, size)
        self._synced[descriptor] = min(self._synced[descriptor], size)

    def close(self, descriptor: int) -> None:
        if self.dead and self._power and descriptor in self._synced:
            self._lose(descriptor)
        self._synced.pop(descriptor, None)
        os.close(descriptor)

    def _lose(self, descriptor: int) -> None:
        """Cut the power: of the unsynced data a beginning is left, and perhaps reserved space."""
        size, sure = os.fstat(descriptor).st_size, self._synced[descriptor]
        os.ftruncate(descriptor, self._chance.randint(min(sure, size), size))
        if self._chance.random() < 0.3:
            os.ftruncate(descriptor, size)
        if self._made and not self._folder_synced:
            for path in self._made:
                path.unlink()

    # --- the prune ---

    def prune(self, file: Path, archive: Path) -> bool:
        """Prune, two runs at a time; say whether it lived to the end."""
        store = SqliteStore(file, clock=SteppedClock())

        def trace(_cursor: Any, statement: str, _given: Any) -> bool:
            if statement != "ROLLBACK":
                self.step()
            return True

        store._pool.writer.connection.exec_trace = trace
        try:
            prune(store, archive, hook=lambda _: self.step())
        except Dead:
            return False
        finally:
            store._pool.writer.connection.exec_trace = None
            store.close()
        return True


class Scene:
    """A store and its archive, and the first content of the store."""

    def __init__(self, folder: Path) -> None:
        self.file, self.archive = folder / "runs.db", folder / "old.jsonl"
        store = a_store(self.file, RUNS)
        self.first: dict[str, Kept] = {run: _kept(store, run) for run in names(store)}
        store.close()
        self._copy = folder / "copy.db"
        shutil.copy(self.file, self._copy)

    def again(self) -> None:
        """Restore the first content."""
        for name in ("runs.db", "runs.db-wal", "runs.db-shm", "old.jsonl"):
            self.file.with_name(name).unlink(missing_ok=True)
        shutil.copy(self._copy, self.file)

    def check(self, *, done: bool = False) -> None:
        """Check the current content against the first one."""
        connection = apsw.Connection(str(self.file))
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        assert connection.execute("PRAGMA foreign_key_check").get is None
        for change in ("DELETE FROM journal", "UPDATE journal SET body = ''"):
            with pytest.raises(apsw.ConstraintError, match="append-only"):
                connection.execute(change)
        connection.close()
        store, stories = SqliteStore(self.file, clock=SteppedClock()), told(self.archive)
        for run, kept in self.first.items():
            there = store.kept(run)
            if there is not None:
                assert there == kept
                assert store.tombstone(run) is None
                continue
            assert not run.startswith("live")
            assert store.tombstone(run) is not None
            assert run in stories, f"{run} is lost"
        for run, said in stories.items():
            for story in said:
                assert (story["seq"], story["hash"]) == (self.first[run].row.seq, self.first[run].row.hash)
                assert len(story["records"]) == story["seq"]
        if done:
            assert names(store) == {"live/1", "live/2"}
        store.close()


def _kept(store: SqliteStore, run: str) -> Kept:
    kept = store.kept(run)
    assert kept is not None
    return kept


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(pruning, "BATCH_RUNS", 2)
    return Scene(tmp_path)


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Death], Death]]:
    def die(death: Death) -> Death:
        monkeypatch.setattr(writing, "os", death)
        return death

    yield die
    monkeypatch.setattr(writing, "os", os)


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power cut"])
def test_a_prune_may_die_at_any_step(scene: Scene, die: Callable[[Death], Death], power: bool) -> None:
    for at in range(1, 1000, 2 if power else 1):
        lived = die(Death(at, random.Random(at), power=power)).prune(scene.file, scene.archive)
        scene.check(done=lived)
        if lived:
            break
        if at % 8 == 1:
            assert die(Death(0, random.Random(at))).prune(scene.file, scene.archive)
            scene.check(done=True)
        scene.again()
    assert at > 40, "there is much that it does"


@pytest.mark.parametrize("seed", range(8))
def test_a_prune_that_dies_repeatedly_loses_nothing_and_ends(
    scene: Scene, die: Callable[[Death], Death], seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        death = die(Death(chance.randint(1, 60), chance, power=chance.random() < 0.5))
        lived = death.prune(scene.file, scene.archive)
        scene.check(done=lived)
        if lived:
            break
    else:
        pytest.fail("it never came to its end")


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError, apsw.BusyError])
def test_a_failed_statement_leaves_the_runs_and_the_triggers(scene: Scene, error: type[apsw.Error]) -> None:
    store = SqliteStore(scene.file, clock=SteppedClock())
    countdown = 0

    def trace(_cursor: Any, statement: str, _given: Any) -> bool:
        nonlocal countdown
        countdown -= statement != "ROLLBACK"
        if countdown == 0 and statement != "ROLLBACK":
            raise error("injected")
        return True

    failed = 0
    for number in range(1, 100):
        countdown = number
        store._pool.writer.connection.exec_trace = trace
        try:
            prune(store, scene.archive)
        except StoreUnavailable:
            failed += 1
            store._pool.writer.connection.exec_trace = None
            assert store._pool.writer.connection.getautocommit()
            continue
        break
    store._pool.writer.connection.exec_trace = None
    store.close()
    assert failed > 10
    scene.check(done=True)


# --- Real processes ---

CHILD = """
import os, resource, signal, sys
from pathlib import Path
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import SteppedClock
from tests.pruning.kit import prune

file, archive, point, count = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

def hook(here):
    global count
    count -= here == point
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)

store = SqliteStore(file, clock=SteppedClock())
if point == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, count))
prune(store, archive, hook=hook)
"""


def _child(scene: Scene, point: str, count: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(scene.file), str(scene.archive), point, str(count)],
        capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_the_next_prune_goes_on_after_a_killed_process(scene: Scene) -> None:
    for point, count in (("told", 3), ("synced", 1), ("deleted", 1)):
        killed = _child(scene, point, count)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        scene.check()
        stood = {run: len(stories) for run, stories in told(scene.archive).items()}
        if point == "told":
            assert sum(stood.values()) == 3, "told, and still in the store"
    scene.check(done=True)


def test_a_full_disk_loses_nothing_and_leaves_whole_lines(scene: Scene) -> None:
    store = SqliteStore(scene.file, clock=SteppedClock())
    add_ended(store, 60, prefix="filler", text=json.dumps("x" * 20_000))
    prune(store, scene.archive, contract="Orders", before=BEGIN)
    prune(store, scene.archive, contract="Refunds", before=BEGIN)
    add_ended(store, 3, prefix="late")
    store.compact()
    scene.first |= {run: _kept(store, run) for run in names(store)}
    store.close()
    size = scene.archive.stat().st_size
    assert size > 4 * scene.file.stat().st_size, "the limit is to be in the way of the archive alone"
    ran = _child(scene, "full", size + 2_500)
    assert ran.returncode == 1
    assert f"File too large: '{scene.archive}'" in ran.stderr
    assert scene.archive.read_bytes().endswith(b"}\n")
    store = SqliteStore(scene.file, clock=SteppedClock())
    assert len(names(store)) == 5
    prune(store, scene.archive)
    assert names(store) == {"live/1", "live/2"}
    store.close()
    assert {"late/0", "late/1", "late/2"} <= told(scene.archive).keys()


# --- Others at work meanwhile ---


def test_two_prunes_at_once_into_two_archives_delete_each_run_once(scene: Scene) -> None:
    one, two = (SqliteStore(scene.file, clock=SteppedClock()) for _ in range(2))
    other = scene.archive.with_name("other.jsonl")
    counts: list[int] = []

    def hook(point: str) -> None:
        if point == "synced" and not counts:
            counts.append(prune(two, other).pruned)

    tally = prune(one, scene.archive, hook=hook)
    assert (tally.pruned, tally.left, counts) == (0, 0, [RUNS])
    stones = [one.tombstone(run) for run in told(other)]
    assert {stone.archive for stone in stones if stone is not None} == {str(other)}
    assert len(told(other)) == RUNS
    one.close()
    two.close()


def test_a_run_that_changed_after_it_was_archived_is_left_for_the_next_prune(scene: Scene) -> None:
    store = SqliteStore(scene.file, clock=SteppedClock())
    late = _kept(store, "Orders/0").row

    def hook(point: str) -> None:
        if point == "before sync" and store.load("Orders/0") == late:
            store.apply([a_write(late).replace(records=(a_record("Orders/0", late.seq + 1, '"late"'),))])

    tally = prune(store, scene.archive, hook=hook)
    assert (tally.pruned, tally.left) == (RUNS - 1, 1)
    assert store.load("Orders/0") is not None
    assert prune(store, scene.archive).pruned == 1
    assert [story["seq"] for story in told(scene.archive)["Orders/0"]] == [late.seq, late.seq + 1]
    store.close()


def test_runs_with_long_histories_are_pruned_in_smaller_batches(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH_RUNS", 100)
    transactions: list[int] = []
    for most in (10**6, 1):
        monkeypatch.setattr(pruning, "BATCH_BYTES", most)
        scene.again()
        store = SqliteStore(scene.file, clock=SteppedClock())
        points: list[str] = []
        assert prune(store, scene.archive, hook=points.append).pruned == RUNS
        transactions.append(points.count("deleted"))
        store.close()
    assert transactions == [1, RUNS]


def test_a_run_is_archived_as_of_one_instant(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    store, other = (SqliteStore(scene.file, clock=SteppedClock()) for _ in range(2))
    row = _kept(store, "Orders/0").row
    real = rewriting.rows

    def rows(connection: Any, query: str, given: Any, kind: Any) -> Any:
        found = real(connection, query, given, kind)
        if kind is RunRow:
            other.apply([a_write(row).replace(records=(a_record("Orders/0", row.seq + 1),))])
        return found

    monkeypatch.setattr(rewriting, "rows", rows)
    kept = _kept(store, "Orders/0")
    assert len(kept.records) == kept.row.seq == row.seq
    store.close()
    other.close()


def test_a_new_run_with_the_name_of_a_pruned_one_is_left(scene: Scene) -> None:
    clock = SteppedClock()
    store = SqliteStore(scene.file, clock=clock)
    once = False

    def hook(point: str) -> None:
        nonlocal once
        if point == "told" and not once:
            once = True
            prune(store, None, keep_us=0)
            add_ended(store, 1, first=1)

    # The page was read before. Its second name now belongs to another run, which ended later.
    tally = prune(store, scene.archive, before=BEGIN - 1, hook=hook)
    assert tally.pruned == 0
    assert store.load("Orders/1") is not None
    clock.forward(SECOND)
    store.close()
