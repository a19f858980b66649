"""Keys of actions: a repeated commit under a used key returns the recorded outcome."""

from __future__ import annotations

import json
from typing import Any

from opord.kernel.bounds import check_key
from opord.kernel.program import CallProgram
from opord.kernel.rows import UsedKey
from opord.kernel.run import Outcome, Run
from opord.kernel.sealing import opened_digest, opened_text
from opord.kernel.step import StepError
from opord.values.canonical import digest, dumps
from opord.values.types import Instant, Key


def commit_key(run: Run, call: CallProgram, args: tuple[Any, ...], now: Instant) -> Key:
    """Return the key of a commit with these arguments, in a step at `now`.

    Raises:
        StepError: the key cannot be computed, is empty or too long.
    """
    if call.key is None:
        # Inlined instead of `Key(...)`: this runs for each commit.
        return f"{run.id}/{run.body.entered}"  # type: ignore[return-value]
    try:
        return check_key(call.key(args, run.frame(now)), f"the key of {call.declaration.name}")
    except Exception as error:
        raise StepError(error, run.program.place_of(error)) from error


def outcome_under(run: Run, used: UsedKey, args: Any) -> Outcome | None:
    """Return the recorded outcome of a used key; None if its arguments were others."""
    where = f"settled {used.action} {used.key}"
    used_digest = opened_digest(run.program, run.id, f"{where} args", used.args)
    if used_digest != digest(dumps(args)):
        return None
    return result_of(run, used)


def result_of(run: Run, used: UsedKey) -> Outcome:
    """Return the outcome that is on record under a used key."""
    where = f"settled {used.action} {used.key} result"
    return Outcome("ok", json.loads(opened_text(run.program, run.id, where, used.result)), "record")
