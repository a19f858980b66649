"""The protocol, strict where programs rely on it: message order, broken messages, exit codes."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Sequence
from typing import Any, Protocol, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import JsonRPCNotification
from pygls.protocol.language_server import lsp_method

log: logging.Logger = logging.getLogger(__name__)

_NOT_INITIALIZED = -32002
_INVALID_REQUEST = -32600
_PARSE_ERROR = -32700
# The method of a message that has been answered already.
_DROPPED = "$/dropped"


class DocumentTexts(Protocol):
    """The keeper of the texts of open documents, which is the server."""

    def opened(self, uri: str, text: str, version: int | None) -> None:
        """Take an opened document."""

    def changed(
        self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent], version: int | None
    ) -> None:
        """Take changes of a document."""

    def closed(self, uri: str) -> None:
        """Forget a document."""


class StrictProtocol(LanguageServerProtocol):
    """Keeps documents itself, and answers every request, even an invalid one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initialized: bool = False
        self.exit_code: int | None = None

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read a message. One with invalid parameters is answered here, and dropped."""
        try:
            return super().structure_message(data)
        except JsonRpcException as wrong:
            log.warning("message %s cannot be read", data.get("method"))
            if "id" in data and "method" in data:
                self._send_response(data["id"], None, JsonRpcInvalidParams(str(wrong)).to_response_error())
            return JsonRPCNotification(method=_DROPPED, jsonrpc="2.0", params=None)

    def handle_message(self, message: Any) -> None:
        """Pass a message on if it is allowed at this time."""
        method = getattr(message, "method", None)
        if method == _DROPPED:
            return
        id_ = getattr(message, "id", None)
        if method is not None and method != types.EXIT and (self._shutdown or not self.initialized):
            if self._shutdown:
                wrong = (_INVALID_REQUEST, "the server is shutting down")
            elif method == types.INITIALIZE:
                self.initialized = True
                super().handle_message(message)
                return
            else:
                wrong = (_NOT_INITIALIZED, "the first request is `initialize`")
            if id_ is not None:
                self._send_response(id_, None, types.ResponseError(code=wrong[0], message=wrong[1]))
            return
        if method == types.INITIALIZE:
            error = types.ResponseError(code=_INVALID_REQUEST, message="the server is initialized already")
            self._send_response(id_, None, error)  # type: ignore[arg-type]
            return
        super().handle_message(message)

    def refuse_unreadable(self, error: Exception) -> None:
        """Answer a message that is not JSON."""
        if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
            parse_error = types.ResponseError(code=_PARSE_ERROR, message="the message is no JSON")
            self._send_data(types.ResponseErrorMessage(id=None, error=parse_error, jsonrpc="2.0"))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Generator[Any, Any, None]:
        """End the process, with status 0 if a shutdown was requested before, else 1."""
        self.exit_code = 0 if self._shutdown else 1
        raise SystemExit(self.exit_code)

    # The server keeps the text of documents itself, because the library splits lines in other
    # places than editors do.

    @property
    def _texts(self) -> DocumentTexts:
        return cast(DocumentTexts, self._server)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Take an opened document."""
        document = params.text_document
        self._texts.opened(document.uri, document.text, document.version)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Take changes of a document."""
        document = params.text_document
        self._texts.changed(document.uri, params.content_changes, document.version)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a document."""
        self._texts.closed(params.text_document.uri)
