"""The server: it keeps the documents, checks them after changes, and serves their analyses."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Sequence
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from opord import __version__
from opord.lsp.analysis import Analysis
from opord.lsp.features.problems import problems
from opord.lsp.wire.convert import Converter
from opord.lsp.wire.documents import Documents, OpenDocument
from opord.lsp.wire.protocol import StrictProtocol
from opord.lsp.workspace import Workspace

log: logging.Logger = logging.getLogger(__name__)

# A pause in typing of this length starts a check. A file that takes longer to check gets a longer
# pause.
_PAUSE_S = 0.005
_PAUSE_S_MAX = 0.4
_QUICK_S = 0.1
# After this time without typing, the garbage collector runs.
_IDLE_S = 3.0


class OpordServer(LanguageServer):
    """The language server, one for each connection."""

    protocol: StrictProtocol

    def __init__(self) -> None:
        super().__init__("opord", __version__, protocol_cls=StrictProtocol)
        self.greeted: bool = False
        """Whether an editor has introduced itself."""
        self.workspace_: Workspace = Workspace()
        self.documents: Documents = Documents()
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._took_s: dict[str, float] = {}
        self._idle: asyncio.TimerHandle | None = None
        self._beside: set[str] = set()  # files that are not open, but have findings on show

    # --- Life -------------------------------------------------------------------------------------

    def begin(self, params: types.InitializeParams) -> None:
        """Take the settings of the editor."""
        self.greeted = True
        encoding = self.protocol.workspace.position_encoding
        self.documents.encoding = encoding if encoding in ("utf-8", "utf-32") else "utf-16"  # type: ignore[assignment]
        options = params.initialization_options
        if isinstance(options, dict) and options.get("allowOutside") is True:
            self.workspace_.allow_outside = True
        folders = [each.uri for each in params.workspace_folders or ()]
        if not folders and params.root_uri is not None:
            folders = [params.root_uri]
        self.workspace_.folders = [path for uri in folders if os.path.isabs(path := self.documents.path(uri))]

    def change_folders(self, event: types.WorkspaceFoldersChangeEvent) -> None:
        """Take added and removed folders."""
        gone = {self.documents.path(each.uri) for each in event.removed}
        remaining = [each for each in self.workspace_.folders if each not in gone]
        added = [self.documents.path(each.uri) for each in event.added]
        self.workspace_.folders = list(dict.fromkeys([*remaining, *added]))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an error, and answer an unreadable message. The editor shows no dialog."""
        log.error("%s", error)
        self.protocol.refuse_unreadable(error)

    # --- Documents --------------------------------------------------------------------------------

    def opened(self, uri: str, text: str, version: int | None) -> None:
        """Take an opened document."""
        document = self.documents.open(uri, text, version)
        self._beside.discard(document.path)
        self._take(document)

    def changed(
        self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent], version: int | None
    ) -> None:
        """Take changes of a document."""
        document = self.documents.change(uri, changes, version)
        if document is not None:
            self._take(document)

    def closed(self, uri: str) -> None:
        """Forget a document. The files that used its unsaved text are checked again."""
        path = self.documents.path(uri)
        users = self.workspace_.users_of(path)
        self.documents.close(uri)
        self.workspace_.close(path)
        self._cancel(path)
        self._took_s.pop(path, None)
        self._publish(uri, [], None)
        for user in users:
            self._later(user)
        self._show_beside()

    def changed_on_disk(self, paths: Sequence[str]) -> None:
        """Check the open files again that use a file which changed on disk."""
        for path in paths:
            if path in self.documents.by_path:
                continue
            for user in self.workspace_.users_of(path):
                self._later(user)

    def _take(self, document: OpenDocument) -> None:
        self.workspace_.put(document.path, document.text)
        self._later(document.path)

    # --- Findings ---------------------------------------------------------------------------------

    def _later(self, path: str) -> None:
        """Check a document after a pause in typing."""
        self._cancel(path)
        loop = asyncio.get_running_loop()
        if self._idle is not None:
            self._idle.cancel()
        self._idle = loop.call_later(_IDLE_S, gc.collect)
        slow = self._took_s.get(path, 0.0) - _QUICK_S
        pause = min(max(_PAUSE_S, slow), _PAUSE_S_MAX)
        self._waiting[path] = loop.call_later(pause, self._check, path, True)

    def _cancel(self, path: str) -> None:
        waiting = self._waiting.pop(path, None)
        if waiting is not None:
            waiting.cancel()

    def _check(self, path: str, and_users: bool) -> None:
        """Publish the findings of a document.

        With `and_users`, publish those of the open files that use it as well.
        """
        self._waiting.pop(path, None)
        document = self.documents.by_path.get(path)
        if document is None:
            return
        try:
            started = time.perf_counter()
            analysis = self.analysis(path)
            if analysis is None:
                return
            convert = Converter.of(self.documents, analysis)
            diagnostics = [convert.diagnostic(each) for each in problems(analysis)]
            self._took_s[path] = time.perf_counter() - started
            self._publish(document.uri, diagnostics, document.version)
            self._show_beside()
            if and_users:
                for user in self.workspace_.users_of(path):
                    if user not in self._waiting:
                        self._check(user, False)
        except Exception:
            log.exception("the check of %s failed", path)

    def _show_beside(self) -> None:
        """Publish the findings of used files that are not open.

        Clear those of files no longer used.
        """
        beside: dict[str, Analysis] = {}
        for path in list(self.documents.by_path):
            user_analysis = self.analysis(path)
            for used in user_analysis.sources if user_analysis is not None else ():
                if used not in self.documents.by_path and (used_analysis := self.analysis(used)) is not None:
                    beside[used] = used_analysis
        for path in self._beside - beside.keys() - self.documents.by_path.keys():
            self._publish(self.documents.uri(path), [], None)
        for path, analysis in beside.items():
            convert = Converter.of(self.documents, analysis)
            diagnostics = [convert.diagnostic(each) for each in problems(analysis)]
            if diagnostics or path in self._beside:
                self._publish(self.documents.uri(path), diagnostics, None)
        self._beside = set(beside)

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic], version: int | None) -> None:
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, diagnostics=diagnostics, version=version)
        )

    # --- For requests -----------------------------------------------------------------------------

    def analysis(self, path: str) -> Analysis | None:
        """Analyse a file as it is now."""
        return self.workspace_.analysis(path)

    def document(self, uri: str) -> tuple[Analysis, Converter] | None:
        """Return the analysis of a requested document, or None if it cannot be read."""
        analysis = self.analysis(self.documents.path(uri))
        return (analysis, Converter.of(self.documents, analysis)) if analysis is not None else None
