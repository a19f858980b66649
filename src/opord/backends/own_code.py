"""Find the line of the user's own code that an exception came from, or that defines a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opord.drive.frames import frame_of, frames_of
from opord.kernel.trouble import error_text

__all__ = ["definition_place", "told"]


def told(wrong: Exception) -> str:
    """Return an exception in words, with the line of the user's own code that it came from."""
    if isinstance(wrong, SyntaxError) and wrong.filename is not None:
        return f"{type(wrong).__name__}: {wrong.msg} ({wrong.filename}:{wrong.lineno})"
    own = [frame for frame in frames_of(wrong, None) if frame["own"]]
    return error_text(wrong) + (f" ({own[-1]['file']}:{own[-1]['line']})" if own else "")


def definition_place(function: Callable[..., Any]) -> str:
    """Return where a function is defined, as `file.py:7`; empty if it is not written in Python."""
    frame = frame_of(function, None)
    return "" if frame is None else f"{frame['file']}:{frame['line']}"
