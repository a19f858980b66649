"""The bell of a store in a file: the kernel tells who opens the log, without reading or writing it.

To ring is to open the log and close it again: to read for `work`, to write for `end`. Linux tells
all processes that watch the log (inotify), in whatever container they see it and whoever they are.
There is nothing to clean up after a process that was killed, a ring waits for nobody, and nothing
is written. SQLite has no lock on the log, so closing the log loses none.

Where there is no inotify, nobody hears, and processes look at the store instead.
"""

from __future__ import annotations

import ctypes
import logging
import os
import struct
import sys
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from opord.stores.bell import Ring, Rings

log: logging.Logger = logging.getLogger("opord.store")

_OPEN_WITH: Final[Mapping[Ring, int]] = {"work": os.O_RDONLY, "end": os.O_WRONLY}
_CLOSED_AFTER: Final[Mapping[Ring, int]] = {"work": 0x10, "end": 0x08}
"""The events of inotify: closed after it was open to read, or to write.

They are `IN_CLOSE_NOWRITE` and `IN_CLOSE_WRITE`.
"""

_NO_MORE: Final = 0x8000
"""The watched file is gone (`IN_IGNORED`)."""

_EVENT: Final = struct.Struct("iIII")
_READ_BYTES: Final = 256 * _EVENT.size


def log_of(path: Path) -> str:
    """Return the name of a store's log."""
    return f"{path}-wal"


def ring_log(path: Path, rings: Rings) -> None:
    """Ring for those who listen to the store at `path`."""
    if rings.work:
        _touch(path, "work")
    if rings.end:
        _touch(path, "end")


def _touch(path: Path, ring: Ring) -> None:
    with suppress(OSError):  # a hint: too many files are open, or the log was moved
        os.close(os.open(log_of(path), _OPEN_WITH[ring] | os.O_CLOEXEC))


class LogBell:
    """Hears the rings for a store in a file, its own too."""

    def __init__(self, path: Path, ring: Ring) -> None:
        """Listen for a kind of ring.

        Raises:
            OSError: this system has no inotify, or the user listens to too many files.
        """
        self._log = log_of(path)
        self._events = _CLOSED_AFTER[ring]
        self._descriptor = _inotify()
        _open.add(self)
        try:
            self.watch()
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        return self._descriptor

    def watch(self) -> None:
        """Watch the log that has the name now.

        Raises:
            OSError: there is none, or the user watches too many files.
        """
        if _libc().inotify_add_watch(self._descriptor, os.fsencode(self._log), self._events) < 0:
            raise OSError(ctypes.get_errno(), "the log cannot be watched")

    def watch_again(self) -> None:
        """Watch the log once more: it may be another file now."""
        if self._descriptor >= 0:
            with suppress(OSError):  # it is not there yet, and whoever makes it watches again
                self.watch()

    def heard(self) -> None:
        with suppress(OSError):  # nothing to read
            events = os.read(self._descriptor, _READ_BYTES)
            if any(mask & _NO_MORE for _, mask, _, _ in _EVENT.iter_unpack(events)):
                self.watch_again()

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_open: weakref.WeakSet[LogBell] = weakref.WeakSet()


def _in_child() -> None:
    """Leave the bells of the parent process to it."""
    for bell in list(_open):
        bell.close()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def _inotify() -> int:
    """Return a new descriptor for watching files.

    Raises:
        OSError: this system has none, or none is left for this user.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("this system has no inotify")
    descriptor: int = _libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "no more files can be watched")
    return descriptor


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def bell_of(path: Path, ring: Ring) -> LogBell | None:
    """Return a bell of a store in a file; None if this process can hear none."""
    try:
        return LogBell(path, ring)
    except (OSError, AttributeError) as error:
        log.debug("no rings are heard, so the store is looked at instead: %s", error)
        return None
