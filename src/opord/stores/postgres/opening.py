"""Open a schema as a store: check the server and the schema, and migrate."""

from __future__ import annotations

import logging
import re
import uuid
from typing import Final, Literal, NamedTuple

from psycopg import errors

from opord.stores.base import StoreMissing, StoreMisused, StoreRefused, StoreUnavailable
from opord.stores.postgres import sql
from opord.stores.postgres.connections import Connection, Connections, fetch
from opord.stores.postgres.errors import said_by_server

log: logging.Logger = logging.getLogger("opord.store")

OLDEST_SERVER: Final = 140000
"""PostgreSQL 14, as `server_version_num` has it."""

USABLE_FROM: Final[dict[int, int]] = {2: 1}
"""The schema that an Opord must know at least to use a store with a step; the step, if not here."""


class Server(NamedTuple):
    """What a server says of itself, as far as a store rests on it."""

    version: int
    version_text: str
    encoding: str
    in_recovery: bool
    read_only: bool
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str


_SERVER: Final = (
    "SELECT current_setting('server_version_num')::int, current_setting('server_version'), "
    "current_setting('server_encoding'), pg_is_in_recovery(), current_setting('transaction_read_only') = 'on', "
    "current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on', current_setting('synchronous_commit')"
)


def server_of(connection: Connection) -> Server:
    """Ask the server what a store rests on."""
    return Server(*fetch(connection, _SERVER)[0])


def check_writable(connection: Connection, place: str) -> None:
    """Refuse a server that cannot be written: what it says may be old.

    Raises:
        StoreUnavailable: it is a standby, or read-only.
    """
    server = server_of(connection)
    if server.in_recovery:
        raise StoreUnavailable("readonly", f"store {place} is on a standby; give the address of the primary")
    if server.read_only:
        raise StoreUnavailable(
            "readonly",
            f"store {place} is read-only: default_transaction_read_only is on for this role or server",
        )


def check_server(connection: Connection, place: str) -> None:
    """Refuse a server that could lose what it has confirmed, or that cannot keep all texts.

    Raises:
        StoreRefused: an unsafe setting, an encoding other than UTF-8, or a server that is too old.
    """
    server = server_of(connection)
    if server.version < OLDEST_SERVER:
        raise StoreRefused(
            f"store {place} is on PostgreSQL {server.version_text}; opord needs {OLDEST_SERVER // 10000} or later"
        )
    if server.encoding != "UTF8":
        raise StoreRefused(
            f"store {place}: the database's encoding is {server.encoding}, which cannot keep all texts; "
            "make one with `createdb --encoding UTF8 --template template0`"
        )
    for name, on in (("fsync", server.fsync), ("full_page_writes", server.full_page_writes)):
        if not on:
            raise StoreRefused(
                f"store {place}: the server runs with {name} = off, so that it can lose what it has confirmed; turn it on"
            )
    if server.synchronous_commit == "off":
        log.warning(
            "store %s: synchronous_commit is off for this role or server, so that a crash of the server can lose the "
            "last commits; turn it on",
            place,
        )


def may(connection: Connection, schema: str) -> Literal["nothing", "make", "use"]:
    """Say what this role may do with a schema: use it, make it if it is missing, or neither."""
    query = (
        "SELECT n.oid IS NOT NULL, has_schema_privilege(n.oid, 'USAGE'), "
        "has_database_privilege(current_database(), 'CREATE') "
        "FROM (VALUES (1)) AS one LEFT JOIN pg_namespace AS n ON n.nspname = $1"
    )
    there, use, make = fetch(connection, query, (schema,))[0]
    if there:
        return "use" if use else "nothing"
    return "make" if make else "nothing"


def schema_version(connection: Connection, schema: str) -> tuple[int, int]:
    """Return the schema's version, and the one that an Opord must know to use it.

    Both are 0 if there is no schema.
    """
    if not fetch(connection, "SELECT to_regclass($1)::text", (f"{schema}.migrations",))[0][0]:
        return 0, 0
    query = sql.in_schema(
        "SELECT coalesce(max(number), 0), coalesce(max(usable_from), 0) FROM opord.migrations", schema
    )
    version, usable_from = fetch(connection, query)[0]
    return version, usable_from


