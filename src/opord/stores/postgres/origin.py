"""Which server wrote a store last: another one, or a promoted standby, may lack commits.

So may a dump that was restored on the same server: its tables have other numbers than those before.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from psycopg import errors

from opord.stores.base import StoreOtherServer, StoreRefused, StoreUnavailable
from opord.stores.postgres.connections import Connection, Connections, fetch
from opord.stores.postgres.sql import in_schema

EPOCHS_AHEAD: Final = 1_000_000
"""How far epochs move on when the server changes: beyond all that lost commits have used."""

_SEEN: Final = (
    "SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' || to_regclass('opord.identity')::oid, "
    "('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint"
)


class Origin(NamedTuple):
    """Where a store is: a cluster, a table in it, and the cluster's timeline.

    `system` has the cluster's number and, behind a slash, that of the table. Each promotion begins
    a timeline.
    """

    system: str
    timeline: int

    @property
    def cluster(self) -> str:
        """The number of the cluster."""
        return self.system.partition("/")[0]


def origin_of(connection: Connection, schema: str) -> Origin | None:
    """Ask a server what it is; None if the role may not know."""
    try:
        return Origin(*fetch(connection, in_schema(_SEEN, schema))[0])
    except (errors.InsufficientPrivilege, errors.UndefinedFunction):
        return None


def check_origin(connection: Connection, schema: str, place: str) -> Origin | None:
    """Refuse another server than the one on record. Return it; None if it is not known.

    Raises:
        StoreOtherServer: it is another cluster, or one that was promoted or restored since.
        StoreUnavailable: the store says nothing of itself: a dump is being restored.
    """
    seen, known = origin_of(connection, schema), _on_record(connection, schema)
    if seen is None or known is None or seen == known:
        return None if seen is None else known
    if seen.cluster != known.cluster:
        what = f"the server {known.cluster} is on record, and this is {seen.cluster}"
    elif seen.timeline == known.timeline:
        raise StoreOtherServer(
            f"store {place} has other tables than before, on the same server: a dump was restored; its last commits may be "
            "missing. `opord db restored` marks the live runs, and then workers go on"
        )
    else:
        what = (
            f"timeline {known.timeline} of the server is on record, and this is timeline {seen.timeline}: "
            "a standby was promoted, or a backup restored"
        )
    raise StoreOtherServer(
        f"store {place} is on another server than before ({what}); its last commits may be missing here. "
        "`opord db restored` marks the live runs, and then workers go on"
    )


def note_first(connections: Connections) -> None:
    """Note the server of a store that has none on record, if the role may."""
    schema = connections.location.schema
    with connections.use() as connection:
        seen = origin_of(connection, schema)
        if seen is None or _on_record(connection, schema) is not None:
            return
    try:
        with connections.use() as connection:
            fetch(
                connection,
                in_schema("UPDATE opord.identity SET system = $1, timeline = $2 WHERE system = ''", schema),
                seen,
            )
    except StoreRefused as refused:
        if not isinstance(refused.__cause__, errors.InsufficientPrivilege):
            raise


def note_new(connections: Connections) -> None:
    """Note this server as the store's. All epochs move on, so that no older claim counts."""
    schema = connections.location.schema
    with connections.use() as connection:
        seen, known = origin_of(connection, schema), _on_record(connection, schema)
    if seen is None or seen == known:
        return
    with connections.transaction() as connection:
        fetch(
            connection,
            in_schema("UPDATE opord.heads SET epoch = epoch + $1 WHERE ended_since IS NULL", schema),
            (EPOCHS_AHEAD,),
        )
        fetch(connection, in_schema("UPDATE opord.identity SET system = $1, timeline = $2", schema), seen)


def _on_record(connection: Connection, schema: str) -> Origin | None:
    rows = fetch(connection, in_schema("SELECT system, timeline FROM opord.identity", schema))
    if not rows:
        raise StoreUnavailable(
            "gone", f"the schema {schema} has no rows yet: a dump is being restored, or it was emptied"
        )
    return Origin(*rows[0]) if rows[0][0] else None
