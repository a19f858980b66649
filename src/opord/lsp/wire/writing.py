"""Requests for writing: completion, signature help, formatting and quick fixes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsprotocol import types

from opord.lsp.analysis import Analysis
from opord.lsp.features import actions, formatting
from opord.lsp.features import signature_help as signature_helps
from opord.lsp.features.completion import Offer, OfferKind, complete
from opord.lsp.features.describe import describe
from opord.lsp.server import OpordServer
from opord.lsp.wire.convert import Converter
from opord.lsp.wire.navigation import RequestFailed

_KINDS: dict[OfferKind, types.CompletionItemKind] = {
    "keyword": types.CompletionItemKind.Keyword,
    "snippet": types.CompletionItemKind.Snippet,
    "state": types.CompletionItemKind.Class,
    "event": types.CompletionItemKind.Event,
    "call": types.CompletionItemKind.Method,
    "function": types.CompletionItemKind.Function,
    "type": types.CompletionItemKind.Struct,
    "variant": types.CompletionItemKind.EnumMember,
    "field": types.CompletionItemKind.Field,
    "variable": types.CompletionItemKind.Variable,
    "role": types.CompletionItemKind.Interface,
    "constant": types.CompletionItemKind.Constant,
    "file": types.CompletionItemKind.File,
}
# How many offers carry their documentation. The rest send it on request.
_DOCUMENTED_MAX = 100
_TRIGGERS = [".", "(", ",", " ", "{", "|", ":", '"']


def register(server: OpordServer) -> None:
    """Register the handlers of these requests."""
    _register_completion(server)
    _register_signature_help(server)
    _register_formatting(server)
    _register_actions(server)


# --- Completion -----------------------------------------------------------------------------------


def _register_completion(server: OpordServer) -> None:
    options = types.CompletionOptions(trigger_characters=_TRIGGERS, resolve_provider=True)

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
    def completion(params: types.CompletionParams) -> types.CompletionList | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        span, offers = complete(analysis, convert.offset(params.position))
        snippets = _knows_snippets(server)
        items = [
            _item(analysis, convert, span, offer, number, snippets) for number, offer in enumerate(offers)
        ]
        return types.CompletionList(is_incomplete=False, items=items)

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    def resolve(item: types.CompletionItem) -> types.CompletionItem:
        data = item.data if isinstance(item.data, dict) else {}
        analysis = server.analysis(str(data.get("path", "")))
        if item.documentation is None and analysis is not None:
            for place, symbol in analysis.index.symbols.items():
                if [place.file, place.line, place.column] == data.get("place"):
                    item.documentation = _markdown(describe(analysis, symbol))
        return item


def _knows_snippets(server: OpordServer) -> bool:
    document = server.client_capabilities.text_document
    completion = document.completion if document is not None else None
    item = completion.completion_item if completion is not None else None
    return bool(item is not None and item.snippet_support)


def _item(
    analysis: Analysis, convert: Converter, span: tuple[int, int], offer: Offer, number: int, snippets: bool
) -> types.CompletionItem:
    with_snippet = snippets and bool(offer.snippet)
    place = offer.place
    documentation = _markdown(offer.doc) if offer.doc else None
    if documentation is None and place is not None and number < _DOCUMENTED_MAX:
        symbol = analysis.index.symbols.get(place)
        documentation = _markdown(describe(analysis, symbol)) if symbol is not None else None
    return types.CompletionItem(
        label=offer.label,
        kind=_KINDS[offer.kind],
        detail=offer.detail or None,
        documentation=documentation,
        sort_text=f"{offer.rank:03}{number:04}",
        filter_text=offer.label,
        insert_text_format=types.InsertTextFormat.Snippet
        if with_snippet
        else types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(
            range=convert.range(span), new_text=offer.snippet if with_snippet else offer.text
        ),
        additional_text_edits=convert.edits(offer.more) or None,
        data={"path": analysis.path, "place": [place.file, place.line, place.column]} if place else None,
    )


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(kind=types.MarkupKind.Markdown, value=text)


# --- Signature help -------------------------------------------------------------------------------


def _register_signature_help(server: OpordServer) -> None:
    options = types.SignatureHelpOptions(trigger_characters=["(", ",", "{"], retrigger_characters=[":"])

    @server.feature(types.TEXT_DOCUMENT_SIGNATURE_HELP, options)
    def signature_help(params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        signature_shown = signature_helps.signature_help(analysis, convert.offset(params.position))
        if signature_shown is None:
            return None
        parameters = [
            types.ParameterInformation(
                label=each.label, documentation=_markdown(each.doc) if each.doc else None
            )
            for each in signature_shown.parameters
        ]
        signature = types.SignatureInformation(
            label=signature_shown.label,
            documentation=_markdown(signature_shown.doc) if signature_shown.doc else None,
            parameters=parameters,
            active_parameter=signature_shown.active,
        )
        return types.SignatureHelp(
            signatures=[signature], active_signature=0, active_parameter=signature_shown.active
        )


# --- Formatting -----------------------------------------------------------------------------------


def _register_formatting(server: OpordServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def format_document(params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        try:
            return convert.edits(formatting.formatted(analysis))
        except formatting.FormattingRefused as why:
            raise RequestFailed(str(why)) from None

    @server.feature(types.TEXT_DOCUMENT_RANGE_FORMATTING)
    def format_range(params: types.DocumentRangeFormattingParams) -> list[types.TextEdit] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        try:
            return convert.edits(formatting.formatted(analysis, convert.span(params.range)))
        except formatting.FormattingRefused as why:
            raise RequestFailed(str(why)) from None


# --- Quick fixes ----------------------------------------------------------------------------------


def _register_actions(server: OpordServer) -> None:
    kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction] | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        analysis, convert = document
        only = params.context.only
        offers: list[types.CodeAction] = []
        if _wanted(only, "quickfix"):
            offers += [
                _action(convert, each) for each in actions.actions(analysis, convert.span(params.range))
            ]
        if _wanted(only, "source.fixAll") and (all_ := actions.fix_all(analysis)) is not None:
            offers.append(_action(convert, all_))
        return offers


def _wanted(only: Sequence[Any] | None, kind: str) -> bool:
    """Say whether a kind of action was requested; a requested kind includes the kinds below it."""
    if not only:
        return True
    kinds = [str(getattr(each, "value", each)) for each in only]
    return any(kind == each or kind.startswith(f"{each}.") or each == "" for each in kinds)


def _action(convert: Converter, action: actions.CodeAction) -> types.CodeAction:
    return types.CodeAction(
        title=action.title,
        kind=types.CodeActionKind(action.kind),
        edit=convert.edit(action.edits),
        diagnostics=[convert.diagnostic(action.problem)] if action.problem is not None else None,
        is_preferred=action.preferred or None,
    )