def check_version(connection: Connection, schema: str, place: str) -> int:
    """Return the schema's version; 0 if there is none.

    Raises:
        StoreRefused: a newer Opord made it, or the schema is another program's.
    """
    version = _usable_version(connection, schema, place)
    if version or not _has_tables(connection, schema):
        return version
    version = _usable_version(connection, schema, place)  # it may have been made between the two looks
    if not version:
        raise StoreRefused(
            f"the schema {schema} has tables of another program; name another one for the store, as in ?schema=opord_store"
        )
    return version


def _usable_version(connection: Connection, schema: str, place: str) -> int:
    known = len(sql.migrations())
    version, usable_from = schema_version(connection, schema)
    if usable_from > known:
        raise StoreRefused(
            f"store {place} was made by a newer opord (schema {version}, this one knows {known}); upgrade opord"
        )
    return version


def _has_tables(connection: Connection, schema: str) -> bool:
    query = (
        "SELECT EXISTS (SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE n.nspname = $1 AND c.relkind IN ('r', 'v', 'p', 'm', 'f'))"
    )
    found: bool = fetch(connection, query, (schema,))[0][0]
    return found


def script(schema: str) -> str:
    """Return the SQL that makes the store, or brings it up to date. It may be run again."""
    lines = [
        "-- The schema of an Opord store. It may be run again: what is there stays.",
        "SET LOCAL client_min_messages = warning;",
        f"DO $lock$ BEGIN PERFORM pg_advisory_xact_lock(hashtext('opord {schema}')); END $lock$;",
        "DO $create$ BEGIN",
        f"  IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = '{schema}') THEN CREATE SCHEMA {schema}; END IF;",
        "END $create$;",
        f"CREATE TABLE IF NOT EXISTS {schema}.migrations (",
        "    number      integer PRIMARY KEY,",
        "    usable_from integer NOT NULL,",
        "    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp()",
        ");",
    ]
    for number, step in enumerate(sql.migrations(schema), 1):
        lines += [
            f"DO $step$ BEGIN IF NOT EXISTS (SELECT 1 FROM {schema}.migrations WHERE number = {number}) THEN",
            step.rstrip(),
            f"INSERT INTO {schema}.migrations (number, usable_from) "
            f"VALUES ({number}, {USABLE_FROM.get(number, number)});",
            "END IF; END $step$;",
        ]
    lines.append(
        f"INSERT INTO {schema}.identity (id, system, timeline) SELECT '{uuid.uuid4().hex}', '', 0 "
        f"WHERE NOT EXISTS (SELECT 1 FROM {schema}.identity);"
    )
    return "\n".join(lines) + "\n"


_ROLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def grants(schema: str, role: str) -> str:
    """Return the SQL that gives a role what a worker needs: to read and write, not to make tables.

    Raises:
        StoreMisused: the role's name has other signs than letters, digits, `_` and `-`.
    """
    if not _ROLE.fullmatch(role):
        raise StoreMisused(f"expected a role of letters, digits, _ and -, got: {role!r}")
    return (
        f'GRANT USAGE ON SCHEMA {schema} TO "{role}";\n'
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO "{role}";\n'
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO "{role}";\n'
        f'GRANT EXECUTE ON FUNCTION {schema}.tell(boolean) TO "{role}";\n'
    )


def prepare(connections: Connections, *, create: bool) -> None:
    """Check the server, and bring the schema up to date.

    Raises:
        StoreMissing: there is no store, and `create` is false.
        StoreRefused: the server or the schema cannot be used, or the role may not make the schema.
        StoreUnavailable: the server cannot be reached, or cannot be written now.
    """
    location = connections.location
    connections.try_one()
    with connections.use() as connection:
        check_server(connection, location.place)
        version = check_version(connection, location.schema, location.place)
    if not version and not create:
        raise StoreMissing(location.place, f"the database has no schema {location.schema} with a store")
    if version >= len(sql.migrations()):
        return
    try:
        with connections.transaction() as connection:
            # A step may take long on large tables.
            connection.execute("SET LOCAL statement_timeout = 0", prepare=False)
            connection.execute(script(location.schema), prepare=False)
    except StoreRefused as refused:
        if isinstance(refused.__cause__, errors.InsufficientPrivilege):
            raise StoreRefused(
                f"store {location.place}: this role may not make the schema {location.schema} or bring it up to date "
                f"({said_by_server(refused)}); let a DBA run what `opord db print-sql --role NAME` prints"
            ) from refused
        raise
