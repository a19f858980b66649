"""Build the statement that lists runs, newest first, by the most selective index.

Every index ends in the run's number. So each part below comes in order and stops at its limit, and
the cost depends on what is listed, not on what is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Final, get_args

import apsw

from opord.kernel.needs import OVERDUE_US
from opord.kernel.rows import Head, NeedFilter, NeedReason, RunRow, StoredNeed
from opord.stores.base import RunFilter, Stray
from opord.stores.filters import any_of
from opord.stores.sqlite.connection import BoundValues
from opord.stores.sqlite.sql import ALL_TURNS, OF_TURN, RUN_ROW, nobody_serves
from opord.values.types import Instant, RunId

_BY_NUMBER = "\0"
"""Begins the placeholder that names a run by its number. No run's name has it."""

_TEXTS = (
    "r.run",
    "coalesce(c.current, c.digest)",
    "c.name",
    "h.label",
    "h.state",
    "h.status",
    "h.outcome",
    "h.worker",
    "h.needs",
)
_NUMBERS = (
    "c.version",
    "r.started_at",
    "h.epoch",
    "h.seq",
    "h.arrivals",
    "h.since",
    "h.wake_at",
    "h.priority",
)
_NEEDS_TEXTS = [
    " ".join(words)
    for size in range(1, len(get_args(StoredNeed)) + 1)
    for words in combinations(get_args(StoredNeed), size)
]
"""All texts that the column `needs` can have. The index returns the runs of each in order."""

_COLUMNS_LEFT = ", ".join([*(f"CAST({text} AS BLOB)" for text in _TEXTS), *_NUMBERS])


def listing(where: RunFilter, contract_ids: Sequence[int]) -> str:
    """Return a query with the parameters of `parameters`.

    `contract_ids` are the numbers of all versions of the wanted contract; empty if any will do.
    """
    return _of_newest(f"{RUN_ROW} AS row", where, contract_ids)


def parameters(where: RunFilter, *, before: int, limit: int, now: Instant) -> dict[str, str | int | None]:
    """Return the parameters of a listing. `before` is a run's number.

    `now` is the store's clock; only a listing by need uses it.
    """
    return {
        **{name: getattr(where, name) for name in _OF_TIME},
        **{_text_name(*place): text for place, text in _texts(where)},
        **{f"{name}_{n}": value for name in _VALUES for n, value in enumerate(values_of(where, name))},
        **{f"place_{n}_{part}": value for n, part, value in _parts_of_places(where)},
        "before": before,
        "limit": limit,
        "now": now,
        "overdue_since": now - OVERDUE_US,
    }


def what_is_left(
    connection: apsw.Connection, where: RunFilter, contract_ids: Sequence[int], values: BoundValues
) -> tuple[RunRow | None, RunId | None]:
    r"""Return the readable columns of the newest run of a listing, with invalid UTF-8 as `\ufffd`.

    The kernel's own data are left out, because the run must not be carried on from this row. The
    second value is the placeholder of the run, for `number_of`.
    """
    query = _of_newest(_COLUMNS_LEFT, where, contract_ids)
    number = connection.execute(_of_newest("n.id", where, contract_ids), values).get
    return _readable_row(connection, query, values), None if number is None else RunId(
        f"{_BY_NUMBER}{number}"
    )


def number_of(connection: apsw.Connection, sql: Mapping[str, str], run: str) -> int | None:
    """Return the place of a run in the order of starts, by its name or its placeholder.

    The result is None if it has none.
    """
    if run.startswith(_BY_NUMBER):
        return int(run[len(_BY_NUMBER) :])
    number: int | None = connection.execute(sql["number"], (run,)).get
    return number


def left_of_run(connection: apsw.Connection, run: str) -> RunRow | None:
    """Return what can be read of a run; see `what_is_left`."""
    query = (
        f"SELECT {_COLUMNS_LEFT} FROM runs AS r CROSS JOIN heads AS h ON h.run = r.id "  # noqa: S608
        "CROSS JOIN contracts AS c ON c.id = r.contract WHERE r.run = ?"
    )
    return _readable_row(connection, query, (run,))


