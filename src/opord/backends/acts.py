"""The verbs of a person on many runs: which runs each concerns, as far as a row says."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias, assert_never

from opord.kernel.rows import RunRow, known_needs

Verb: TypeAlias = Literal["resume", "resolve", "acknowledge", "cancel", "terminate"]

VERBS: Final[tuple[Verb, ...]] = ("resume", "resolve", "acknowledge", "cancel", "terminate")
"""The verbs that can be given for many runs at once."""


class WhyNot(NamedTuple):
    """Why a run would refuse a verb: the code of its error, and words."""

    code: str
    text: str


def why_not(verb: Verb, row: RunRow) -> WhyNot | None:
    """Return why a run would refuse a verb, as far as its row says; None if it says nothing."""
    head, needs = row.head, known_needs(row.head.needs)
    match verb:
        case "resume":
            return None if head.status == "stalled" else WhyNot("not_stalled", f"it is {_is(row)}")
        case "resolve":
            asks = head.status == "in_doubt" or "collision" in needs
            return None if asks else WhyNot("not_in_doubt", f"it is {_is(row)}, and no action is in doubt")
        case "acknowledge":
            return None if "alarm" in needs else WhyNot("no_alarm", "it has no open alarm")
        case "cancel" | "terminate":
            return None if head.status != "ended" else WhyNot("run_ended", "it has ended")
        case _:
            assert_never(verb)


def concerns(verb: Verb, row: RunRow) -> bool:
    """Say whether a verb concerns a run, as far as its row says."""
    return why_not(verb, row) is None


def _is(row: RunRow) -> str:
    return row.head.status.replace("_", " ")
