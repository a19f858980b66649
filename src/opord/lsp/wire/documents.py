"""Open documents: their text kept up to date from the changes that the editor sends."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from opord.lsp.positions import Encoding, Lines


@dataclass(slots=True)
class Document:
    """One open document, as the editor has it."""

    uri: str
    path: str
    lines: Lines
    version: int | None

    @property
    def text(self) -> str:
        """Its text, without a byte order mark."""
        return self.lines.text


@dataclass(slots=True)
class Documents:
    """The open documents by path, and the way between paths and the editor's addresses."""

    encoding: Encoding = "utf-16"
    by_path: dict[str, Document] = field(default_factory=dict)

    def path(self, uri: str) -> str:
        """Return the path of an address; an address that is no file stands for itself."""
        path = to_fs_path(uri) if uri.startswith("file:") else None
        return os.path.normpath(path) if path else uri

    def uri(self, path: str) -> str:
        """Return the address of a path: the one that the editor uses, if it has the file open."""
        known = self.by_path.get(path)
        if known is not None:
            return known.uri
        return (from_fs_path(path) or path) if os.path.isabs(path) else path

    def open(self, uri: str, text: str, version: int | None) -> Document:
        """Take a document."""
        path = self.path(uri)
        made = Document(uri, path, Lines(text.removeprefix("\ufeff"), self.encoding), version)
        self.by_path[path] = made
        return made

    def change(
        self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent], version: int | None
    ) -> Document | None:
        """Make changes in a document; None if it is not open."""
        document = self.by_path.get(self.path(uri))
        if document is None:
            return None
        for each in changes:
            document.lines = Lines(_changed(document.lines, each), self.encoding)
        document.version = version
        return document

    def close(self, uri: str) -> str:
        """Forget a document; return its path."""
        path = self.path(uri)
        self.by_path.pop(path, None)
        return path


def _changed(lines: Lines, change: types.TextDocumentContentChangeEvent) -> str:
    if isinstance(change, types.TextDocumentContentChangePartial):
        start = lines.offset(change.range.start.line, change.range.start.character)
        end = max(start, lines.offset(change.range.end.line, change.range.end.character))
        return lines.text[:start] + change.text + lines.text[end:]
    return change.text.removeprefix("\ufeff")
