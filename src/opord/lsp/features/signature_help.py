"""Signature help: the call around the cursor, and its parameter at the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opord.language import words
from opord.language.lowering.symbols import Fields
from opord.language.syntax import tokens as t
from opord.lsp.analysis import Analysis
from opord.lsp.cursor import BracketFrame, Cursor, cursor_at
from opord.lsp.features import signatures
from opord.lsp.features.signatures import Parameter


@dataclass(frozen=True, slots=True)
class SignatureHelp:
    """One signature: its text, its parameters, and the index of the one at the cursor."""

    label: str
    doc: str
    parameters: tuple[Parameter, ...]
    active: int


def signature_help(analysis: Analysis, offset: int) -> SignatureHelp | None:
    """Return the signature of the call around an offset, or None if there is none."""
    cursor = cursor_at(analysis.tokens, analysis.text, offset)
    for frame in reversed(cursor.frames):
        if frame.kind == "fields":
            return _record(analysis, cursor, frame)
        if frame.kind == "(":
            return _called(analysis, cursor, frame)
        if frame.kind not in ("[", "text"):
            return None
    return None


def _record(analysis: Analysis, cursor: Cursor, frame: BracketFrame) -> SignatureHelp | None:
    name, _ = cursor.callee(frame)
    symbol = analysis.ctx.type_named(name)
    if symbol is None or symbol.kind != "record":
        return None
    parameters = tuple(signatures.parameters_of(symbol.fields))
    label = f"{name} {{ {', '.join(each.label for each in parameters)} }}"
    return SignatureHelp(label, symbol.doc, parameters, _active(cursor, frame, symbol.fields))


def _called(analysis: Analysis, cursor: Cursor, frame: BracketFrame) -> SignatureHelp | None:
    name, before = cursor.callee(frame)
    if not name or before in t.DECLARATION_WORDS:
        return None
    for label, doc, fields in _callees(analysis, cursor, frame, name, before):
        if fields is None:
            return SignatureHelp(label, doc, (), 0)
        parameters = tuple(signatures.parameters_of(fields))
        return SignatureHelp(label, doc, parameters, _active(cursor, frame, fields))
    return None


def _callees(
    analysis: Analysis, cursor: Cursor, frame: BracketFrame, name: str, before: str
) -> Iterator[tuple[str, str, Fields | None]]:
    """Yield what a name before a parenthesis can be: signature, documentation and fields."""
    ctx = analysis.ctx
    if before == "goto":
        if (state := ctx.states.get(name)) is not None:
            yield f"{name}{signatures.row(state.fields)}", state.node.doc, state.fields
        return
    if before == "on":
        if (event := ctx.events.get(name)) is not None:
            doc = event.node.doc if event.node is not None else ""
            yield signatures.event(event), doc, event.params
        return
    if before == ".":
        owner = ctx.type_named(cursor.tokens.texts[frame.opening - 3]) if frame.opening >= 3 else None
        if owner is not None and (variant := owner.variants.get(name)) is not None:
            yield signatures.variant(variant, qualified=True), variant.doc, variant.fields
        return
    if (call := ctx.calls.get(name)) is not None:
        yield signatures.call(call), call.node.doc, call.params
    for variant in ctx.variants.get(name, ())[:1]:
        yield signatures.variant(variant), variant.doc, variant.fields
    if (function := words.function(name)) is not None:
        yield function.form, function.meaning, None


def _active(cursor: Cursor, frame: BracketFrame, fields: Fields) -> int:
    """Return the index of the parameter at the cursor.

    The name of the parameter decides if it is given, else the number of commas.
    """
    tokens = cursor.tokens
    depth, commas, first = 0, 0, frame.opening + 1
    for i in range(frame.opening + 1, cursor.index):
        kind = tokens.kinds[i]
        if kind in ("(", "[", "{", t.TEXT_START):
            depth += 1
        elif kind in (")", "]", "}", t.TEXT_END):
            depth -= 1
        elif kind == "," and depth == 0:
            commas += 1
            first = i + 1
    names = list(fields)
    if first + 1 < len(tokens.kinds) and tokens.kinds[first + 1] == ":" and tokens.texts[first] in names:
        return names.index(tokens.texts[first])
    if frame.kind == "fields":
        written_names = {
            tokens.texts[i - 1] for i in range(frame.opening + 1, cursor.index) if tokens.kinds[i] == ":"
        }
        return next((index for index, name in enumerate(names) if name not in written_names), len(names))
    return commas
