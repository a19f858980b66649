"""Migrate a store of an older version: each step happens wholly or not at all.

This holds in spite of crashes and other processes.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

import opord
from opord.kernel.legality import verify_kept
from opord.loading import program_of
from opord.stores.base import RunFilter, StoreRefused
from opord.stores.sqlite import opening, sql
from opord.stores.sqlite.store import SqliteStore

HERE = Path(__file__).parent
CLUB: Any = opord.load(HERE / "club.opord")
FIRST = sql.migrations()[:1]

NOW = 1_795_618_500_000_000
"""A minute and a half after the old store was written, in microseconds."""

DIGESTS = {
    "0001_runs.sql": "762720cd9900f8edb1f361d9e73a83ddcd6e3cddec26e45cf380f352ba1baf55",
    "0002_pruning.sql": "ea02fd438d354e8255c7ac1a2d32de245756495b4bdbb57d9eeff66dceb34bde",
    "0003_content.sql": "1a79b50737161c98a11b8b59228db0f41140a858fd26c6ed76db8e53ef4d35d6",
    "0004_large_values.sql": "ddc671f6fd269335ed662bf98c820be27af1c1423d1d050e0bc57ca42015e147",
    "0005_needs.sql": "679f64140be7e91af5803981f21963b446a7dba8280b610dae5cbbb28e97add1",
    "0006_worker_trouble.sql": "867eac2c9d06b48d37c31498b01d182b45663568ab9a9c50e37536d6132a57ee",
    "0007_worker_calls.sql": "70bff576cfd59acd988bcdd6eb598efa7a88678180f93f24a9a8637da99f898c",
    "0009_limits.sql": "fa95091b1cf7c08a54ac47781418787a80fbd274f439af926870d689e4762383",
    "0010_outbox.sql": "8ffdc26e9a8b07fec3e865e8fda6566a61505be4cfa5165eb305b606bffe4283",
    "0008_labels.sql": "7c2f1bd402fab53a15c4af4fdd4da6a813abdab75325d263d26e2009e9c34d0e",
}
"""The steps that existing stores may have made. They must never change."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store in the form of the first version."""
    place = tmp_path / "old.db"
    connection = apsw.Connection(str(place))
    connection.execute((HERE / "written_at_1.sql").read_text())
    connection.close()
    return place


