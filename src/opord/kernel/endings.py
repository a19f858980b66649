"""Write the arguments, results and failures of calls in the form of a record."""

from __future__ import annotations

from typing import Any

import msgspec

from opord.kernel import bounds
from opord.kernel.bounds import step_too_large
from opord.kernel.large import LARGE_BYTES, Split, encode
from opord.kernel.records import EndingKind
from opord.kernel.run import Answer, Run
from opord.kernel.step import StepError


def _answers(run: Run, answers: list[Answer]) -> Split:
    """Return the answers of a step's calls in the form of a record."""
    calls = run.program.calls
    members = [_answer(answer) for answer in answers]
    return run.large.split_endings(members, lambda place: calls[answers[place].call].result)


def recorded_answers(run: Run, answers: list[Answer], what: str) -> Split:
    """Return the answers in the form of a record; `what` names them.

    Raises:
        StepError: they are too large to be stored.
    """
    split = _answers(run, answers)
    if split.size() > bounds.STEP_BYTES:
        error = step_too_large(split.size(), what)
        raise StepError(error, None) from error
    return split


def recorded_args(run: Run, action: str, args: Any) -> Split:
    """Return the arguments of an action in the form of a record.

    Raises:
        StepError: they are too large to be stored.
    """
    split = run.large.split(run.program.calls[action].args, args)
    if split.size() > bounds.STEP_BYTES:
        error = step_too_large(split.size(), f"what {action} is called with")
        raise StepError(error, None) from error
    return split


def recorded_outcome(run: Run, call: str, kind: EndingKind, value: Any, text: bytes = b"") -> Split:
    """Return the outcome of a call in the form of a record.

    `text` is the value as canonical JSON, if that was made before.
    """
    ending: dict[str, Any] = {kind: value}
    if not run.large.rests:
        encoded = b'{"%b":%b}' % (kind.encode(), text) if text else encode(ending)
        if len(encoded) <= LARGE_BYTES:
            return Split(ending, ending, (), encoded, msgspec.Raw(encoded))
    declared = run.program.calls.get(call)
    return run.large.split_ending(ending, declared.result if declared is not None else None)


def _answer(answer: Answer) -> dict[str, Any]:
    members: dict[str, Any] = {"call": answer.call}
    if answer.failed is not None:
        members["failed"] = answer.failed
    else:
        members["ok"] = answer.ok
    if answer.attempts != 1:
        members["attempts"] = answer.attempts
    if answer.ms:
        members["ms"] = answer.ms
    return members
