"""The exceptions that end a step early, and the texts for what went wrong in it."""

from __future__ import annotations

from typing import Any, assert_never

from opord.contract import Action
from opord.drive.calls import Answered, Calls, Ending, Failed, TookTooLong, Undeclared, Unexpected
from opord.kernel.inbox import Evidence
from opord.kernel.program import CallProgram
from opord.kernel.rows import RunRow
from opord.kernel.run import Intent
from opord.kernel.step import dump_failure
from opord.kernel.trouble import describe_without_exception
from opord.values.types import Key


class Parked(Exception):
    """The run was given back in the middle of a step. A worker claims it when it is due."""


class Lost(Exception):
    """Another process has moved the run. Nothing that this worker wanted to write was written."""

    def __init__(self, row: RunRow | None) -> None:
        super().__init__("another worker holds the run")
        self.row = row


class TimerDue(Exception):
    """A timer of the phase is due while the state acts. The step is dropped."""


class Collided(Exception):
    """The key of a commit took effect in this run before, with other arguments."""

    action: str
    key: Key
    arguments: Any

    def __init__(self, action: str, key: Key, args: Any) -> None:
        super().__init__(f"{action} under the key {key!r}")
        self.action, self.key, self.arguments = action, key, args


class Stalled(Exception):
    """Something that a person must mend before the run can go on."""

    def __init__(self, trouble: dict[str, Any]) -> None:
        super().__init__(str(trouble["error"]))
        self.trouble = trouble


def unexpected(calls: Calls, call: CallProgram, ending: Undeclared) -> dict[str, Any]:
    """Describe an undeclared ending of an effect, in the form that a stall records."""
    name = call.declaration.name
    match ending:
        case Unexpected(error):
            return calls.describe(call, error)
        case TookTooLong(after_s):
            sentence = f"{name} did not answer within the worker's limit of {after_s:g} s"
            if isinstance(call.declaration, Action) and call.declaration.transaction:
                sentence = f"{name} did not end within {after_s:g} s, and what it wrote was rolled back"
            return describe_without_exception(
                "CallLimit", sentence, call=name, frames=calls.hung_at(call, ending)
            )
        case _:
            assert_never(ending)


def commit_refused(call: str, cause: Exception) -> dict[str, Any]:
    """Describe a transaction that the database did not commit."""
    return describe_without_exception(
        "CommitRefused",
        f"the database refused to commit what {call} wrote, and rolled it back: {cause}",
        call=call,
    )


def other_commit(intent: Intent) -> dict[str, Any]:
    """Describe a resumed step that asks for another commit than the one on record."""
    return describe_without_exception(
        "OtherCommit",
        f"the step now asks for another commit than the {intent.call} on record; "
        "restore the handlers that the run began with, then resume the run",
        call=intent.call,
    )


def key_reused(action: str, key: Key) -> dict[str, Any]:
    """Describe a commit whose key took effect in the run before with other arguments."""
    return describe_without_exception(
        "KeyReused",
        f"{action} took effect in this run before under the key {key!r}, with other arguments; "
        "a person has to say whether this is the same commit or another one",
        call=action,
    )


def evidence_of(
    call: CallProgram, intent_seq: int, attempt: int, ending: Ending, worker: str
) -> Evidence | None:
    """Return the evidence of an attempt that ended after it was given up.

    Return None if the ending proves nothing.
    """
    name = call.declaration.name
    match ending:
        case Answered():
            return Evidence(intent_seq, name, attempt, "ok", ending.rest, worker)
        case Failed(failure):
            return Evidence(intent_seq, name, attempt, "failed", dump_failure(call, failure), worker)
        case TookTooLong() | Unexpected():
            return None
        case _:
            assert_never(ending)