def version(place: Path) -> int:
    connection = apsw.Connection(str(place), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        assert connection.pragma("integrity_check") == "ok"
        return int(connection.pragma("user_version"))
    finally:
        connection.close()


def content(place: Path) -> dict[str, list[Any]]:
    """Return all rows that the old version wrote."""
    connection = apsw.Connection(str(place), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        found = {
            "contracts": list(connection.execute("SELECT id, digest, name, version, sources FROM contracts"))
        }
        heads = (
            "SELECT run, contract, epoch, seq, hash, arrivals, state, status, outcome, since, wake_at, "
            "worker, reason, body FROM heads"
        )
        found["heads"] = list(connection.execute(heads))
        workers = "SELECT worker, contracts, alive_until FROM workers"
        found["workers"] = list(connection.execute(workers))
        tables = ("runs", "journal", "inbox", "event_keys", "settled")
        return found | {table: list(connection.execute(f"SELECT * FROM {table}")) for table in tables}
    finally:
        connection.close()


def statements(number: int) -> list[str]:
    """Return the statements in the transaction of a step, up to its commit."""
    found: list[str] = []
    connection = apsw.Connection(":memory:")
    connection.execute((HERE / "written_at_1.sql").read_text())
    opening.migrate(connection, "here", sql.migrations()[: number - 1])
    connection.exec_trace = lambda _cursor, text, _bindings: found.append(text) or True
    opening.migrate(connection, "here", sql.migrations()[:number])
    connection.close()
    begun = next(at for at, text in enumerate(found) if text.startswith("BEGIN IMMEDIATE"))
    return found[begun + 1 :]


# --- what was written stays ----------------------------------------------------------------------


def test_a_released_schema_step_never_changes() -> None:
    folder = Path(opening.__file__).parent / "migrations"
    steps = sorted(folder.glob("*.sql"))
    digests = {step.name: hashlib.sha256(step.read_bytes()).hexdigest() for step in steps}
    assert digests == DIGESTS, "make a new step; a store that has made this one would never get the change"


def test_a_migrated_store_keeps_its_content_and_its_runs_verify(old: Path) -> None:
    before = content(old)
    store = SqliteStore(old, clock=lambda: NOW)
    try:
        assert content(old) == before
        program = program_of(CLUB.Club)
        rows = store.runs(RunFilter(), limit=10)
        assert [(row.run, row.head.state) for row in rows] == [
            ("Club/dan", "Waiting"), ("Club/cid", "Away"), ("Club/bob", "Paying"), ("Club/ann", "In"),
        ]  # fmt: skip
        for row in rows:
            kept = store.kept(row.run)
            assert kept is not None
            assert verify_kept(program, kept) == []
        assert version(old) == len(sql.migrations())
    finally:
        store.close()


def needs(place: Path) -> dict[str, str]:
    connection = apsw.Connection(str(place), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        query = "SELECT r.run, h.needs FROM heads AS h JOIN runs AS r ON r.id = h.run"
        return dict(connection.execute(query))
    finally:
        connection.close()


def test_a_migration_computes_what_each_run_needs(old: Path) -> None:
    connection = apsw.Connection(str(old))
    connection.execute(
        "UPDATE heads SET status = 'stalled' WHERE run = (SELECT id FROM runs WHERE run = 'Club/cid')"
    )
    damaged = "UPDATE heads SET status = 'in_doubt', body = '{' WHERE run = (SELECT id FROM runs WHERE run = 'Club/dan')"
    connection.execute(damaged)
    connection.close()
    SqliteStore(old).close()
    assert needs(old) == {"Club/ann": "", "Club/bob": "doubt", "Club/cid": "stalled", "Club/dan": ""}


def test_the_runs_of_an_old_store_go_on(old: Path) -> None:
    called: list[str] = []

    class Handlers:
        async def greet(self, name: str) -> str:
            return "hello"

        async def collect(self, name: str, fee: int, *, call: opord.Call) -> str:
            called.append(f"{name} {call.key}")
            return "r2"

    async def go_on() -> None:
        async with opord.Engine(SqliteStore(old, clock=lambda: NOW), [CLUB.Club(Handlers())]) as engine:
            again = await engine.start(CLUB.Club, name="ann", fee=10)
            assert again.id == "Club/ann"
            await engine.client.send("Club/dan", "vouch", {"word": "yes"}, actor="eve", role="member")
            await engine.client.resolve("Club/bob", happened=True, result="r3", actor="root")
            assert engine.worker is not None
            await engine.worker.until_idle()
            states = {run: (await engine.client.read(f"Club/{run}")).state for run in ("ann", "bob", "dan")}
            assert states == dict.fromkeys(states, "In")

    asyncio.run(go_on())
    assert called == ["dan dan"]


# --- whoever dies --------------------------------------------------------------------------------

POINTS = [
    (number, nth) for number in range(2, len(sql.migrations()) + 1) for nth in range(len(statements(number)))
]


class PowerCut(Exception):
    """The process is gone."""


def _fail_at(connection: apsw.Connection, nth: int) -> None:
    """Let the nth statement after the beginning of a step fail. The last point is its commit."""
    begun, seen = False, -1

    def trace(_cursor: Any, text: str, _bindings: Any) -> bool:
        nonlocal begun, seen
        if text.startswith("BEGIN IMMEDIATE"):
            begun = True
        elif begun:
            seen += 1
            if seen == nth:
                raise PowerCut
        return True

    connection.exec_trace = trace


@pytest.mark.parametrize(("number", "nth"), POINTS)
def test_a_step_that_fails_at_any_statement_changes_nothing_and_can_be_repeated(
    old: Path, number: int, nth: int
) -> None:
    steps = sql.migrations()[:number]
    connection = apsw.Connection(str(old))
    opening.migrate(connection, str(old), steps[:-1])
    before = content(old)
    _fail_at(connection, nth)
    with pytest.raises(PowerCut):
        opening.migrate(connection, str(old), steps)
    connection.exec_trace = None
    assert connection.getautocommit()
    connection.close()
    assert (version(old), content(old)) == (number - 1, before)
    SqliteStore(old).close()
    assert (version(old), content(old)) == (len(sql.migrations()), before)


DYING = """
import os, signal, sys
from opord.stores.sqlite import opening

place, nth = sys.argv[1], int(sys.argv[2])
begun, seen = False, 0

def trace(_cursor, text, _bindings):
    global begun, seen
    begun = begun or text.startswith("BEGIN IMMEDIATE")
    if begun:
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1
    return True

inner = opening.migrate

def migrate(connection, place, steps):
    connection.exec_trace = trace
    inner(connection, place, steps)
    connection.exec_trace = None

opening.migrate = migrate
opening.open_writer(__import__("pathlib").Path(place)).close()
print("lived")
"""


def test_a_process_that_is_killed_at_any_statement_leaves_a_whole_version(old: Path) -> None:
    before, made = content(old), old.read_bytes()
    deaths = 0
    for nth in range(100):
        old.write_bytes(made)
        done = subprocess.run(
            [sys.executable, "-c", DYING, str(old), str(nth)], capture_output=True, text=True, timeout=60
        )
        assert content(old) == before
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        deaths += 1
        SqliteStore(old).close()
        assert (version(old), content(old)) == (len(sql.migrations()), before)
        for left in old.parent.glob("old.db-*"):
            left.unlink()
    assert deaths >= sum(len(statements(number)) for number in range(2, len(sql.migrations()) + 1))
    assert version(old) == len(sql.migrations())


# --- whoever else is there ------------------------------------------------------------------------


def test_two_processes_that_open_an_old_store_at_once_take_turns(old: Path) -> None:
    before = content(old)
    barrier = threading.Barrier(4)
    wrong: list[BaseException] = []

    def enter() -> None:
        try:
            barrier.wait()
            SqliteStore(old).close()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert (version(old), content(old)) == (len(sql.migrations()), before)


OLD_HEARTBEAT = (
    "INSERT INTO workers (worker, contracts, alive_until) SELECT ?1, ?2, ?3 WHERE ?4 = '' AND ?5 = '' AND ?6 = '[\"\"]' "
    "ON CONFLICT (worker) DO UPDATE SET contracts = excluded.contracts, alive_until = excluded.alive_until"
)
"""The heartbeat of a program that knows neither trouble nor calls nor labels of a worker."""


@pytest.fixture
def still_open(old: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A process that opened the store when its newest version was 1."""
    with monkeypatch.context() as then:
        then.setattr(sql, "migrations", lambda: FIRST)
        store = SqliteStore(old, clock=lambda: NOW)
    assert version(old) == 1
    store._sql = {**store._sql, "heartbeat": OLD_HEARTBEAT}
    yield store
    store.close()


def test_an_open_old_store_works_while_another_process_migrates_it(
    old: Path, still_open: SqliteStore
) -> None:
    still_open.heartbeat("old worker", (), ttl_us=1_000_000)
    new = SqliteStore(old, clock=lambda: NOW)
    try:
        digest = program_of(CLUB.Club).digest
        later = 40 * 86_400_000_000
        still_open.now = lambda: NOW + later
        (bob, dan) = still_open.claim("old worker", [digest], limit=9, ttl_us=1_000_000)
        assert {bob.run, dan.run} == {"Club/bob", "Club/dan"}
        assert new.claim("new worker", [digest], limit=9, ttl_us=1_000_000) == []
        still_open.release("old worker", [(bob.run, bob.epoch), (dan.run, dan.epoch)])
        assert {row.worker for row in new.workers()} == {"old worker"}
    finally:
        new.close()


def test_an_older_program_refuses_a_newer_store_and_changes_nothing(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteStore(old).close()
    before = content(old)
    monkeypatch.setattr(sql, "migrations", lambda: FIRST)
    with pytest.raises(
        StoreRefused, match=r"made by a newer opord \(schema \d+, this one knows 1\); upgrade"
    ):
        SqliteStore(old)
    monkeypatch.undo()
    assert (version(old), content(old)) == (len(sql.migrations()), before)


def test_a_store_without_room_for_its_migration_does_not_change(old: Path) -> None:
    before = content(old)
    connection = apsw.Connection(str(old))
    connection.pragma("max_page_count", connection.pragma("page_count"))
    with pytest.raises(apsw.FullError):
        opening.migrate(connection, str(old), sql.migrations())
    assert connection.getautocommit()
    connection.close()
    assert (version(old), content(old)) == (1, before)
