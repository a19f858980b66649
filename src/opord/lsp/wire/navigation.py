"""Requests about names: hover, definition, references, highlights, rename; and workspace events."""

from __future__ import annotations

import asyncio

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from opord.lsp.analysis import Analysis
from opord.lsp.features import hover as hovers
from opord.lsp.features import navigate, rename
from opord.lsp.server import OpordServer

# Long enough for a cancellation that is under way to arrive before the work starts.
CANCEL_WINDOW_S = 0.002
_REQUEST_FAILED = -32803
_WATCHED = "opord-files"


class RequestFailed(JsonRpcException):
    """The request is valid but cannot be done; the message says why."""

    CODE = _REQUEST_FAILED
    MESSAGE = "the request cannot be done"


def register(server: OpordServer) -> None:
    """Register the handlers of these requests."""
    _register_life(server)
    _register_reading(server)
    _register_rename(server)


def related(server: OpordServer, analysis: Analysis, offset: int) -> list[Analysis]:
    """Analyse the other files that may contain the name at an offset."""
    path = navigate.file_of(analysis, offset)
    if not path:
        return []
    home = server.analysis(path) if path != analysis.path else None
    others = [home] if home is not None else []
    return [*others, *(each for each in server.workspace_.mentioning(path) if each.path != analysis.path)]


def _register_life(server: OpordServer) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.begin(params)

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watches = workspace.did_change_watched_files if workspace is not None else None
        if watches is not None and watches.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions(
                watchers=[types.FileSystemWatcher(glob_pattern="**/*.opord")]
            )
            server.client_register_capability(
                types.RegistrationParams(
                    registrations=[
                        types.Registration(
                            id=_WATCHED,
                            method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
                            register_options=options,
                        )
                    ]
                )
            )

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        server.changed_on_disk([server.documents.path(each.uri) for each in params.changes])

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        server.change_folders(params.event)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        pass  # there are no settings

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        pass  # the buffer counts, saved or not


def _register_reading(server: OpordServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        hover_text = hovers.hover(analysis, convert.offset(params.position))
        if hover_text is None:
            return None
        content = types.MarkupContent(kind=types.MarkupKind.Markdown, value=hover_text.markdown)
        return types.Hover(contents=content, range=convert.range(hover_text.span))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(params: types.DefinitionParams) -> list[types.Location] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        links = navigate.definition(analysis, convert.offset(params.position))
        return convert.locations(link.target for link in links)

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def references(params: types.ReferenceParams) -> list[types.Location] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        offset = convert.offset(params.position)
        await asyncio.sleep(CANCEL_WINDOW_S)
        others = related(server, analysis, offset)
        for each in others:
            convert.know(each)
        wanted = params.context.include_declaration
        return convert.locations(navigate.references(analysis, offset, others, declaration=wanted))

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlight(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        write, read = types.DocumentHighlightKind.Write, types.DocumentHighlightKind.Read
        return [
            types.DocumentHighlight(range=convert.range(each.span), kind=write if each.declares else read)
            for each in navigate.highlights(analysis, convert.offset(params.position))
        ]


def _register_rename(server: OpordServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        try:
            renaming = rename.prepare(analysis, convert.offset(params.position))
        except rename.RenameRefused as why:
            raise RequestFailed(str(why)) from None
        return types.PrepareRenamePlaceholder(range=convert.range(renaming.span), placeholder=renaming.name)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    async def do_rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        offset = convert.offset(params.position)
        await asyncio.sleep(CANCEL_WINDOW_S)
        others = related(server, analysis, offset)
        for each in others:
            convert.know(each)
        try:
            return convert.edit(rename.rename(analysis, offset, params.new_name, others))
        except rename.RenameRefused as why:
            raise RequestFailed(str(why)) from None
