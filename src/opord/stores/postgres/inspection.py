"""Inspect a store without opening it for work: nothing is created, migrated or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import psycopg

from opord.kernel.needs import OVERDUE_US
from opord.kernel.rows import NeedReason, known_needs
from opord.kernel.unread import rests
from opord.stores.base import DUE_READ, KEPT_READ, LiveVersion, StoreOtherServer, StoreRefused
from opord.stores.kind import (
    GoneWorker,
    LabelledWorker,
    LimitedRuns,
    Remark,
    Standing,
    StoreOverview,
    ToldEndpoint,
    TroubledWorker,
)
from opord.stores.postgres import sql
from opord.stores.postgres.beside import versions
from opord.stores.postgres.connections import CONNECT_S, Connection, check_parameters, fetch
from opord.stores.postgres.errors import translate
from opord.stores.postgres.location import Location, location_of
from opord.stores.postgres.opening import OLDEST_SERVER, Server, may, schema_version, server_of
from opord.stores.postgres.origin import check_origin
from opord.stores.postgres.reach import clocks, way_to
from opord.stores.postgres.rows import run_rows
from opord.story.counting import counted

CONNECTIONS_FEW: Final = 10
"""With fewer free connections than this on the server, a worker may soon find none."""

END_OF_TIME: Final = (1 << 63) - 1

DEAD_ROWS_MOST: Final = 0.5
"""From this part of dead rows in `heads` on, the server's autovacuum does not keep up."""


def schema_exists(url: str) -> bool:
    """Say whether the database has the schema of a store.

    Raises:
        StoreUnavailable: the server cannot be reached now.
    """
    location = location_of(url)
    with _reading(location) as connection:
        return schema_version(connection, location.schema)[0] > 0


def inspect(url: str, *, whole: bool = False) -> StoreOverview:
    """Return the facts of the store at a URL; see `StoreKind.inspect`.

    `whole` looks for stray rows.

    Raises:
        StoreRefused: a newer Opord made it, or the server is too old.
        StoreUnavailable: the server cannot be reached now.
    """
    location = location_of(url)
    known = len(sql.migrations())
    with _reading(location) as connection:
        server = server_of(connection)
        if server.version < OLDEST_SERVER:
            raise StoreRefused(
                f"store {location.place} is on PostgreSQL {server.version_text}; opord needs 14 or later"
            )
        now, clock = clocks(connection)
        remarks = [_server(server), *_settings(server), way_to(connection), clock, _connections(connection)]
        allowed = may(connection, location.schema)
        if allowed == "nothing":
            remarks.append(_no_right(location.schema))
        schema, usable_from = schema_version(connection, location.schema) if allowed != "nothing" else (0, 0)
        if not schema:
            return StoreOverview(location.place, exists=False, schema_known=known, remarks=tuple(remarks))
        if usable_from > known:
            raise StoreRefused(
                f"store {location.place} was made by a newer opord (schema {schema}, this one knows {known}); upgrade opord"
            )
        remarks.append(_origin(connection, location))
        look = _Look(connection, location.schema)
        if whole:
            remarks.append(look.strays())
        return StoreOverview(
            location.place,
            exists=True,
            schema=schema,
            schema_known=known,
            size=look.size(),
            runs=look.one("SELECT count(*) FROM opord.runs"),
            needs=look.needs(due=schema >= _LABELS),
            stands=look.standing() if schema >= _LABELS else Standing(),
            last_at=look.last_at(),
            beside=versions(connection, location.schema),
            now=now,
            remarks=(*remarks, look.rights(), look.dead_rows()),
            details={"server": server.version_text, "schema_name": location.schema},
        )


