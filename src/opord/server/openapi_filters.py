"""The filters of runs in a contract's OpenAPI document: of a listing, and of a bulk act."""

from __future__ import annotations

from typing import Final, NamedTuple

from opord.backends.asked import DATA, VALUES_MOST, WORDS
from opord.backends.listing import places
from opord.codegen.schema import INSTANT, NO_NUL, Schema
from opord.contract import Contract
from opord.values.guard import INT_MAX

_TEXT: Final[Schema] = {"type": "string", "pattern": NO_NUL}
_COUNT: Final = "[0-9]{1,8}"
_AGE: Final = (
    f"(?=[0-9])({_COUNT}w)?({_COUNT}d)?({_COUNT}h)?({_COUNT}m)?({_COUNT}s)?({_COUNT}ms)?({_COUNT}us)?"
)
_MOMENT: Final = f"({_AGE}|{INSTANT})"
_END: Final[Schema] = {"type": "string", "pattern": f"^{_MOMENT}$", "examples": ["7d"]}


def _range(*examples: str) -> Schema:
    """Return the schema of a range of time: `7d`, `..2d`, `7d..` or `7d..2d`."""
    pattern = f"^({_MOMENT}(\\.\\.{_MOMENT}?)?|\\.\\.{_MOMENT})$"
    return {"type": "string", "pattern": pattern, "examples": [*examples]}


class Filter(NamedTuple):
    """A filter: the schema of a value, what it does, and whether it takes one value only."""

    value: Schema
    words: str
    once: bool = False

    def in_query(self, name: str) -> Schema:
        """Return it as a parameter of a query, which may come once for each value."""
        schema = self.value if self.once else self._list()
        return {"name": name, "in": "query", "description": self.words, "schema": schema}

    def in_body(self) -> Schema:
        """Return it as a member of a body: a value, or several in a list, of which any fits."""
        schema = self.value if self.once else {"anyOf": [self.value, self._list()]}
        return schema | {"description": self.words}

    def _list(self) -> Schema:
        return {"type": "array", "items": self.value, "minItems": 1, "maxItems": VALUES_MOST}


def filters(contract: Contract) -> dict[str, Filter]:
    """Return the filters of the contract's runs, each by its name."""
    roles = [role.name for role in contract.roles]
    return {
        "contract": Filter({"const": contract.name}, "Only runs of this contract."),
        "version": Filter(
            {"type": "integer", "minimum": 1, "maximum": INT_MAX}, "Only runs of one of these versions."
        ),
        "state": Filter({"enum": [state.name for state in contract.states]}, "Only runs in one of these states."),
        "status": _word("status", "Only runs with one of these statuses."),
        "outcome": _word("outcome", "Only runs that ended so."),
        "needs": _word("needs", "Only runs that need a person for one of these reasons."),
        **({"role": _of_roles(roles)} if roles else {}),
        "reason": Filter(
            _TEXT, "Only runs that are stalled, in doubt or terminated for a reason with one of these texts in it."
        ),
        "label": Filter(_TEXT, "Only runs with one of these labels; the empty one finds those without."),
        "started": Filter(
            _range("7d", "..2d", "7d..2d"),
            "Only runs started in the last `7d`, before then (`..7d`), or in a range (`7d..2d`); ages or instants.",
            once=True,
        ),
        "since": Filter(_range("7d", "..2d", "7d..2d"), "Only runs that entered their state then.", once=True),
        "due": Filter(
            _range("2h", "2h..", "2h..1d"),
            "Only waiting runs that move by themselves in the next `2h`, after then (`2h..`), or in a range (`2h..1d`).",
            once=True,
        ),
        "started_before": Filter(_END, "An older word for `started` with `..` before it.", once=True),
        "since_before": Filter(_END, "An older word for `since` with `..` before it.", once=True),
        **{f"{DATA}{place}": _of_data(place) for place in places(contract)},
    }  # fmt: skip


def filter_object(contract: Contract) -> Schema:
    """Return the schema of an object with one filter at least."""
    begins = "|".join(dict.fromkeys(places(contract)))
    deeper = {f"^data\\.({begins})(\\.[^.\\u0000]+)+$": _of_data("…").in_body()} if begins else {}
    return {
        "type": "object",
        "properties": {name: one.in_body() for name, one in filters(contract).items()},
        **({"patternProperties": deeper} if deeper else {}),
        "minProperties": 1,
        "additionalProperties": False,
    }


def _word(name: str, words: str) -> Filter:
    return Filter({"enum": [*WORDS[name]]}, words)


def _of_roles(roles: list[str]) -> Filter:
    return Filter({"enum": roles}, "Only runs that wait for an event which one of these roles may send.")


def _of_data(place: str) -> Filter:
    return Filter(
        _TEXT,
        f"Only runs with one of these values at `{place}` of their state or input. "
        "Points lead further in, as in `data.order.customer`.",
    )
