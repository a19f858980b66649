"""Requests that only show: outline, folding, colours, hints, lenses, guarantee sheet, diagram."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from lsprotocol import types

from opord.lsp.analysis import Analysis
from opord.lsp.features import colours, folding, hints, lenses, outline, sheet
from opord.lsp.index import SymbolKind
from opord.lsp.server import OpordServer
from opord.lsp.wire.convert import Converter
from opord.lsp.wire.navigation import CANCEL_WINDOW_S, RequestFailed

_K = types.SymbolKind
_KINDS: dict[SymbolKind, types.SymbolKind] = {
    "contract": _K.Module, "input": _K.Variable, "record": _K.Struct, "enum": _K.Enum, "failure": _K.Enum,
    "field": _K.Field, "variant": _K.EnumMember, "variant field": _K.Field, "role": _K.Interface,
    "event": _K.Event, "event parameter": _K.Variable, "pure": _K.Function, "effect": _K.Function,
    "action": _K.Method, "parameter": _K.Variable, "state": _K.Class, "state field": _K.Field,
    "phase": _K.Namespace, "variable": _K.Variable,
}  # fmt: skip
SHOW_REFERENCES = "opord.showReferences"
WAYS_INTO = "opord.waysInto"


def register(server: OpordServer) -> None:
    """Register the handlers of these requests."""
    _register_outline(server)
    _register_colours(server)
    _register_margins(server)
    _register_contract(server)


# --- Outline and folding --------------------------------------------------------------------------


def _register_outline(server: OpordServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def document_symbols(
        params: types.DocumentSymbolParams,
    ) -> list[types.DocumentSymbol] | list[types.SymbolInformation] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        entries = outline.outline(analysis)
        if _nests(server):
            return [_symbol(convert, entry) for entry in entries]
        flat: list[types.SymbolInformation] = []
        for entry in entries:
            _flatten(convert, params.text_document.uri, entry, "", flat)
        return flat

    @server.feature(types.WORKSPACE_SYMBOL)
    async def workspace_symbols(params: types.WorkspaceSymbolParams) -> list[types.SymbolInformation]:
        await asyncio.sleep(CANCEL_WINDOW_S)
        paths = server.workspace_.files()
        analyses = [analysis for path in paths if (analysis := server.analysis(path)) is not None]
        converters = {each.path: Converter.of(server.documents, each) for each in analyses}
        return [
            types.SymbolInformation(
                name=each.name,
                kind=_KINDS[each.kind],
                container_name=each.owner or None,
                location=types.Location(
                    uri=server.documents.uri(each.analysis.path),
                    range=converters[each.analysis.path].range(each.span),
                ),
            )
            for each in outline.find(analyses, params.query)
        ]

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def folding_ranges(params: types.FoldingRangeParams) -> list[types.FoldingRange] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        return [
            types.FoldingRange(
                start_line=fold.first, end_line=fold.last, kind=types.FoldingRangeKind(fold.kind)
            )
            for fold in folding.folds(document[0])
        ]


def _nests(server: OpordServer) -> bool:
    document = server.client_capabilities.text_document
    symbols = document.document_symbol if document is not None else None
    return bool(symbols is not None and symbols.hierarchical_document_symbol_support)


def _symbol(convert: Converter, entry: outline.OutlineEntry) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        name=entry.name,
        kind=_KINDS[entry.kind],
        detail=entry.detail or None,
        range=convert.range(entry.span),
        selection_range=convert.range(entry.name_span),
        children=[_symbol(convert, each) for each in entry.inside],
    )


def _flatten(
    convert: Converter,
    uri: str,
    entry: outline.OutlineEntry,
    owner: str,
    symbols: list[types.SymbolInformation],
) -> None:
    symbols.append(
        types.SymbolInformation(
            name=entry.name,
            kind=_KINDS[entry.kind],
            container_name=owner or None,
            location=types.Location(uri=uri, range=convert.range(entry.name_span)),
        )
    )
    for each in entry.inside:
        _flatten(convert, uri, each, entry.name, symbols)


# --- Colours --------------------------------------------------------------------------------------


def _register_colours(server: OpordServer) -> None:
    legend = types.SemanticTokensLegend(
        token_types=list(colours.TYPES), token_modifiers=list(colours.MODIFIERS)
    )
    sent: dict[str, tuple[str, list[int]]] = {}
    numbers = itertools.count(1)

    def remember(uri: str, data: list[int]) -> str:
        number = str(next(numbers))
        sent[uri] = (number, data)
        return number

    @server.feature(
        types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL,
        types.SemanticTokensRegistrationOptions(
            legend=legend, full=types.SemanticTokensFullDelta(delta=True), range=True
        ),
    )
    def full(params: types.SemanticTokensParams) -> types.SemanticTokens | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        data = _encoded(*document, None)
        return types.SemanticTokens(data=data, result_id=remember(params.text_document.uri, data))

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL_DELTA)
    def delta(
        params: types.SemanticTokensDeltaParams,
    ) -> types.SemanticTokens | types.SemanticTokensDelta | None:
        uri = params.text_document.uri
        document = server.document(uri)
        if document is None:
            return None
        data = _encoded(*document, None)
        previous = sent.get(uri)
        number = remember(uri, data)
        if previous is None or previous[0] != params.previous_result_id:
            return types.SemanticTokens(data=data, result_id=number)
        return types.SemanticTokensDelta(edits=_difference(previous[1], data), result_id=number)

    @server.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE)
    def in_range(params: types.SemanticTokensRangeParams) -> types.SemanticTokens | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        return types.SemanticTokens(data=_encoded(analysis, convert, convert.span(params.range)))


def _encoded(analysis: Analysis, convert: Converter, within: tuple[int, int] | None) -> list[int]:
    """Encode each token as five numbers, with its position relative to the token before it."""
    data: list[int] = []
    line_before = start_before = 0
    for each in colours.coloured(analysis):
        if within is not None and (each.end < within[0] or each.start > within[1]):
            continue
        line, start = convert.lines.position(each.start)
        _, end = convert.lines.position(each.end)
        data += [
            line - line_before,
            start - start_before if line == line_before else start,
            end - start,
            each.type,
            each.modifiers,
        ]
        line_before, start_before = line, start
    return data


def _difference(before: list[int], after: list[int]) -> list[types.SemanticTokensEdit]:
    """Return one edit for the numbers between the common start and the common end of both lists."""
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    removed = len(before) - first - last
    put_in = after[first : len(after) - last]
    if not removed and not put_in:
        return []
    return [types.SemanticTokensEdit(start=first, delete_count=removed, data=put_in)]


# --- Hints and lenses -----------------------------------------------------------------------------


def _register_margins(server: OpordServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def inlay_hints(params: types.InlayHintParams) -> list[types.InlayHint] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        kinds = {"type": types.InlayHintKind.Type, "parameter": types.InlayHintKind.Parameter}
        return [
            types.InlayHint(
                position=convert.position(each.offset),
                label=each.text,
                kind=kinds[each.kind],
                padding_right=each.kind == "parameter" or None,
            )
            for each in hints.hints(analysis, convert.span(params.range))
        ]

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    def code_lenses(params: types.CodeLensParams) -> list[types.CodeLens] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        shown_lenses = []
        for each in lenses.lenses(analysis):
            range_ = convert.range(each.span)
            arguments = [params.text_document.uri, range_.start, convert.locations(each.places)]
            command = types.Command(title=each.title, command=SHOW_REFERENCES, arguments=arguments)
            shown_lenses.append(types.CodeLens(range=range_, command=command))
        return shown_lenses

    @server.command(WAYS_INTO)
    def ways_into(uri: str, state: str) -> list[types.Location] | None:
        document = server.document(uri)
        if document is None:
            return None
        analysis, convert = document
        symbol = analysis.ctx.states.get(state)
        if symbol is None:
            return None
        span = analysis.span(symbol.place)
        return next(
            (convert.locations(each.places) for each in lenses.lenses(analysis) if each.span == span), None
        )


# --- The contract as a whole ----------------------------------------------------------------------


def _register_contract(server: OpordServer) -> None:
    @server.feature("opord/explain")
    async def explain(params: Any) -> dict[str, str]:
        analysis = _named(server, params)
        await asyncio.sleep(CANCEL_WINDOW_S)
        try:
            return {"markdown": sheet.explained(analysis)}
        except sheet.SheetUnavailable as why:
            raise RequestFailed(str(why)) from None

    @server.feature("opord/diagram")
    async def diagram(params: Any) -> dict[str, str]:
        analysis = _named(server, params)
        format_ = _member(params, "format") or "svg"
        await asyncio.sleep(CANCEL_WINDOW_S)
        try:
            drawn = await asyncio.to_thread(sheet.diagram, analysis, str(format_))
            return {"format": str(format_), "content": drawn}
        except sheet.SheetUnavailable as why:
            raise RequestFailed(str(why)) from None


def _named(server: OpordServer, params: Any) -> Analysis:
    uri = _member(_member(params, "textDocument"), "uri")
    analysis = server.analysis(server.documents.path(uri)) if isinstance(uri, str) else None
    if analysis is None:
        raise RequestFailed(f'expected {{"textDocument": {{"uri": …}}}} of a contract at hand, got: {uri}')
    return analysis


def _member(params: Any, name: str) -> Any:
    """Return a member of parameters that have no type."""
    return params.get(name) if isinstance(params, dict) else getattr(params, name, None)
