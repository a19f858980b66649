"""Catch a `pure` handler that opens a file, a socket or a process, in development and tests.

Python reports such operations to audit hooks. An audit hook cannot be removed, so it is installed
only when a program first watches. From then on it checks one flag of its thread, which is set only
while a watched handler runs.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

FAMILIES = {
    "socket": "uses the network",
    "http": "uses the network",
    "urllib": "uses the network",
    "ftplib": "uses the network",
    "smtplib": "uses the network",
    "imaplib": "uses the network",
    "poplib": "uses the network",
    "subprocess": "starts a process",
    "pty": "starts a process",
    "sqlite3": "opens a database",
    "open": "opens a file",
    "shutil": "works on files",
    "tempfile": "makes a file",
    "glob": "reads a folder",
    "mmap": "maps a file",
    "fcntl": "works on a file",
    "webbrowser": "opens a browser",
    "os": "asks the operating system",
}
"""What an audit event says about a handler, by the first part of the event's name.

Other events are ignored.
"""

OF_OS = {
    "os.system": "starts a process",
    "os.exec": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.spawn": "starts a process",
    "os.startfile": "starts a process",
    "os.listdir": "reads a folder",
    "os.scandir": "reads a folder",
    "os.walk": "reads a folder",
    "os.fwalk": "reads a folder",
}

EXCUSED = frozenset(
    {"importlib", "linecache", "logging", "tokenize", "traceback", "warnings", "zipimport", "zoneinfo"}
)
"""Modules that may open files while a pure runs.

These files are not input of a computation: code, its text for tracebacks, the log, and the rules of
time zones, which come with Python.
"""


class NotPure(Exception):
    """A handler that is declared `pure` is not: its answer could differ the next time.

    `handler` is its name, `event` is the audit event; `file`, `line` and `function` are the place
    in the user's code.
    """

    handler: str
    event: str
    file: str
    line: int
    function: str

    def __init__(self, handler: str, event: str, what: str, file: str, line: int, function: str) -> None:
        super().__init__(
            f"{handler} is declared pure, and {what} at {file}:{line} in {function}; declare it as an effect, "
            "or hand it what it needs as an argument"
        )
        self.handler, self.event, self.file, self.line, self.function = handler, event, file, line, function


class _Watched(threading.local):
    """The watched handler on this thread, if any, and what it was first caught doing."""

    handler: str | None = None
    caught: NotPure | None = None


_watched = _Watched()
_lock = threading.Lock()
_installed = False


def install() -> None:
    """Install the hook, once in the process."""
    global _installed
    with _lock:
        if not _installed:
            sys.addaudithook(_hear)
            _installed = True


def call_watched(handler: str, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a pure handler; raise what it was caught doing, even if the handler ignored that.

    Raises:
        NotPure: it tried to open something. The attempt was blocked.
    """
    outer = _watched.handler, _watched.caught
    _watched.handler, _watched.caught = handler, None
    try:
        value = function(*args)
    except BaseException:
        if _watched.caught is None:
            raise
        value = None
    finally:
        caught = _watched.caught
        _watched.handler, _watched.caught = outer
    if caught is not None:
        raise caught
    return value


def _hear(event: str, args: tuple[Any, ...]) -> None:
    handler = _watched.handler
    if handler is None:
        return
    family = event.partition(".")[0]
    if family not in FAMILIES:
        return
    # What is looked up from here on is done by Opord, not by the handler.
    _watched.handler = None
    try:
        frames = list(_frames(sys._getframe(1)))
        if _is_time_zone(event, args) or any(_module(frame) in EXCUSED for frame in frames):
            return
        what = f"{OF_OS.get(event, FAMILIES[family])}{_of(event, args)}"
        place = _place(frames)
        caught = NotPure(
            handler, event, what, place.f_code.co_filename, place.f_lineno, place.f_code.co_qualname
        )
        _watched.caught = _watched.caught or caught
    finally:
        _watched.handler = handler
    raise caught


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames from the innermost one outwards, up to the call of the handler."""
    while frame is not None and frame.f_code is not call_watched.__code__:
        yield frame
        frame = frame.f_back


def _module(frame: FrameType) -> str:
    if frame.f_code.co_filename.startswith(("<frozen importlib", "<frozen zipimport")):
        return "importlib"
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_time_zone(event: str, args: tuple[Any, ...]) -> bool:
    """Say whether the rules of a time zone are read. C code reads them, so no frame shows it."""
    zones = sys.modules.get("zoneinfo")
    if zones is None or event != "open" or args[1] != "r" or not isinstance(args[0], str):
        return False
    return any(args[0].startswith(f"{folder}{os.sep}") for folder in zones.TZPATH)


def _of(event: str, args: tuple[Any, ...]) -> str:
    """Describe what was opened, if the event shows that. Data that is sent is never shown."""
    shown = args[0] if args else None
    if event == "subprocess.Popen" or (event.startswith(("open", "os.", "shutil.", "sqlite3."))):
        if isinstance(shown, bytes):
            shown = shown.decode(errors="replace")
        return f" ({event} {shown[:200]!r})" if isinstance(shown, str) and shown else f" ({event})"
    return f" ({event})"


_OWN = str(Path(__file__).parents[1])
_LIBRARIES = tuple(
    {str(Path(sysconfig.get_path(name))) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def _place(frames: list[FrameType]) -> FrameType:
    """Return the frame to name: the innermost frame of the user's code.

    If all code is installed, it is the frame of the handler itself.
    """
    users = [frame for frame in frames if not _is_installed(frame.f_code.co_filename)]
    others = [frame for frame in frames if not frame.f_code.co_filename.startswith(_OWN)]
    return users[0] if users else (others or frames)[-1]


def _is_installed(file: str) -> bool:
    return file.startswith(("<frozen", _OWN, *_LIBRARIES))
