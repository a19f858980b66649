"""Open documents, with their text kept up to date by the editor's changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from opord.language.syntax.source import with_slashes
from opord.lsp.positions import Encoding, Lines


@dataclass(slots=True)
class OpenDocument:
    """One open document, as the editor has it."""

    uri: str
    path: str
    lines: Lines
    version: int | None

    @property
    def text(self) -> str:
        """The text, without a byte order mark."""
        return self.lines.text


@dataclass(slots=True)
class Documents:
    """The open documents by path, and the conversion between paths and the editor's addresses."""

    encoding: Encoding = "utf-16"
    by_path: dict[str, OpenDocument] = field(default_factory=dict)

    def path(self, uri: str) -> str:
        """Return the path of an address. An address that is not a file is returned unchanged."""
        path = to_fs_path(uri) if uri.startswith("file:") else None
        return with_slashes(os.path.normpath(path)) if path else uri

    def uri(self, path: str) -> str:
        """Return the address of a path: the editor's own address if the file is open."""
        document = self.by_path.get(path)
        if document is not None:
            return document.uri
        return (from_fs_path(path) or path) if os.path.isabs(path) else path

    def open(self, uri: str, text: str, version: int | None) -> OpenDocument:
        """Add an opened document."""
        path = self.path(uri)
        document = OpenDocument(uri, path, Lines(text.removeprefix("\ufeff"), self.encoding), version)
        self.by_path[path] = document
        return document

    def change(
        self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent], version: int | None
    ) -> OpenDocument | None:
        """Apply changes to a document, and return it; None if it is not open."""
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
