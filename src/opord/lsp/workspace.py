"""The files of an editor: open and perhaps unsaved ones, those on disk, and which file uses which.

An open buffer is used in place of the file on disk, also where another file uses it. An analysis is
kept while its own text and the texts of the files it uses stay the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from opord.language.lowering.reach import within_folder_of
from opord.language.syntax.source import MAX_SOURCE_BYTES, Source, with_slashes
from opord.lsp.analysis import Analysis

SUFFIX = ".opord"
# Folders of tools, in which nobody keeps contracts. Hidden folders are skipped as well.
_NOT_LOOKED_INTO = frozenset({"node_modules", "__pycache__", "build", "dist", "target", "venv"})
# A folder with more files than this was probably opened by mistake. Searching it would take too
# long.
_FILES_MAX = 2_000
_FOLDERS_MAX = 20_000


@dataclass(slots=True)
class _CachedAnalysis:
    """An analysis, with the texts it was made from by path.

    None for a file that could not be read.
    """

    analysis: Analysis
    rests_on: dict[str, str | None]


@dataclass(slots=True)
class _OnDisk:
    """The content of a file, with the modification time and size that it had."""

    stamp: tuple[int, int]
    data: bytes


@dataclass(slots=True)
class Workspace:
    """Open buffers by path, and the folders that may contain other files.

    With `allow_outside` a contract may use files outside its folder.
    """

    folders: list[str] = field(default_factory=list)
    buffers: dict[str, str] = field(default_factory=dict)
    allow_outside: bool = False
    _cached: dict[str, _CachedAnalysis] = field(default_factory=dict)
    _disk: dict[str, _OnDisk] = field(default_factory=dict)

    def put(self, path: str, text: str) -> None:
        """Store the text of an open buffer."""
        self.buffers[path] = text

    def close(self, path: str) -> None:
        """Forget a buffer. From now on the file on disk is used."""
        self.buffers.pop(path, None)
        self._cached.pop(path, None)

    def analysis(self, path: str) -> Analysis | None:
        """Return the analysis of a file, kept or new; None if it is not open and cannot be read."""
        cached = self._cached.get(path)
        if cached is not None and all(self._text(each) == text for each, text in cached.rests_on.items()):
            return cached.analysis
        text = self._text(path)
        if text is None:
            return None
        rests_on: dict[str, str | None] = {path: text}

        def read(used: str) -> str | bytes:
            rests_on[used] = self._text(used)
            return self._content(used)

        source = Source(path, text) if path in self.buffers else Source.from_bytes(path, self._data(path))
        analysis = Analysis(source, read if self.allow_outside else within_folder_of(path, read))
        self._cached[path] = _CachedAnalysis(analysis, rests_on)
        return analysis

    def users_of(self, path: str) -> list[str]:
        """List the open files that use a file, directly or through other files."""
        return [
            each
            for each in self.buffers
            if each != path
            and (analysis := self.analysis(each)) is not None
            and path in self._used(each, analysis)
        ]

    def _used(self, path: str, analysis: Analysis) -> set[str]:
        cached = self._cached.get(path)
        return set(cached.rests_on) if cached is not None else set(analysis.sources)

    def mentioning(self, path: str) -> Iterator[Analysis]:
        """Yield the analyses of all files of the workspace that use a file, open or not."""
        name = os.path.basename(path)
        for each in self.files():
            if each == path:
                continue
            text = self._text(each)
            if text is None or name not in text or "use" not in text:
                continue
            analysis = self.analysis(each)
            if analysis is not None and path in analysis.sources:
                yield analysis

    def files(self) -> list[str]:
        """List the contract files of the workspace: the open ones, then those in its folders."""
        paths = dict.fromkeys(self.buffers)
        folders = 0
        for folder in self.folders:
            for at, inside, names in os.walk(folder):
                folders += 1
                inside[:] = sorted(
                    each for each in inside if not each.startswith(".") and each not in _NOT_LOOKED_INTO
                )
                paths.update(
                    dict.fromkeys(
                        with_slashes(os.path.join(at, name))
                        for name in sorted(names)
                        if name.endswith(SUFFIX)
                    )
                )
                if len(paths) > _FILES_MAX or folders > _FOLDERS_MAX:
                    return list(paths)[:_FILES_MAX]
        return list(paths)

    # --- Content ----------------------------------------------------------------------------------

    def _content(self, path: str) -> str | bytes:
        """Return the content of a file.

        Raises:
            OSError: the file is not open and cannot be read.
        """
        if path in self.buffers:
            return self.buffers[path]
        return self._data(path)

    def _text(self, path: str) -> str | None:
        if path in self.buffers:
            return self.buffers[path]
        try:
            return self._data(path).decode("utf-8", errors="replace")
        except OSError:
            return None

    def _data(self, path: str) -> bytes:
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_size)
        cached = self._disk.get(path)
        if cached is not None and cached.stamp == stamp:
            return cached.data
        with open(path, "rb") as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
        self._disk[path] = _OnDisk(stamp, data)
        return data
