"""The ways to leave a step, and the words for what went wrong in one."""

from __future__ import annotations

from typing import Any, assert_never

from opord.contract import Action, Repeat
from opord.drive.calls import Answered, Ending, Failed, TookTooLong, Undeclared, Unexpected
from opord.kernel.inbox import Evidence
from opord.kernel.program import CallProgram
from opord.kernel.rows import RunRow
from opord.kernel.run import Intent
from opord.kernel.step import dump_failure
from opord.kernel.trouble import describe, said_of, storable


class Parked(Exception):
    """The run was given back in the middle of a step; a worker takes it up when it is due."""


class Lost(Exception):
    """The run has been moved by somebody else; nothing of what this worker wanted to write was written."""

    def __init__(self, row: RunRow | None) -> None:
        super().__init__("the run is held by somebody else")
        self.row = row


class TimerDue(Exception):
    """A timer of the phase is due while the state acts; the step is dropped."""


class Unanswered:
    """The effect that checks did not answer."""

    def __init__(self, why: str) -> None:
        self.why = storable(why)[:300]


class Trouble(Exception):
    """Something that a person must mend before the run can go on."""

    def __init__(self, trouble: dict[str, Any]) -> None:
        super().__init__(str(trouble["error"]))
        self.trouble = trouble


def unexpected(call: CallProgram, ending: Undeclared) -> dict[str, Any]:
    """Describe an undeclared ending of an effect, as a stall has it on record."""
    name = call.declaration.name
    match ending:
        case Unexpected(error):
            return describe(error, call=name)
        case TookTooLong(after_s):
            return {
                "error": f"{name} did not answer within the worker's limit of {after_s:g} s",
                "call": name,
            }
        case _:
            assert_never(ending)


def doubt_reason(ending: Undeclared) -> str:
    """Say why nobody knows whether an attempt took effect."""
    match ending:
        case TookTooLong(after_s):
            return f"no answer within {after_s:g} s"
        case Unexpected(error):
            return said_of(error)
        case _:
            assert_never(ending)


def asking(intent: Intent, action: Action, *, in_window: bool) -> str:
    """Say what a person is asked, and why nobody else could tell."""
    why = ""
    if isinstance(action.doubt, Repeat):
        why = "no attempt is left" if in_window else "the other side no longer remembers its key"
        why = f", and {why}"
    return f"nobody knows whether {intent.call} happened ({intent.reason}){why}; a person has to say"


def exhausted(intent: Intent) -> str:
    """Say what a person is asked where the action is known not to have happened."""
    return f"{intent.call} did not happen, and no attempt is left; a person decides whether to call it again"


def evidence_of(
    call: CallProgram, intent_seq: int, attempt: int, ending: Ending, worker: str
) -> Evidence | None:
    """Return what is to be kept of an attempt that ended after it was given up; None if it tells nothing."""
    name = call.declaration.name
    match ending:
        case Answered(value):
            result = call.result.dump(value) if call.result is not None else None
            return Evidence(intent_seq, name, attempt, "ok", result, worker)
        case Failed(failure):
            return Evidence(intent_seq, name, attempt, "failed", dump_failure(call, failure), worker)
        case TookTooLong() | Unexpected():
            return None
        case _:
            assert_never(ending)
