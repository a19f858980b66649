"""An editor for tests: a real client that starts `opord lsp` and uses its standard streams."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

SERVER = [sys.executable, "-c", "from opord.cli import main; main()", "lsp"]
ANSWER_S = 20


class Editor(LanguageClient):
    """Keeps open texts, changes them, and stores what the server publishes."""

    def __init__(self) -> None:
        super().__init__("test-editor", "1")
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, list[types.PublishDiagnosticsParams]] = {}
        self.messages: list[str] = []
        self._news = asyncio.Event()

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.published.setdefault(params.uri, []).append(params)
            self._news.set()

        @self.feature(types.WINDOW_SHOW_MESSAGE)
        def show(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)

        @self.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams) -> None:
            return None

    async def begin(
        self,
        *,
        folder: Path | None = None,
        encodings: list[types.PositionEncodingKind] | None = None,
        options: Any = None,
    ) -> types.InitializeResult:
        """Start the server, and initialize it as an editor with many capabilities does."""
        await self.start_io(*SERVER)
        item = types.ClientCompletionItemOptions(snippet_support=True)
        capabilities = types.ClientCapabilities(
            general=types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None,
            workspace=types.WorkspaceClientCapabilities(
                did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(
                    dynamic_registration=True
                )
            ),
            text_document=types.TextDocumentClientCapabilities(
                completion=types.CompletionClientCapabilities(completion_item=item),
                document_symbol=types.DocumentSymbolClientCapabilities(
                    hierarchical_document_symbol_support=True
                ),
                rename=types.RenameClientCapabilities(prepare_support=True),
            ),
        )
        folders = [types.WorkspaceFolder(uri=folder.as_uri(), name="w")] if folder is not None else None
        made = await self.ask(
            self.initialize_async(
                types.InitializeParams(
                    capabilities=capabilities, workspace_folders=folders, initialization_options=options
                )
            )
        )
        self.initialized(types.InitializedParams())
        return made

    async def end(self) -> int | None:
        """Shut the server down, and return its exit status."""
        await self.ask(self.shutdown_async(None))
        self.exit(None)
        return await self.status()

    async def status(self) -> int | None:
        """Wait for the server to end, and return its exit status."""
        assert self._server is not None
        return await asyncio.wait_for(self._server.wait(), ANSWER_S)

    async def ask(self, answer: Awaitable[Any]) -> Any:
        """Wait for an answer, with a time limit."""
        return await asyncio.wait_for(answer, ANSWER_S)

    def open(self, uri: str, text: str) -> types.TextDocumentIdentifier:
        """Open a document."""
        self.texts[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri=uri, language_id="opord", version=1, text=text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
        return types.TextDocumentIdentifier(uri=uri)

    def replace(self, uri: str, start: int, end: int, text: str) -> None:
        """Change a document as typing does, with a change of one range."""
        before = self.texts[uri]
        self.versions[uri] += 1
        range_ = types.Range(start=position(before, start), end=position(before, end))
        self.texts[uri] = before[:start] + text + before[end:]
        document = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        change = types.TextDocumentContentChangePartial(range=range_, text=text)
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(text_document=document, content_changes=[change])
        )

    def make(self, edit: types.WorkspaceEdit) -> None:
        """Apply an edit to the open documents."""
        for uri, changes in (edit.changes or {}).items():
            spans = [
                (
                    offset(self.texts[uri], each.range.start),
                    offset(self.texts[uri], each.range.end),
                    each.new_text,
                )
                for each in changes
            ]
            for start, end, text in sorted(spans, reverse=True):
                self.replace(uri, start, end, text)

    async def findings(self, uri: str) -> list[types.Diagnostic]:
        """Return the findings of the present text, once the server has published them."""

        async def wait() -> list[types.Diagnostic]:
            while True:
                for each in reversed(self.published.get(uri, [])):
                    if each.version == self.versions[uri]:
                        return list(each.diagnostics)
                self._news.clear()
                await self._news.wait()

        return await asyncio.wait_for(wait(), ANSWER_S)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a published message makes a condition true."""

        async def wait() -> None:
            while not holds():
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), ANSWER_S)

    def at(self, uri: str, words: str, into: int = 0) -> types.Position:
        """Return the position `into` characters after the start of words in an open document."""
        return position(self.texts[uri], self.texts[uri].index(words) + into)


def position(text: str, offset: int) -> types.Position:
    """Return a position in UTF-16, computed without the code under test."""
    before = text[:offset].split("\n")
    return types.Position(line=len(before) - 1, character=len(before[-1].encode("utf-16-le")) // 2)


def offset(text: str, place: types.Position) -> int:
    """Return the offset of a position in UTF-16."""
    start = 0
    for _ in range(place.line):
        start = text.index("\n", start) + 1
    row = text[start:].split("\n", 1)[0].encode("utf-16-le")
    return start + len(row[: place.character * 2].decode("utf-16-le"))


def with_editor(use: Callable[[Editor], Awaitable[None]], **how: Any) -> None:
    """Run `use` with an editor, and shut the editor down cleanly."""

    async def run() -> None:
        editor = Editor()
        await editor.begin(**how)
        await use(editor)
        assert await editor.end() == 0
        assert editor.messages == []

    asyncio.run(run())
