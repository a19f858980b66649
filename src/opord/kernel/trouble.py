"""What went wrong with a call or a step: its form on record, and the texts made of it.

A description has `error` (a sentence), and what applies of `call`, `place` (in the contract),
`traceback` and `trouble`. `trouble` is the part for programs:

- `type`: the name of the exception's class; of what is no exception, a word of Opord's own.
- `message`: the exception's text.
- `frames`: where it was raised, the caller first: each has `file`, `line`, `function`, `code` (the
  source line) and `own`, which is true for the user's own code. At most `FRAMES`.
- `causes`: what led to it, if anything did: each has `how`, `type`, `message` and `frames`. `how`
  is "cause" (`raise … from`), "context" (raised while that one was handled) or "member" (of a group
  of exceptions). At most `CAUSES`, each with at most `CAUSE_FRAMES` frames.
- `fingerprint`: the same for the same mistake, see `_fingerprint`.

A description is raw until `recorded` has hidden the run's secrets in it and shortened it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias

from opord.kernel.program import Program
from opord.kernel.run import Run
from opord.kernel.secrets import hiding
from opord.kernel.step import StepError
from opord.values.canonical import digest, dumps

TRACEBACK_CHARACTERS: Final = 20_000
"""Maximum length of a stored traceback. The middle of a longer one is cut out."""

ERROR_CHARACTERS: Final = 490
"""Maximum length of a recorded error with its place, so that both are in the reason of a run."""

MESSAGE_CHARACTERS: Final = 2_000
"""Maximum length of the recorded message of an exception."""

LINE_CHARACTERS: Final = 200
"""Maximum length of a file name, a function's name or a source line on record."""

FRAMES: Final = 20
CAUSES: Final = 5
CAUSE_FRAMES: Final = 5

FINGERPRINT_DIGITS: Final = 16

How: TypeAlias = Literal["cause", "context", "member"]
"""How an exception led to another."""


def stack_frame(file: str, line: int, function: str | None, code: str | None, *, own: bool) -> dict[str, Any]:
    """Return one frame: a line of a file that was being run."""
    return {"file": file, "line": line, "function": function, "code": code, "own": own}