_STRAYS = (
    (
        "it has no row of `heads`, and cannot be listed",
        "SELECT CAST(r.run AS BLOB) FROM runs AS r WHERE NOT EXISTS (SELECT 1 FROM heads AS h WHERE h.run = r.id)",
    ),
    (
        "the contract that it was started with is not in the store, and it cannot be listed",
        "SELECT CAST(r.run AS BLOB) FROM runs AS r "
        "WHERE NOT EXISTS (SELECT 1 FROM contracts AS c WHERE c.id = r.contract)",
    ),
    (
        "it has no row of `runs`, and cannot be listed",
        "SELECT CAST('number ' || n.run AS BLOB) FROM (SELECT run FROM heads UNION SELECT DISTINCT run FROM journal) AS n "
        "WHERE NOT EXISTS (SELECT 1 FROM runs AS r WHERE r.id = n.run)",
    ),
)


def strays(connection: apsw.Connection) -> list[Stray]:
    """Return what is stored of runs that cannot be listed; see `Store.strays`."""
    return [
        Stray(_as_text(run) or "", why)
        for why, query in _STRAYS
        for (run,) in connection.execute(f"{query} ORDER BY 1")
    ]


def _readable_row(connection: apsw.Connection, query: str, values: BoundValues) -> RunRow | None:
    for row in connection.execute(query, values):
        run, digest, name, label, state, status, outcome, worker, needs = map(_as_text, row[: len(_TEXTS)])
        version, started_at, epoch, seq, arrivals, since, wake_at, priority = row[len(_TEXTS) :]
        head = Head(state, status, outcome, since, wake_at, worker, None, "", needs or "")  # type: ignore[arg-type]
        row = RunRow(run, digest, name, version, started_at, "", epoch, seq, "", arrivals, head)  # type: ignore[arg-type]
        return row.replace(priority=priority, label=label or "")
    return None


def _as_text(column: bytes | None) -> str | None:
    return None if column is None else column.decode(errors="replace")


def _of_newest(columns: str, where: RunFilter, contract_ids: Sequence[int]) -> str:
    # A run can have several needs, and comes once.
    union = " UNION ALL " if where.needs is None else " UNION "
    parts = union.join(f"SELECT id FROM ({part})" for part in _parts(where, contract_ids))  # noqa: S608
    # Only this store's own text and numbers are joined here; values from users are bound.
    newest = f"SELECT id FROM ({parts}) ORDER BY id DESC LIMIT :limit"  # noqa: S608
    return (
        f"SELECT {columns} FROM ({newest}) AS n "  # noqa: S608
        "CROSS JOIN runs AS r ON r.id = n.id CROSS JOIN heads AS h ON h.run = n.id "
        "CROSS JOIN contracts AS c ON c.id = r.contract ORDER BY n.id DESC"
    )


_VALUES = ("contract", "state", "status", "outcome", "label", "version", "reason")
"""The conditions that take several values. Each value has a parameter: `:state_0`, `:state_1`."""

_RUNNING = ("heads AS h INDEXED BY heads_running", "h.status = 'running'")
_BY_STATUS = "heads AS h INDEXED BY heads_by_status"
_BY_OUTCOME = "heads AS h INDEXED BY heads_by_outcome"
_BY_STATE = "heads AS h INDEXED BY heads_by_state"


