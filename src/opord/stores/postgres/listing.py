"""Build the statement that lists runs, newest first, by the most selective index.

Every index ends in the run's number. So each part below comes in order and stops at its limit, and
the cost depends on what is listed, not on what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Final, get_args

from opord.kernel.needs import OVERDUE_US
from opord.kernel.rows import NeedFilter, NeedReason, StoredNeed
from opord.stores.base import RunFilter
from opord.stores.filters import OneOf, Place, any_of
from opord.stores.postgres.sql import ALL_TURNS, OF_TURN, RUN_ROW, in_schema, nobody_serves
from opord.values.types import Instant

_NEEDS_TEXTS: Final = [
    " ".join(words)
    for size in range(1, len(get_args(StoredNeed)) + 1)
    for words in combinations(get_args(StoredNeed), size)
]
"""All texts that the column `needs` can have. The index returns the runs of each in order."""

_DUE: Final[Mapping[NeedReason, str]] = {
    "overdue": "h.status = 'waiting' AND h.wake_at <= {overdue_since}",
    "unserved": "h.status IN ('running', 'waiting', 'in_doubt') AND h.wake_at <= {now} AND "
    + nobody_serves("h.contract", "h.label", "{now}"),
}
"""The conditions on `heads` h of the needs that are not stored."""


_HEADS: Final = "opord.heads AS h"

# The heads are read one by one, in the order of the runs: a join would be turned round, and read
# all heads of a contract before the first is listed.
_OF_CONTRACT: Final = (
    "opord.runs AS r CROSS JOIN LATERAL (SELECT * FROM opord.heads WHERE run = r.id OFFSET 0) AS h"
)


def _stored(needs: NeedFilter) -> list[str]:
    """Return a condition for each text that says a need."""
    return [
        f"h.needs = '{text}' AND h.needs <> ''"
        for text in _NEEDS_TEXTS
        if needs == "any" or needs in text.split()
    ]


class Listing:
    """A query for the runs of a filter, with its parameters."""

    def __init__(
        self,
        where: RunFilter,
        contracts: Sequence[int],
        *,
        before: int,
        limit: int,
        now: Instant,
        schema: str,
    ) -> None:
        """Query up to `limit` runs with a number below `before`.

        `contracts` are the numbers of all versions of the wanted contract; empty if any will do.
        `now` is the store's clock; only a listing by need uses it.
        """
        self.parameters: list[Any] = []
        self._where = where
        self._before, self._limit = self._bind(before), self._bind(limit)
        self._now = now
        # A run can have several needs, and comes once.
        union = " UNION ALL " if where.needs is None else " UNION "
        parts = union.join(f"({part})" for part in self._parts(contracts))
        # Only this store's own text and numbers are joined here; values from users are bound.
        self.statement: str = in_schema(
            f"SELECT {RUN_ROW} FROM (SELECT id FROM ({parts}) AS p ORDER BY id DESC LIMIT {self._limit}) AS n "
            "CROSS JOIN LATERAL (SELECT * FROM opord.runs WHERE id = n.id OFFSET 0) AS r "
            "CROSS JOIN LATERAL (SELECT * FROM opord.heads WHERE run = n.id OFFSET 0) AS h "
            "JOIN opord.contracts AS c ON c.id = r.contract ORDER BY n.id DESC",
            schema,
        )

    def _bind(self, value: str | int) -> str:
        # PostgreSQL takes no text with a zero byte. No name and no JSON has one, nor this sign.
        self.parameters.append(value.replace("\0", "\x01") if isinstance(value, str) else value)
        kind = "bigint" if isinstance(value, int) else "text"
        return f"${len(self.parameters)}::{kind}"

    def _parts(self, contracts: Sequence[int]) -> list[str]:
        where = self._where
        if where.needs is not None:
            return self._needing(any_of(where.needs) or ())
        if where.by_due:
            return [self._part(self._due(), "h.status = 'waiting'")]
        if where.waiting_in is not None:
            return [
                self._by("rest_state", self._bind(state), "h.rest_state IS NOT NULL")
                for state in dict.fromkeys(place.state for place in where.waiting_in)
            ]
        if where.outcome is not None:
            return self._by_each("outcome", where.outcome, "h.outcome IS NOT NULL")
        if where.status is not None:
            statuses = any_of(where.status) or ()
            others = tuple(status for status in statuses if status != "running")
            return [
                *([self._part(_HEADS, "h.status = 'running'")] if "running" in statuses else []),
                *self._by_each("status", others, "h.status <> 'running'"),
            ]
        if where.reason is not None:
            return [
                *self._by_each("status", ("stalled", "in_doubt"), "h.status <> 'running'"),
                *self._by_each("outcome", "terminated", "h.outcome IS NOT NULL"),
            ]
        if where.state is not None:
            return [
                self._part(_HEADS, "h.status = 'running'"),
                *self._by_each("rest_state", where.state, "h.rest_state IS NOT NULL"),
            ]
        if where.label is not None and "" not in (any_of(where.label) or ()):
            return self._by_each("label", where.label, "h.label <> ''")
        if where.contract is not None:
            return [
                self._part(
                    _OF_CONTRACT, self._among("r.contract", str(number), "r.id"), "r.contract DESC, r.id"
                )
                for number in contracts
            ]
        return [self._part(_HEADS, "true")]

    def _needing(self, needs: Sequence[NeedFilter]) -> list[str]:
        stored = dict.fromkeys(narrow for one in needs for narrow in _stored(one))
        due = dict.fromkeys(narrow for one in needs for narrow in self._due_for(one))
        return [
            *(self._part(_HEADS, narrow) for narrow in stored),
            *(self._part(self._due(), narrow) for narrow in due),
        ]

    def _by_each(self, column: str, wanted: OneOf[str], known: str) -> list[str]:
        """Return a part for each value of a column that has an index of its own; see `_by`."""
        return [self._by(column, self._bind(value), known) for value in any_of(wanted) or ()]

    def _due_for(self, needs: NeedFilter) -> list[str]:
        """Return a condition for each need that only due runs have."""
        due = [condition for reason, condition in _DUE.items() if needs in ("any", reason)]
        instants = {"now": str(int(self._now)), "overdue_since": str(int(self._now) - OVERDUE_US)}
        return [condition.format(**instants) for condition in due]

    def _due(self) -> str:
        """Return the runs that are due, turn by turn.

        Read with all heads, they would be looked for from the newest head to the oldest.
        """
        contract = self._where.contract
        named = "" if contract is None else f" WHERE contract = {self._contracts('name', contract)}"
        between = f"h.due_at <= {int(self._now)}" if self._where.needs is not None else self._due_between()
        return (
            f"({ALL_TURNS} SELECT * FROM turns{named} OFFSET 0) AS t CROSS JOIN LATERAL ("
            f"SELECT * FROM opord.heads AS h WHERE {OF_TURN} AND {between} OFFSET 0) AS h"
        )

    def _due_between(self) -> str:
        """Return the condition on the instant at which a run is due, in the words of its index."""
        where = self._where
        first = [] if where.due_from is None else [f"h.due_at >= {self._bind(where.due_from)}"]
        return " AND ".join(
            first + ([] if where.due_before is None else [f"h.due_at < {self._bind(where.due_before)}"])
        )

    def _contracts(self, column: str, wanted: OneOf[str] | OneOf[int]) -> str:
        """Return the versions of contracts with one of these values, to stand behind `=`."""
        return (
            f"ANY (ARRAY(SELECT id FROM opord.contracts WHERE {self._is_one(column, any_of(wanted) or ())}))"
        )

    def _is_one(self, column: str, values: Sequence[str | int]) -> str:
        return f"{column} IN ({', '.join(self._bind(value) for value in values)})"

    def _by(self, column: str, value: str, known: str) -> str:
        """Return the part of the runs with a value in a column that has an index of its own.

        `known` is the condition of that index.
        """
        among = self._among(f"h.{column}", value, "h.run")
        return self._part("opord.heads AS h", f"{known} AND {among}", f"h.{column} DESC, h.run", column)

    def _among(self, column: str, value: str, number: str) -> str:
        """Return a condition on the runs with a value that only the index of that column answers.

        With the plain condition `column = value`, all runs may be read from the newest on, because
        the column then says nothing about the order.
        """
        return f"({column}, {number}) < ({value}, {self._before}) AND {column} >= {value}"

    def _part(self, source: str, narrow: str, order: str = "h.run", asked: str = "") -> str:
        """Return the query of a part. `asked` is a column that `narrow` has asked for already."""
        where = self._where
        conditions = [narrow, f"h.run < {self._before}"]
        if where.contract is not None:
            conditions.append(f"h.contract = {self._contracts('name', where.contract)}")
        conditions += [
            self._is_one(f"h.{name}", any_of(value) or ())
            for name in ("state", "status", "outcome", "label")
            if name != asked and (value := getattr(where, name)) is not None
        ]
        conditions += self._of_time()
        if where.version is not None:
            conditions.append(f"h.contract = {self._contracts('version', where.version)}")
        if where.by_due:
            conditions.append(f"h.status = 'waiting' AND {self._due_between()}")
        if where.waiting_in is not None:
            conditions.append(f"h.status = 'waiting' AND {self._in_a_place(where.waiting_in)}")
        if where.reason is not None:
            texts = [f"strpos(h.reason, {self._bind(text)}) > 0" for text in any_of(where.reason) or ()]
            conditions.append(f"({' OR '.join(texts)})")
        conditions += [self._holds_one(texts) for texts in where.texts]
        condition = " AND ".join(conditions)
        return f"SELECT h.run AS id FROM {source} WHERE {condition} ORDER BY {order} DESC LIMIT {self._limit}"

    def _in_a_place(self, places: Sequence[Place]) -> str:
        """Return the condition that a run is in one of these states of these versions."""
        found = [
            f"(h.state = {self._bind(place.state)} AND h.contract = ANY (ARRAY(SELECT id FROM opord.contracts "
            f"WHERE name = {self._bind(place.contract)} AND version = {self._bind(place.version)})))"
            for place in places
        ]
        return f"({' OR '.join(found)})"

    def _of_time(self) -> list[str]:
        where = self._where
        started = [
            (">=", where.started_from),
            ("<", where.started_before),
        ]
        since = [(">=", where.since_from), ("<", where.since_before)]
        return [
            f"EXISTS (SELECT 1 FROM opord.runs AS s WHERE s.id = h.run AND s.started_at {sign} {self._bind(at)})"
            for sign, at in started
            if at is not None
        ] + [f"h.since {sign} {self._bind(at)}" for sign, at in since if at is not None]

    def _holds_one(self, texts: Sequence[str]) -> str:
        """Return the condition that the input or the body of a run holds one of these texts."""
        if not texts:
            return "false"
        names = [self._bind(text) for text in texts]
        body = " OR ".join(f"strpos(h.body, {name}) > 0" for name in names)
        given = " OR ".join(f"strpos(t.input, {name}) > 0" for name in names)
        return f"({body} OR EXISTS (SELECT 1 FROM opord.runs AS t WHERE t.id = h.run AND ({given})))"
