"""Before this process forks, its stores close their files. Each opens its own at its next use.

SQLite remembers in memory which locks the process holds. A forked child has a copy of that memory,
but not the locks: a write that was under way would lock the file for the child for ever, and what
it reads would not be protected from its parent. So no file may be open while a process forks.
"""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path
from typing import Protocol

from opord.stores.base import StoreRefused
from opord.stores.sqlite.location import identity


class ForkAware(Protocol):
    """What is told when this process forks."""

    def before_fork(self) -> Path | None:
        """Come to rest and close the file. Return its path if that was not possible."""

    def after_fork(self) -> None:
        """Go on, in the process that forked."""


_all: weakref.WeakSet[ForkAware] = weakref.WeakSet()
_told: dict[int, list[ForkAware]] = {}
"""By the thread that forks."""
_still_open: dict[int, list[Path]] = {}
_open_in_parent: set[tuple[int, int] | None] = set()


def add(one: ForkAware) -> None:
    """Tell it of each fork of this process from now on."""
    _all.add(one)


def check_not_inherited(path: Path) -> None:
    """Refuse a file that was in use while this process was forked.

    Raises:
        StoreRefused: SQLite would take locks of the parent process for its own.
    """
    if _open_in_parent and identity(path) in _open_in_parent:
        raise StoreRefused(
            f"store {path} was in use when this process was forked from process {os.getppid()}, so it "
            "cannot be opened here; fork at another time, or start a new process (subprocess, or multiprocessing with "
            '"spawn")'
        )


def _before() -> None:
    thread = threading.get_ident()
    told = _told[thread] = list(_all)
    paths = [one.before_fork() for one in told]
    _still_open[thread] = [path for path in paths if path is not None]


def _in_parent() -> None:
    thread = threading.get_ident()
    _still_open.pop(thread, None)
    for one in _told.pop(thread, ()):
        one.after_fork()


def _in_child() -> None:
    _open_in_parent.update(identity(path) for path in _still_open.pop(threading.get_ident(), ()))
    _still_open.clear()
    _told.clear()
    _all.clear()  # they are the parent's


if hasattr(os, "register_at_fork"):  # where processes can fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
