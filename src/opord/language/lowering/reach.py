"""Keep a contract's `use` lines within its folder.

A contract from somewhere else could otherwise name any file of the machine, and findings show lines
of a file that is not a contract. The folder that counts is that of the contract itself, the first
file of a check, with all folders below it. Symbolic links are followed: what counts is where a file
is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Reader: TypeAlias = Callable[[str], str | bytes]
"""Read a file by its path; raise OSError if there is none."""


class OutsideFolder(OSError):
    """A used file is not in the folder of the contract, and may not be read.

    `folder` is that folder, `target` where the file is; links are resolved in both. `by_link` says
    that its path stays in the folder, but a link leads out of it.
    """

    def __init__(self, folder: str, target: str, *, by_link: bool) -> None:
        self.folder = folder
        self.target = target
        self.by_link = by_link
        super().__init__(f"{target} is outside of {folder}")


def within_folder_of(contract: str | Path, read: Reader) -> Reader:
    """Return a reader that raises `OutsideFolder` for files outside the folder of a contract."""
    named = os.path.abspath(os.path.dirname(contract))
    folder = os.path.realpath(named)

    def read_inside(path: str) -> str | bytes:
        target = os.path.realpath(path)
        if not _is_below(target, folder):
            raise OutsideFolder(folder, target, by_link=_is_below(os.path.abspath(path), named))
        return read(path)

    return read_inside


def _is_below(path: str, folder: str) -> bool:
    try:
        return os.path.commonpath((folder, path)) == folder
    except ValueError:  # on another drive
        return False