def _parts(where: RunFilter, contract_ids: Sequence[int]) -> list[str]:
    """Return the queries that together find the runs: one for each value that an index serves."""
    if where.needs is not None:
        ways = dict.fromkeys(way for needs in values_of(where, "needs") for way in _needing(needs))
        return [_part(where, source, narrow) for source, narrow in ways]
    if where.by_due:
        return [_part(where, _DUE, f"h.status = 'waiting' AND {_due_between(where)}")]
    if where.waiting_in is not None:
        return [_part(where, _BY_STATE, narrow) for narrow in _waiting_in(where)]
    if where.outcome is not None:
        return [_part(where, _BY_OUTCOME, narrow, asked="outcome") for narrow in _each(where, "outcome")]
    if where.status is not None:
        running = [_part(where, *_RUNNING)] if "running" in values_of(where, "status") else []
        others = [narrow for narrow, one in _values(where, "status") if one != "running"]
        at_rest = [f"{narrow} AND h.status <> 'running'" for narrow in others]
        return running + [_part(where, _BY_STATUS, narrow, asked="status") for narrow in at_rest]
    if where.reason is not None:
        held = [f"h.status = '{status}' AND h.status <> 'running'" for status in ("stalled", "in_doubt")]
        ended = _part(where, _BY_OUTCOME, "h.outcome = 'terminated'")
        return [*(_part(where, _BY_STATUS, narrow) for narrow in held), ended]
    if where.state is not None:
        at_rest = [f"{narrow} AND h.status <> 'running'" for narrow in _each(where, "state")]
        return [
            _part(where, *_RUNNING),
            *(_part(where, _BY_STATE, narrow, asked="state") for narrow in at_rest),
        ]
    if where.label is not None and "" not in values_of(where, "label"):
        source = "heads AS h INDEXED BY heads_by_label"
        return [
            _part(where, source, f"{narrow} AND h.label <> ''", asked="label")
            for narrow in _each(where, "label")
        ]
    if where.contract is not None:
        of_contract = "runs AS r INDEXED BY runs_of_contract CROSS JOIN heads AS h ON h.run = r.id"
        return [_part(where, of_contract, f"r.contract = {number}", "r.id") for number in contract_ids]
    return [_part(where, "heads AS h", "true")]


def values_of(where: RunFilter, name: str) -> tuple[Any, ...]:
    """Return the values that a condition takes; none if it takes any."""
    return any_of(getattr(where, name)) or ()


def _values(where: RunFilter, name: str) -> list[tuple[str, Any]]:
    """Return, for each value of a column, the condition on the column and the value."""
    return [(f"h.{name} = :{name}_{n}", value) for n, value in enumerate(values_of(where, name))]


def _each(where: RunFilter, name: str) -> list[str]:
    return [narrow for narrow, _ in _values(where, name)]


def _names(where: RunFilter, name: str) -> str:
    """Return the parameters of a condition, to stand behind `IN`."""
    return f"({', '.join(f':{name}_{n}' for n, _ in enumerate(values_of(where, name)))})"


def _due_between(where: RunFilter) -> str:
    return " AND ".join(
        f"h.wake_at {sign} :{name}"
        for name, sign in (("due_from", ">="), ("due_before", "<"))
        if getattr(where, name) is not None
    )


def _parts_of_places(where: RunFilter) -> Iterator[tuple[int, str, str | int]]:
    """Yield each part of each place, with the number of the place and the name of the part."""
    for n, place in enumerate(where.waiting_in or ()):
        for part, value in place._asdict().items():
            yield n, part, value


def _waiting_in(where: RunFilter) -> list[str]:
    """Return a condition for each name of a state: runs that wait there, of the right versions."""
    of_state: dict[str, list[int]] = {}
    for n, place in enumerate(where.waiting_in or ()):
        of_state.setdefault(place.state, []).append(n)
    conditions = []
    for numbers in of_state.values():
        versions = " OR ".join(
            f"(name = :place_{n}_contract AND version = :place_{n}_version)" for n in numbers
        )
        conditions.append(
            f"h.state = :place_{numbers[0]}_state AND h.status <> 'running' AND h.status = 'waiting' "  # noqa: S608
            f"AND h.contract IN (SELECT id FROM contracts WHERE {versions})"
        )
    return conditions


