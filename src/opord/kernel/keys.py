"""Keys of actions: a repeated commit under a used key returns the recorded outcome."""

from __future__ import annotations

import json
from typing import Any

from opord.kernel.rows import UsedKey
from opord.kernel.run import Outcome, Run
from opord.kernel.sealing import opened_digest, opened_text
from opord.values.canonical import digest, dumps


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
