"""Check waits that the other side of a call asked for: the call is not made before they are over.

What was asked is computed here from the failure on record and from the contract, and not from what
the record says of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from opord.kernel.instants import LAST_INSTANT, microseconds
from opord.kernel.legality.fold import Fold, ReadRecord
from opord.kernel.legality.transitions import decoded
from opord.kernel.program import CallProgram
from opord.values.duration import format_duration, parse_duration
from opord.values.failure import Failure
from opord.values.types import START_OF_TIME, Duration, Instant


def heard(
    fold: Fold, record: ReadRecord, call: CallProgram, rest: Mapping[str, Any] | None, since: Instant
) -> Duration:
    """Check what a record says of the wait that a failure asks for, and note it.

    `rest` is the failure, which was known at `since`; None if there is none. Return the wait in
    microseconds.
    """
    asked, counted = _asked(fold, call, rest)
    expected = {"wait": format_duration(counted)} if counted else {}
    if asked > counted:
        expected["asked"] = format_duration(asked)
    said = {name: record.body[name] for name in ("wait", "asked") if name in record.body}
    if said != expected:
        fold.problem("wait", f"the record says {_shown(said)}, by its failure it is {_shown(expected)}")
    wait = microseconds(counted)
    if wait:
        name = call.declaration.name
        until = min(since + wait, LAST_INSTANT)
        fold.not_before[name] = max(fold.not_before.get(name, START_OF_TIME), Instant(until))
    return wait


def _asked(fold: Fold, call: CallProgram, rest: Mapping[str, Any] | None) -> tuple[timedelta, timedelta]:
    """Return the wait that a failure asks for, and how much of it the contract counts."""
    nothing = timedelta(), timedelta()
    if rest is None or rest["type"] == "TimedOut":
        return nothing
    failure = decoded(fold, f"the failure of {call.declaration.name}", call.failure, rest)
    if not isinstance(failure, Failure):
        return nothing
    clause = next(
        variant.wait
        for declared in fold.program.contract.failures
        if declared.name == failure.opord_type
        for variant in declared.variants
        if variant.name == failure.opord_variant
    )
    asked = parse_duration(rest[clause.field]) if clause is not None else timedelta()
    if clause is None or asked <= timedelta():
        return nothing
    return asked, asked if clause.at_most is None else min(asked, clause.at_most)


def _shown(members: Mapping[str, str]) -> str:
    return " and ".join(f"{name} {value}" for name, value in members.items()) or "no wait"
