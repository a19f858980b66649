"""Find the places that an exception came through, and which of them are the user's own code.

Code is the user's own unless it is part of Opord, of Python's library or of an installed package.
The package of the handlers is always the user's own. A file is named from its project: the nearest
folder above it that has one of `PROJECT_FILES`, or else the working directory. A file that is not
own is named as it is imported: `httpx/_client.py`.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CellType, CodeType, TracebackType
from typing import Any, Final, NamedTuple

from opord.kernel import trouble
from opord.kernel.trouble import CAUSE_FRAMES, CAUSES, FRAMES, How, raised_at, stack_frame

PROJECT_FILES: Final = ("pyproject.toml", ".git", "opord.toml")

_OPORD: Final = Path(__file__).resolve().parent.parent
_EXAMPLES: Final = _OPORD / "examples"
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_LIBRARY: Final = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))

_EMPTY: Final = CellType()
"""Compares equal to a cell of a closure that has no content yet."""

_NO_FILE: Final = "<string>"
"""What `eval`, `exec` and `python -c` all call their code.

Python 3.13 keeps the text of `-c` under this name. It is not that of the other code.
"""

_OUTERMOST: Final = 5
"""How many of the first frames are kept of a long traceback; the others are the last ones."""


class FrameFile(NamedTuple):
    """The name of a file, and whether it is the user's own code."""

    file: str
    own: bool