_DUE = (
    f"({ALL_TURNS} SELECT contract, label, priority FROM turns) AS t "  # noqa: S608 - the store's own text
    f"CROSS JOIN contracts AS c ON c.id = t.contract CROSS JOIN heads AS h INDEXED BY heads_due ON {OF_TURN}"
)
DUE_NEEDS: Final[Mapping[NeedReason, tuple[str, str]]] = {
    "overdue": (_DUE, "h.status = 'waiting' AND h.wake_at <= :overdue_since"),
    "unserved": (
        _DUE,
        f"h.status IN ('running', 'waiting', 'in_doubt') AND h.wake_at <= :now AND {nobody_serves('t.label')}",
    ),
}
"""Where runs with the needs that are not stored are found: the tables and a condition."""


def _needing(needs: NeedFilter) -> list[tuple[str, str]]:
    """Return where runs with a need are found: tables and a condition, for each way to have it."""
    # The second condition lets SQLite use the index.
    stored = [
        ("heads AS h INDEXED BY heads_by_needs", f"h.needs = '{text}' AND h.needs <> ''")
        for text in _NEEDS_TEXTS
        if needs == "any" or needs in text.split()
    ]
    return stored + [way for reason, way in DUE_NEEDS.items() if needs in ("any", reason)]


_STARTED = "EXISTS (SELECT 1 FROM runs AS s WHERE s.id = h.run AND s.started_at"
_OF_TIME = {
    "started_from": f"{_STARTED} >= :started_from)",
    "started_before": f"{_STARTED} < :started_before)",
    "since_from": "h.since >= :since_from",
    "since_before": "h.since < :since_before",
    "due_from": "h.wake_at >= :due_from",
    "due_before": "h.wake_at < :due_before",
}


def _texts(where: RunFilter) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the wanted texts with their places."""
    for group, texts in enumerate(where.texts):
        for number, text in enumerate(texts):
            yield (group, number), text


def _text_name(group: int, number: int) -> str:
    return f"text_{group}_{number}"


def _holds_one(group: int, texts: Sequence[str]) -> str:
    """Return the condition that the input or the body of a run holds one of these texts."""
    if not texts:
        return "false"
    names = [_text_name(group, number) for number in range(len(texts))]
    body = " OR ".join(f"instr(h.body, :{name}) > 0" for name in names)
    given = " OR ".join(f"instr(t.input, :{name}) > 0" for name in names)
    return f"({body} OR EXISTS (SELECT 1 FROM runs AS t WHERE t.id = h.run AND ({given})))"  # noqa: S608


def _part(where: RunFilter, source: str, narrow: str, number: str = "h.run", *, asked: str = "") -> str:
    """Return the query of a part. `asked` is a column that `narrow` has asked for already."""
    conditions = [narrow, f"{number} < :before"]
    if where.contract is not None:
        names = _names(where, "contract")
        conditions.append(f"h.contract IN (SELECT id FROM contracts WHERE name IN {names})")  # noqa: S608
    conditions += [
        f"h.{name} IN {_names(where, name)}"
        for name in ("state", "status", "outcome", "label")
        if name != asked and getattr(where, name) is not None
    ]
    conditions += [condition for name, condition in _OF_TIME.items() if getattr(where, name) is not None]
    if where.by_due:
        conditions.append("h.status = 'waiting'")
    if where.waiting_in is not None:
        conditions.append(f"({' OR '.join(_waiting_in(where))})")
    if where.version is not None:
        versions = _names(where, "version")
        conditions.append(f"h.contract IN (SELECT id FROM contracts WHERE version IN {versions})")  # noqa: S608
    if where.reason is not None:
        found = [f"instr(h.reason, :reason_{n}) > 0" for n, _ in enumerate(values_of(where, "reason"))]
        conditions.append(f"({' OR '.join(found)})")
    conditions += [_holds_one(group, texts) for group, texts in enumerate(where.texts)]
    condition = " AND ".join(conditions)
    return f"SELECT {number} AS id FROM {source} WHERE {condition} ORDER BY {number} DESC LIMIT :limit"  # noqa: S608
