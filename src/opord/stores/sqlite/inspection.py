"""Inspect a store without opening it for work: nothing is created, migrated or written."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import apsw

from opord.kernel.needs import OVERDUE_US
from opord.kernel.rows import NeedReason, known_needs, known_outcome, known_status
from opord.kernel.run import body_in
from opord.stores.base import DUE_READ, KEPT_READ, KeptFor, LiveVersion, RowDamaged, StoreRefused
from opord.stores.kind import GoneWorker, LabelledWorker, LimitedRuns, Standing, ToldEndpoint, TroubledWorker
from opord.stores.sqlite import sql
from opord.stores.sqlite.beside import versions
from opord.stores.sqlite.connection import rows, translate
from opord.stores.sqlite.listing import DUE_NEEDS, strays
from opord.stores.sqlite.location import check_location, file_system, true_name
from opord.stores.sqlite.opening import APPLICATION_ID, OLDEST_SQLITE, check_sqlite

__all__ = [
    "APPLICATION_ID",
    "CHECKED_BYTES_MAX",
    "OLDEST_SQLITE",
    "StoreFacts",
    "check_sqlite",
    "inspect_file",
]


# This is read in about a second from a disk. A larger file is checked only on request.
CHECKED_BYTES_MAX = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What can be seen of a store. `exists` says whether there is one yet.

    - `schema` is that of the file, `schema_known` the newest that this version knows.
    - `last_at` is the instant of the last record, in microseconds since 1970 UTC.
    - `beside` are the versions of the tables of others, by their owner.
    - `needs` counts the runs with each need.
    - `stands` is what runs stand still for beside that.
    - `damage` is what SQLite's quick check of the file found: empty if nothing, None if the file
      was not checked.
    - `unreadable` are the tables with damaged rows or with rows of unknown runs, as far as the file
      was checked.

    An unknown fact is None.
    """

    path: Path
    exists: bool
    file_system: str | None
    free_bytes: int
    file_bytes: int = 0
    log_bytes: int = 0
    schema: int = 0
    schema_known: int = 0
    journal_mode: str | None = None
    runs: int | None = None
    last_at: int | None = None
    writing: bool = False
    needs: Mapping[NeedReason, int] = field(default_factory=dict)
    stands: Standing = Standing()
    damage: str | None = None
    unreadable: tuple[str, ...] = ()
    beside: Mapping[str, int] = field(default_factory=dict)