def frames_of(error: BaseException, home: str | None, *, limit: int = FRAMES) -> list[dict[str, Any]]:
    """Return the frames of an exception, the caller first, from the first own one on.

    `home` is the package of the handlers, if it is installed; see `home_of`. Of more than `limit`,
    the outermost and the innermost are kept, and the innermost own one.
    """
    passed = list(_passed(raised_at(error)))
    places = [located(code.co_filename, home) for code, _, _ in passed]
    own = [index for index, place in enumerate(places) if place.own]
    indices = range(own[0] if own else 0, len(passed))
    if len(indices) > limit:
        outer = min(_OUTERMOST, limit // 2)
        chosen = {*indices[:outer], *own[-1:]}
        chosen |= set(indices[-(limit - len(chosen)) :])
        return [_shown(passed[index], places[index]) for index in sorted(chosen)]
    return [_shown(passed[index], places[index]) for index in indices]


def causes_of(error: BaseException, home: str | None) -> list[dict[str, Any]]:
    """Return the exceptions that led to this one, nearest first; see `kernel/trouble.py`."""
    causes: list[dict[str, Any]] = []
    seen = {id(error)}
    waiting = list(_led_to(error))
    while waiting and len(causes) < CAUSES:
        how, one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        causes.append(trouble.cause(how, one, frames_of(one, home, limit=CAUSE_FRAMES)))
        waiting = [*_led_to(one), *waiting]
    return causes


def describe_fault(error: BaseException) -> dict[str, Any]:
    """Describe an exception that no handler raised, for a record."""
    return trouble.describe(error, frames=frames_of(error, None), causes=causes_of(error, None))


def frame_of(function: Callable[..., Any], home: str | None, name: str = "") -> dict[str, Any] | None:
    """Return the line at which a function is defined; None if it is not written in Python.

    `name` is what the function is called by; see `code_of`.
    """
    code = code_of(function, name)
    if code is None:
        return None
    line = _definition_line(code)
    place = located(code.co_filename, home)
    return stack_frame(
        place.file, line, _name(code), _source(code.co_filename, line, _globals_of(function)), own=place.own
    )


def home_of(function: Callable[..., Any], name: str = "") -> str | None:
    """Return the installed package or module that a handler belongs to; None if there is none."""
    code = code_of(function, name)
    if code is None:
        return None
    parts = Path(code.co_filename).parts
    at = max((index for index, part in enumerate(parts) if part in _INSTALLED), default=None)
    return None if at is None else str(Path(*parts[: at + 2]))


def code_of(function: Callable[..., Any], name: str = "") -> CodeType | None:
    """Return the code of a function, a method, a partial, a class, or an object that can be called.

    A wrapper is looked through: to what it says that it wraps, or to the function called `name`
    that it holds.
    """
    for _ in range(100):  # a chain of wrappers may be a ring
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif (wrapped := _wrapped(function, name)) is not None:
            function = wrapped
        elif inspect.isfunction(function):
            return function.__code__
        else:
            method = "__init__" if isinstance(function, type) else "__call__"
            called = getattr(function if isinstance(function, type) else type(function), method, None)
            if not inspect.isfunction(called):
                return None
            function = called
    return None


def _wrapped(function: Callable[..., Any], name: str) -> Callable[..., Any] | None:
    """Return what a wrapper wraps, as far as it is known."""
    known = getattr(function, "__wrapped__", None)
    if known is not None or not name or getattr(function, "__name__", "") == name:
        return known
    if inspect.isfunction(function):
        held = [cell.cell_contents for cell in function.__closure__ or () if cell != _EMPTY]
    else:
        held = list(getattr(function, "__dict__", {}).values())
    return next((one for one in held if callable(one) and getattr(one, "__name__", "") == name), None)


@functools.lru_cache(maxsize=4096)
def located(filename: str, home: str | None) -> FrameFile:
    """Return how a file is named, and whether it is the user's own code."""
    if filename.startswith("<"):
        return FrameFile(filename, not filename.startswith(("<frozen ", "<opord ")))
    path = Path(os.path.abspath(filename))
    if path.is_relative_to(_OPORD) and not path.is_relative_to(_EXAMPLES):
        return FrameFile(_below(path, _OPORD.parent), False)
    installed = max((index for index, part in enumerate(path.parts) if part in _INSTALLED), default=None)
    if installed is not None:
        of_handlers = home is not None and path.is_relative_to(home)
        return FrameFile(_below(path, Path(*path.parts[: installed + 1])), of_handlers)
    for library in _LIBRARY:
        if path.is_relative_to(library):
            return FrameFile(_below(path, library), False)
    return FrameFile(_below(path, _project(path.parent)), True)


def _project(folder: Path) -> Path:
    for one in (folder, *folder.parents):
        if any((one / name).exists() for name in PROJECT_FILES):
            return one
    return Path.cwd()


def _below(path: Path, folder: Path) -> str:
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _passed(trace: TracebackType | None) -> Iterator[tuple[CodeType, int, Mapping[str, Any]]]:
    while trace is not None:
        yield trace.tb_frame.f_code, trace.tb_lineno or 0, trace.tb_frame.f_globals
        trace = trace.tb_next


def _led_to(error: BaseException) -> Iterator[tuple[How, BaseException]]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield "member", member
    if error.__cause__ is not None:
        yield "cause", error.__cause__
    elif error.__context__ is not None and not error.__suppress_context__:
        yield "context", error.__context__


def _shown(passed: tuple[CodeType, int, Mapping[str, Any]], place: FrameFile) -> dict[str, Any]:
    code, line, names = passed
    return stack_frame(place.file, line, _name(code), _source(code.co_filename, line, names), own=place.own)


def _name(code: CodeType) -> str:
    """Return the name of a function in its module, or in the function that defines it."""
    return code.co_qualname.rpartition("<locals>.")[2]


def _source(filename: str, line: int, names: Mapping[str, Any]) -> str | None:
    if filename == _NO_FILE:
        return None
    return linecache.getline(filename, line, dict(names)).strip() or None


def _globals_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    return getattr(inspect.unwrap(function), "__globals__", {})


def _definition_line(code: CodeType) -> int:
    """Return the line of the `def` itself; that of the code may be a decorator's."""
    first = code.co_firstlineno
    for line in range(first, first + 50):
        text = linecache.getline(code.co_filename, line).lstrip()
        if text.startswith(("def ", "async def ")):
            return line
    return first