@contextmanager
def _reading(location: Location) -> Iterator[Connection]:
    """Connect, and let nothing be written."""
    check_parameters(location)
    try:
        with psycopg.connect(
            location.url, autocommit=True, cursor_factory=psycopg.RawCursor, connect_timeout=CONNECT_S
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise translate(error, location.place) from error


def _server(server: Server) -> Remark:
    facts = {"version": server.version_text, "standby": server.in_recovery, "read_only": server.read_only}
    message = f"PostgreSQL {server.version_text}"
    if server.in_recovery:
        return Remark("server", "wrong", f"{message}, a standby", "give the address of the primary", facts)
    if server.read_only:
        move = "ALTER ROLE … SET default_transaction_read_only = off"
        return Remark("server", "wrong", f"{message}, and it is read-only for this role", move, facts)
    if server.encoding != "UTF8":
        move = "make a database with `createdb --encoding UTF8 --template template0`"
        return Remark(
            "server", "wrong", f"{message}, and the database's encoding is {server.encoding}", move, facts
        )
    return Remark("server", "fine", message, facts=facts)


def _settings(server: Server) -> Iterator[Remark]:
    for name, on in (("fsync", server.fsync), ("full_page_writes", server.full_page_writes)):
        if not on:
            message = f"{name} is off: the server can lose what it has confirmed, and workers refuse to start"
            yield Remark(name, "wrong", message, f"turn {name} on, and restart the server", {name: False})
    facts = {"synchronous_commit": server.synchronous_commit}
    if server.synchronous_commit == "off":
        message = "synchronous_commit is off: a crash of the server can lose the last commits"
        yield Remark("commits", "warning", message, "ALTER ROLE … SET synchronous_commit = on", facts)
    else:
        yield Remark("commits", "fine", f"synchronous_commit is {server.synchronous_commit}", facts=facts)


def _origin(connection: Connection, location: Location) -> Remark:
    """Say whether the server is the one on record; if not, workers wait."""
    try:
        known = check_origin(connection, location.schema, location.place)
    except StoreOtherServer as other:
        return Remark("record", "wrong", str(other), "opord db restored")
    if known is None:
        message = "no server is on record, so a promoted standby is not noticed"
        return Remark("record", "note", message, "let this role call pg_control_system(), and start a worker")
    return Remark("record", "fine", "the server is the one on record", facts=known._asdict())


def _no_right(schema: str) -> Remark:
    message = f"this role may neither use nor make the schema {schema}"
    move = "let a DBA run what `opord db print-sql --role NAME` prints"
    return Remark("rights", "wrong", message, move)


def _connections(connection: Connection) -> Remark:
    used, most = fetch(
        connection,
        "SELECT count(*), current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int "
        "FROM pg_stat_activity WHERE backend_type = 'client backend'",
    )[0]
    facts = {"connections": used, "max_connections": most}
    message = f"{used} of {most} connections in use"
    if most - used < CONNECTIONS_FEW:
        move = "raise max_connections, or put a pooler before the server"
        return Remark("sessions", "warning", message, move, facts)
    return Remark("sessions", "fine", message, facts=facts)


_LABELS: Final = 2
"""The schema that says which labels runs have and workers take, and so which runs nobody takes."""

# The workers without a sign of life, by the runs of each turn that wake next.
_GONE: Final = (
    f"{sql.ALL_TURNS} SELECT h.worker, count(*), w.alive_until, max(h.wake_at) FROM turns AS t CROSS JOIN LATERAL ("
    f"SELECT h.worker, h.wake_at FROM opord.heads AS h WHERE {sql.OF_TURN} AND h.due_at IS NOT NULL "
    f"ORDER BY h.due_at, h.run LIMIT {DUE_READ}) AS h LEFT JOIN opord.workers AS w ON w.worker = h.worker "
    f"WHERE h.worker IS NOT NULL AND coalesce(w.alive_until, 0) <= {sql.CLOCK} "
    "GROUP BY h.worker, w.alive_until ORDER BY h.worker"
)
_NOW: Final = f"(SELECT {sql.CLOCK})"
_WORKERS: Final = f"SELECT worker FROM opord.workers WHERE alive_until > {sql.CLOCK} AND contracts <> '{{}}' ORDER BY worker"
_TROUBLED: Final = f"SELECT worker, trouble FROM opord.workers WHERE alive_until > {sql.CLOCK} AND trouble <> '' ORDER BY worker"
_LABELLED: Final = f"SELECT worker, labels FROM opord.workers WHERE alive_until > {sql.CLOCK} AND labels <> ARRAY[''] ORDER BY worker"
_LIMITED: Final = (
    "SELECT l.contract || CASE l.call WHEN '' THEN '' ELSE '.' || l.call END, count(*) "
    "FROM opord.waits AS w JOIN opord.limits AS l ON l.id = w.limit_id GROUP BY l.id ORDER BY 1"
)
_TOLD: Final = (
    f"SELECT e.name, e.stopped, e.leased_until > {sql.CLOCK}, count(*) FILTER (WHERE m.given_up = 0), "
    "count(*) FILTER (WHERE m.given_up = 1) "
    "FROM opord.endpoints AS e JOIN opord.outbox AS m ON m.endpoint = e.id GROUP BY e.id ORDER BY 1"
)
_OVERDUE: Final = f"SELECT count(*) FROM opord.heads WHERE status = 'waiting' AND wake_at <= (SELECT {sql.CLOCK}) - {OVERDUE_US}"


_OF_THE_SERVER: Final = "server_"
"""How the names of the HTTP server's tables begin."""


class _Look:
    """A look at the tables of a store."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def all(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query whose tables are named with the schema `opord`."""
        return fetch(self._connection, sql.in_schema(query, self._schema), parameters)

    def one(self, query: str, *parameters: Any) -> Any:
        """Return the first column of its first row."""
        return self.all(query, *parameters)[0][0]

    def size(self) -> str:
        """Return the size of all tables with their indexes, in words."""
        query = (
            "SELECT pg_size_pretty(coalesce(sum(pg_total_relation_size(c.oid)), 0)) FROM pg_class AS c "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'"
        )
        return str(self.one(query, self._schema))

    def needs(self, *, due: bool) -> dict[NeedReason, int]:
        """Count the runs with each need; with `due`, also those that only due runs have."""
        counts: Counter[NeedReason] = Counter()
        for words, count in self.all(
            "SELECT needs, count(*) FROM opord.heads WHERE needs <> '' GROUP BY needs"
        ):
            for reason in known_needs(words):
                counts[reason] += count
        if not due:
            return {reason: count for reason, count in counts.items() if count}
        counts["overdue"] += self.one(_OVERDUE)
        counts["unserved"] += self.one(
            "SELECT count(*) FROM opord.heads AS h WHERE h.status IN ('running', 'waiting', 'in_doubt') "
            f"AND h.wake_at <= (SELECT {sql.CLOCK}) AND {sql.nobody_serves('h.contract', 'h.label', _NOW)}"
        )
        return {reason: count for reason, count in counts.items() if count}

    def standing(self) -> Standing:
        """Return what runs stand still for beside their needs."""
        queries = sql.queries(self._schema)
        versions = [
            LiveVersion(*row) for row in fetch(self._connection, queries["unserved_versions"], (None,))
        ]
        return Standing(
            tuple(version for version in versions if version.runs > 0),
            tuple(GoneWorker(*row) for row in self.all(_GONE)),
            sum(map(rests, run_rows(fetch(self._connection, queries["resting"], (DUE_READ,))))),
            len(fetch(self._connection, queries["kept_for"], (END_OF_TIME, KEPT_READ, KEPT_READ))),
            tuple(TroubledWorker(*row) for row in self.all(_TROUBLED)),
            tuple(worker for (worker,) in self.all(_WORKERS)),
            tuple(LabelledWorker(worker, tuple(labels)) for worker, labels in self.all(_LABELLED)),
            tuple(LimitedRuns(*row) for row in self.all(_LIMITED)) if self._has("waits") else (),
            tuple(ToldEndpoint(*row) for row in self.all(_TOLD)) if self._has("outbox") else (),
        )

    def _has(self, table: Literal["waits", "outbox"]) -> bool:
        """Say whether the schema has the step that made a table."""
        return bool(self.one(f"SELECT to_regclass('opord.{table}') IS NOT NULL"))

    def last_at(self) -> int | None:
        """Return the instant of the last record.

        The index says which pages have records of a time. So the look goes back in larger and
        larger steps, and reads only the pages of the first that has any.
        """
        for back in ("1 minute", "1 hour", "1 day", "30 days", "1000 years"):
            at = self.one(
                f"SELECT max(at) FROM opord.journal WHERE at > (SELECT {sql.CLOCK}) "
                "- (extract(epoch FROM $1::interval) * 1000000)::bigint",
                back,
            )
            if at is not None:
                return int(at)
        return None

    def rights(self) -> Remark:
        """Say whether this role may read and write all tables."""
        missing = self.all(
            "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> 'migrations' AND NOT ("
            "has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') "
            "AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) ORDER BY 1",
            self._schema,
        )
        tables = [name for (name,) in missing]
        if tables and all(name.startswith(_OF_THE_SERVER) for name in tables):
            message = f"this role may not write {', '.join(tables)}; workers do not need them"
            move = "to serve with it, let their owner run what `opord db print-sql --role NAME` prints"
            return Remark("rights", "note", message, move, {"not_writable": tables})
        if tables:
            message = f"this role may not write {', '.join(tables)}"
            move = "let their owner run what `opord db print-sql --role NAME` prints"
            return Remark("rights", "wrong", message, move, {"not_writable": tables})
        return Remark("rights", "fine", "this role may read and write all tables")

    def dead_rows(self) -> Remark:
        """Say whether the server's autovacuum keeps up with the rows that change most."""
        live, dead = self.all(
            "SELECT coalesce(n_live_tup, 0), coalesce(n_dead_tup, 0) FROM pg_stat_user_tables "
            "WHERE schemaname = $1 AND relname = 'heads'",
            self._schema,
        )[0]
        facts = {"live_rows": live, "dead_rows": dead}
        message = f"`heads` has {counted(dead, 'dead row')} beside {live:,} live"
        if dead > 10_000 and dead > DEAD_ROWS_MOST * live:
            move = "see that autovacuum runs, and that no transaction of another program stays open"
            return Remark("vacuum", "warning", message, move, facts)
        return Remark("vacuum", "fine", message, facts=facts)

    def strays(self) -> Remark:
        """Say whether rows of runs are missing. It reads the whole store."""
        strays = fetch(self._connection, sql.queries(self._schema)["strays"])
        if strays:
            message = f"rows of {len(strays):,} runs are missing"
            return Remark("damage", "wrong", message, "opord runs verify", {"strays": len(strays)})
        return Remark("damage", "fine", "each run has its rows")
