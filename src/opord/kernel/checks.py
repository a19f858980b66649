"""Record the attempts of a check that gave no answer, so that it is asked again."""

from __future__ import annotations

from typing import Any

from opord.kernel.asked_waits import NO_WAIT, HeardWait, keep_wait
from opord.kernel.draft import Draft
from opord.kernel.endings import recorded_outcome
from opord.kernel.instants import in_words, text
from opord.kernel.recording import REASON_CHARACTERS
from opord.kernel.records import RecordBody
from opord.kernel.run import Intent
from opord.kernel.trouble import recorded
from opord.values.types import Instant


def check_silent(
    draft: Draft,
    intent: Intent,
    effect: str,
    reason: str,
    *,
    failure: Any,
    trouble: dict[str, Any] | None,
    began: Instant,
    next_at: Instant,
    wait: HeardWait = NO_WAIT,
) -> None:
    """Record that the check's effect gave no answer, why, and when it is asked again.

    `failure` is what it failed with in rest form, or `trouble` describes what the contract does not
    declare. `began` is when it was asked. `wait` is what its other side asked for.
    """
    run = draft.run
    described = recorded(run, trouble) if trouble is not None else {}
    described.pop("traceback", None)  # a check may be asked for days
    intent.checks += 1
    intent.next_at = next_at
    run.reason = f"{reason}; it is asked again at {in_words(next_at)}"[:REASON_CHARACTERS]
    draft.record(
        RecordBody(
            kind="attempt",
            **described | {"call": effect},
            attempt=intent.checks,
            intent=intent.seq,
            since=text(began),
            next=text(next_at),
            **wait.members(),
        ),
        {} if described else {"outcome": recorded_outcome(run, effect, "failed", failure)},
    )
    keep_wait(run, effect, wait, draft.at)