def cause(how: How, error: BaseException, frames: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an exception that led to another."""
    return {"how": how, "type": type_of(error), "message": message_of(error), "frames": list(frames)}


def trouble_of(error: StepError, program: Program) -> dict[str, Any]:
    """Describe an error that the generated code of a step raised. Its frame is in the contract."""
    place = error.place
    return describe(
        error.cause, place=place, frames=() if place is None else (_contract_line(program, place),)
    )


def describe(
    error: BaseException,
    *,
    call: str | None = None,
    place: str | None = None,
    frames: Iterable[Mapping[str, Any]] = (),
    causes: Iterable[Mapping[str, Any]] = (),
    sentence: str | None = None,
) -> dict[str, Any]:
    """Describe an exception with its whole traceback. `call` is the call whose handler raised it.

    `sentence` is the error in words, if its type and text do not say it.
    """
    description = _description(sentence or error_text(error), call, place)
    description["traceback"] = storable(_traceback(error))
    description["trouble"] = {"type": type_of(error), "message": message_of(error), "frames": list(frames)}
    if causes := list(causes):
        description["trouble"]["causes"] = causes
    return description


def describe_without_exception(
    kind: str, sentence: str, *, call: str | None = None, frames: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Describe what is wrong although nothing was raised. `kind` is a word for it."""
    description = _description(sentence, call, None)
    description["trouble"] = {"type": kind, "message": sentence, "frames": list(frames)}
    return description


def recorded(run: Run, description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description as it goes on record: without the run's secrets, and not too long.

    Its `error` ends with the place in the user's own code: `KeyError: 'vip' (handlers.py:6)`.
    """
    hide = hiding(run)
    form = {name: hide(value) if isinstance(value, str) else value for name, value in description.items()}
    trouble = _recorded_part(hide, description["trouble"])
    causes = description["trouble"].get("causes", ())
    if causes:
        trouble["causes"] = [{"how": one["how"], **_recorded_part(hide, one)} for one in causes]
    trouble["fingerprint"] = _fingerprint(description.get("call"), trouble)
    place = _place(trouble)
    form["error"] = _cut(form["error"], ERROR_CHARACTERS - len(place)) + place
    if "traceback" in form:
        form["traceback"] = shortened(form["traceback"])
    form["trouble"] = trouble
    return form


def _place(trouble: Mapping[str, Any]) -> str:
    """Return the place in the user's own code as it stands behind an error; empty without one."""
    own = _own_frame(trouble)
    return "" if own is None else f" ({own['file']}:{own['line']})"


def _own_frame(trouble: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the frame of the user's own code that is nearest to the mistake.

    The frames of a group say only where its members were awaited, so a member goes first. Code that
    was made while the program ran, such as the methods of a dataclass, has no line to look at.
    """
    causes = trouble.get("causes", ())
    members = [one for one in causes if one["how"] == "member"]
    others = [one for one in causes if one["how"] != "member"]
    own = [one for part in (*members, trouble, *others) for one in reversed(part["frames"]) if one["own"]]
    return next((one for one in own if one["code"] is not None), next(iter(own), None))


def type_of(error: BaseException) -> str:
    """Return the name of an exception's class, as its module has it."""
    return storable(type(error).__qualname__.rpartition("<locals>.")[2])


def message_of(error: BaseException) -> str:
    """Return an exception's text. A handler may raise one that cannot be printed."""
    try:
        return storable(str(error))
    except BaseException as worse:
        return storable(f"(its text cannot be read: {type(worse).__name__})")


def error_text(error: BaseException) -> str:
    """Return an error's name and text."""
    name, message = storable(type(error).__name__), message_of(error)
    if message.startswith("(its text"):
        return f"{name} {message}"
    return f"{name}: {message}" if message else name


def storable(text: str) -> str:
    """Return a text without characters that no store takes: lone surrogates and NUL are escaped."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _traceback(error: BaseException) -> str:
    """Return the traceback as Python prints it, or without the causes if it cannot be printed so.

    A handler may raise an exception whose attributes make Python's own formatting fail.
    """
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:
        head = "Traceback (most recent call last):\n"
        return f"{head}{''.join(traceback.format_tb(raised_at(error)))}{error_text(error)}\n"


def raised_at(error: BaseException) -> TracebackType | None:
    """Return an exception's traceback, whatever its class makes of its attributes."""
    return BaseException.__dict__["__traceback__"].__get__(error)  # type: ignore[no-any-return]


def shortened(trace: str) -> str:
    """Cut the middle out of a traceback that is too long."""
    if len(trace) <= TRACEBACK_CHARACTERS:
        return trace
    half = TRACEBACK_CHARACTERS // 2
    return f"{trace[:half]}\n… {len(trace) - 2 * half} characters left out …\n{trace[-half:]}"


def _description(sentence: str, call: str | None, place: str | None) -> dict[str, Any]:
    description: dict[str, Any] = {"error": sentence}
    if call is not None:
        description["call"] = call
    if place is not None:
        description["place"] = place
    return description


def _contract_line(program: Program, place: str) -> dict[str, Any]:
    file, _, number = place.rpartition(":")
    line = int(number)
    lines = next((text.splitlines() for name, text in program.sources if name == file), [])
    code = lines[line - 1].strip() if 0 < line <= len(lines) else None
    return stack_frame(file, line, None, code, own=True)


def _recorded_part(hide: Callable[[str], str], part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": _cut(hide(part["type"]), LINE_CHARACTERS),
        "message": _cut(hide(part["message"]), MESSAGE_CHARACTERS),
        "frames": [_recorded_frame(hide, one) for one in part["frames"]],
    }


def _recorded_frame(hide: Callable[[str], str], one: Mapping[str, Any]) -> dict[str, Any]:
    texts = {
        name: _cut(hide(storable(one[name])), LINE_CHARACTERS) if one[name] is not None else None
        for name in ("file", "function", "code")
    }
    return stack_frame(texts["file"] or "", one["line"], texts["function"], texts["code"], own=one["own"])


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _fingerprint(call: str | None, trouble: Mapping[str, Any]) -> str:
    """Return what is the same for the same mistake, whatever the run, the worker and the line.

    It is made of the call, the exception's type, the user's own functions on the way to it with
    their files (a function that calls itself counts once), and the text of the last own line. Line
    numbers, messages and code of others take no part. For a group, its first member counts too.
    """
    members = [one for one in trouble.get("causes", ()) if one["how"] == "member"]
    content = {"call": call, "parts": [_own_path(part) for part in (trouble, *members[:1])]}
    return digest(dumps(content))[:FINGERPRINT_DIGITS]


def _own_path(part: Mapping[str, Any]) -> list[Any]:
    own = [one for one in part["frames"] if one["own"]]
    functions = dict.fromkeys((one["file"], one["function"]) for one in own)
    return [part["type"], [list(one) for one in functions], own[-1]["code"] if own else None]
