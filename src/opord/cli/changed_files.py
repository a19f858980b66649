"""Notice that a file of a project has changed: contracts, Python code, settings.

Files are looked at again and again. That works on every file system, also on those shared with a
container, and costs a call of the system for each file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

FILES_MOST: Final = 5000
"""How many files are looked at. A folder with more is not a project."""

_ENDS: Final = (".opord", ".py")
_NAMES: Final = ("opord.toml", "pyproject.toml")
_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})


class ChangedFiles:
    """The files below some folders, as they were at the last look."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = [*dict.fromkeys(folder.resolve() for folder in folders)]
        self._seen = self._look()

    def look(self) -> list[Path]:
        """Return the files that were written, made or deleted since the last look."""
        before, self._seen = self._seen, self._look()
        if before == self._seen:
            return []
        changed = {path for path, _ in before.items() ^ self._seen.items()}
        return sorted(Path(path) for path in changed)

    def _look(self) -> dict[str, tuple[int, int]]:
        seen: dict[str, tuple[int, int]] = {}
        for folder in self._folders:
            for entry in _files(str(folder)):
                try:
                    facts = entry.stat()
                except OSError:
                    continue
                seen[entry.path] = (facts.st_mtime_ns, facts.st_size)
                if len(seen) >= FILES_MOST:
                    return seen
        return seen


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield the files of interest in a folder and below, without hidden folders and packages."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        if entry.name.endswith(_ENDS) or entry.name in _NAMES:
            yield entry
        elif entry.name[0] != "." and entry.name not in _LEFT_OUT and entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