def inspect_file(path: Path, mounts: Path = Path("/proc/mounts"), *, whole: bool = False) -> StoreFacts:
    """Return the facts of the store at `path`. `writing` is true if another process was writing.

    A file of at most `CHECKED_BYTES_MAX` is checked for damage; with `whole`, a file of any size.

    Raises:
        StoreRefused: no store can be there, or the file is not an Opord store, or a newer version
            made it.
        StoreTwoNames: the file has, or may have, another name.
        StoreUnavailable: it cannot be read now.
        StoreDamaged: it is no longer a database.
    """
    path = true_name(path)
    check_location(path, mounts)
    kind = file_system(path.parent, mounts)
    free = shutil.disk_usage(path.parent).free
    if not path.exists():
        return StoreFacts(path, False, kind, free)
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size
    log_size = log.stat().st_size if log.exists() else 0
    if size == 0:
        return StoreFacts(path, False, kind, free)
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.pragma("query_only", 1)
            ident, schema = connection.pragma("application_id"), connection.pragma("user_version")
            if ident != APPLICATION_ID:
                raise StoreRefused(
                    f"{path} is another program's database, not an Opord store; name another file"
                )
            newest_schema = len(sql.migrations())
            if schema > newest_schema:
                raise StoreRefused(
                    f"store {path} was made by a newer opord (schema {schema}, this one knows {newest_schema}); upgrade opord"
                )
            damage = _damage(connection) if whole or size <= CHECKED_BYTES_MAX else None
            return StoreFacts(
                path,
                True,
                kind,
                free,
                size,
                log_size,
                schema,
                newest_schema,
                str(connection.pragma("journal_mode")),
                connection.execute("SELECT count(*) FROM runs").get,
                connection.execute("SELECT at FROM journal ORDER BY id DESC LIMIT 1").get,
                _somebody_writes(connection),
                _needs(connection, schema, time.time_ns() // 1000),
                _standing(connection, schema, time.time_ns() // 1000),
                damage,
                tuple(_unreadable(connection)) if damage == "" else (),
                versions(connection),
            )
        finally:
            connection.close()
    except apsw.NotADBError as error:
        raise StoreRefused(f"{path} is not an SQLite database; name another file for the store") from error
    except apsw.Error as error:
        raise translate(error, str(path)) from error


def _somebody_writes(connection: apsw.Connection) -> bool:
    connection.set_busy_timeout(0)
    connection.pragma("query_only", 0)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.BusyError:
        return True
    connection.execute("ROLLBACK")
    return False


_LIMITS: Final = 9
"""The schema that has limits."""

_OUTBOX: Final = 10
"""The schema that has endpoints of webhooks, and their messages."""

_LABELS: Final = 8
"""The schema that says which labels runs have and workers take, and so which runs nobody takes."""

_NEEDS = "SELECT needs, count(*) FROM heads WHERE needs <> '' GROUP BY needs"
_NEEDS_BEFORE_5 = (
    "SELECT CASE status WHEN 'stalled' THEN 'stalled' ELSE 'doubt' END AS needs, count(*) FROM heads "
    "WHERE status <> 'running' AND (status = 'stalled' OR (status = 'in_doubt' AND json_valid(body) "
    "AND json_extract(body, '$.pending.intent.asking') IS 1)) GROUP BY 1"
)


def _needs(connection: apsw.Connection, schema: int, now: int) -> dict[NeedReason, int]:
    """Count the runs with each need. A file of an older schema has no column for that yet."""
    counts: Counter[NeedReason] = Counter()
    for words, count in connection.execute(_NEEDS if schema >= 5 else _NEEDS_BEFORE_5):
        for reason in known_needs(words):
            counts[reason] += count
    instants = {"now": now, "overdue_since": now - OVERDUE_US}
    for due, (source, condition) in DUE_NEEDS.items():
        if schema >= _LABELS:
            query = f"SELECT count(*) FROM {source} WHERE {condition}"  # noqa: S608 - the store's own text
            counts[due] += connection.execute(query, instants).get
    return {reason: count for reason, count in counts.items() if count}


# The runs that wake next, of each turn. The leases of gone workers are among them.
_DUE_NEXT = (
    f"({sql.ALL_TURNS} SELECT contract, label, priority FROM turns) AS t CROSS JOIN heads AS h "  # noqa: S608
    "ON h.run IN (SELECT d.run FROM heads AS d INDEXED BY heads_due WHERE d.contract = t.contract AND d.label = t.label "
    "AND d.priority = t.priority AND d.wake_at IS NOT NULL ORDER BY d.wake_at, d.run LIMIT :most)"
)
_GONE = f"""
SELECT h.worker, count(*), w.alive_until, max(h.wake_at) FROM {_DUE_NEXT} LEFT JOIN workers AS w ON w.worker = h.worker
WHERE h.worker IS NOT NULL AND coalesce(w.alive_until, 0) <= :now GROUP BY h.worker ORDER BY h.worker
"""  # noqa: S608 - the store's own text
_TRIED_AGAIN = f"""
SELECT count(*) FROM {_DUE_NEXT} WHERE h.status = 'waiting' AND h.worker IS NULL AND json_valid(h.body)
AND (json_type(h.body, '$.pending.tries') IS NOT NULL OR json_type(h.body, '$.pending.intent') IS NOT NULL)
"""  # noqa: S608 - the store's own text
_WORKERS = "SELECT worker FROM workers WHERE alive_until > ? AND contracts <> '[]' ORDER BY worker"
_LABELLED = (
    "SELECT json_array(worker, json(labels)) AS row FROM workers "
    "WHERE alive_until > ? AND labels <> '[\"\"]' AND json_valid(labels) ORDER BY worker"
)
_LIMITED = (
    "SELECT l.contract || CASE l.call WHEN '' THEN '' ELSE '.' || l.call END, count(*) "
    "FROM opord_waits AS w JOIN opord_limits AS l ON l.id = w.limit_id GROUP BY l.id ORDER BY 1"
)
_TOLD = (
    "SELECT e.name, e.stopped, e.leased_until > ?1, count(*) FILTER (WHERE m.given_up = 0), "
    "count(*) FILTER (WHERE m.given_up = 1) "
    "FROM opord_endpoints AS e JOIN opord_outbox AS m ON m.endpoint = e.id GROUP BY e.id ORDER BY 1"
)
_TROUBLED = "SELECT worker, trouble FROM workers WHERE alive_until > ? AND trouble <> '' ORDER BY worker"


def _standing(connection: apsw.Connection, schema: int, now: int) -> Standing:
    """Return what runs stand still for beside their needs; nothing if it cannot be read."""
    if schema < _LABELS:
        return Standing()
    try:
        return _read_standing(connection, schema, now)
    except (apsw.CorruptError, RowDamaged, UnicodeDecodeError):
        return Standing()  # the look for damage says so


def _read_standing(connection: apsw.Connection, schema: int, now: int) -> Standing:
    versions = rows(connection, sql.queries()["unserved_versions"], {"now": now}, LiveVersion)
    return Standing(
        tuple(version for version in versions if version.runs > 0),
        tuple(GoneWorker(*row) for row in connection.execute(_GONE, {"now": now, "most": DUE_READ})),
        connection.execute(_TRIED_AGAIN, {"most": DUE_READ}).get,
        len(rows(connection, sql.queries()["kept_for"], (now, KEPT_READ, KEPT_READ), KeptFor)),
        tuple(TroubledWorker(*row) for row in connection.execute(_TROUBLED, (now,))),
        tuple(worker for (worker,) in connection.execute(_WORKERS, (now,))),
        tuple(rows(connection, _LABELLED, (now,), LabelledWorker)),
        tuple(LimitedRuns(*row) for row in connection.execute(_LIMITED)) if schema >= _LIMITS else (),
        _told(connection, now) if schema >= _OUTBOX else (),
    )


def _told(connection: apsw.Connection, now: int) -> tuple[ToldEndpoint, ...]:
    return tuple(
        ToldEndpoint(name, stopped, bool(sent_to), waiting, given_up)
        for name, stopped, sent_to, waiting, given_up in connection.execute(_TOLD, (now,))
    )


def _unreadable(connection: apsw.Connection) -> Iterator[str]:
    """Yield the tables with text that cannot be read, and `runs` if a run cannot be listed."""
    tables = [
        str(name)
        for (name,) in connection.execute("SELECT name FROM pragma_table_list WHERE schema = 'main'")
    ]
    for table in tables:
        texts = [
            str(name)
            for (name,) in connection.execute(
                "SELECT name FROM pragma_table_info(?) WHERE type = 'TEXT'", (table,)
            )
        ]
        try:
            if texts and not table.startswith("sqlite_"):
                # Names from Opord's own schema. Every text is decoded; invalid UTF-8 raises.
                for _ in connection.execute(f"SELECT {', '.join(texts)} FROM {table}"):  # noqa: S608
                    pass
                if _misread(connection, table):
                    yield table
        except UnicodeDecodeError:
            yield table
    if strays(connection):
        yield "runs"


def _misread(connection: apsw.Connection, table: str) -> bool:
    """Say whether a row of valid text is still none that Opord writes."""
    if table == "heads":
        rows = connection.execute("SELECT status, outcome, body FROM heads")
        return any(
            known_status(status) is None
            or (outcome is not None and known_outcome(outcome) is None)
            or body_in(body) is None
            for status, outcome, body in rows
        )
    if table in ("journal", "inbox"):
        query = f"SELECT 1 FROM {table} WHERE body IS NOT NULL AND NOT json_valid(body) LIMIT 1"  # noqa: S608
        return connection.execute(query).fetchone() is not None
    return False


def _damage(connection: apsw.Connection) -> str:
    """Return the first problem that SQLite's quick check finds, or an empty text."""
    answer = str(connection.execute("PRAGMA quick_check(1)").get)
    return "" if answer == "ok" else answer
