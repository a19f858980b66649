"""What is wrong with a stalled run, as recorded: error, traceback, place, next move."""

from __future__ import annotations

import traceback
from typing import Any

from opord.kernel.step import StepError

TRACEBACK_CHARACTERS = 20_000
"""Maximum length of a stored traceback. The middle of a longer one is cut out."""


def trouble_of(error: StepError) -> dict[str, Any]:
    """Describe an error that the generated code of a step raised."""
    return describe(error.cause, place=error.place)


def describe(error: BaseException, *, call: str | None = None, place: str | None = None) -> dict[str, Any]:
    """Describe an error with its whole traceback. `call` is the call whose handler raised it.

    It may still contain secrets. Hide them before the text is shortened: half a secret would not be
    found.
    """
    trouble: dict[str, Any] = {"error": said_of(error)}
    if call is not None:
        trouble["call"] = call
    if place is not None:
        trouble["place"] = place
    trouble["traceback"] = storable("".join(traceback.format_exception(error)))
    return trouble


def said_of(error: BaseException) -> str:
    """Return an error's name and text.

    A handler may raise anything, even an error that cannot be printed.
    """
    name = type(error).__name__
    try:
        message = str(error)
    except BaseException as worse:
        return storable(f"{name} (its text cannot be had: {type(worse).__name__})")
    return storable(f"{name}: {message}" if message else name)


def storable(text: str) -> str:
    """Return a text without characters that no store takes: lone surrogates and NUL are escaped."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def shortened(trace: str) -> str:
    """Cut the middle out of a traceback that is too long."""
    if len(trace) <= TRACEBACK_CHARACTERS:
        return trace
    half = TRACEBACK_CHARACTERS // 2
    return f"{trace[:half]}\n… {len(trace) - 2 * half} characters left out …\n{trace[-half:]}"
