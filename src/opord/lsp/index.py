"""The index of every name in a file and its meaning, for navigation, rename and colours.

A symbol is identified by the place of its declaration, in this file or another. A shared handler of
a phase can name a field that all its states have. Such an occurrence refers to several symbols.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from opord.contract import Place, Type
from opord.language.lowering import Lowering
from opord.language.lowering.recorder import Recorder, Rest
from opord.language.lowering.scope import Binding
from opord.language.lowering.symbols import (
    CallSymbol,
    EventSymbol,
    Fields,
    FieldSymbol,
    StateSymbol,
    TypeSymbol,
    VariantSymbol,
)
from opord.language.syntax import tree
from opord.language.syntax.tree import Span

SymbolKind: TypeAlias = Literal[
    "contract", "input", "record", "enum", "failure", "field", "variant", "variant field", "role", "event",
    "event parameter", "pure", "effect", "action", "parameter", "state", "state field", "phase", "variable",
]  # fmt: skip

Target: TypeAlias = (
    FieldSymbol
    | VariantSymbol
    | TypeSymbol
    | CallSymbol
    | EventSymbol
    | StateSymbol
    | Binding
    | tree.Contract
    | tree.Phase
    | tree.Role
    | None
)


@dataclass(frozen=True, slots=True)
class Symbol:
    """The meaning of a name.

    `owner` is the record of a field, the call of a parameter, and so on.
    """

    kind: SymbolKind
    name: str
    place: Place
    target: Target
    owner: str = ""


@dataclass(frozen=True, slots=True)
class NameOccurrence:
    """A name at its place in this file. `declares` says that this is its declaration."""

    span: Span
    places: tuple[Place, ...]
    declares: bool


class NameIndex:
    """The symbols that a file knows, and its names from top to bottom."""

    def __init__(self, file: tree.File, ctx: Lowering, recorder: Recorder) -> None:
        self._path = ctx.source.path
        self._starts = ctx.source.line_starts
        self.symbols: dict[Place, Symbol] = {}
        self.rests: list[Rest] = recorder.rests
        for symbol in _declared(file, ctx):
            self.symbols.setdefault(symbol.place, symbol)
        occurrences: dict[tuple[Span, bool], NameOccurrence] = {}
        for local in recorder.locals:
            binding = local.binding
            place = ctx.place(local.span)
            self.symbols.setdefault(place, Symbol("variable", binding.name, place, binding))
        for place in self.symbols:
            if place.file == self._path:
                span = self.span(place)
                occurrences[span, True] = NameOccurrence(span, (place,), True)
        for span, places in recorder.references:
            if (span, True) not in occurrences and span[0] < span[1]:
                known_places = tuple(place for place in places if place in self.symbols)
                if known_places:
                    occurrences[span, False] = NameOccurrence(span, known_places, False)
        self.occurrences: list[NameOccurrence] = sorted(occurrences.values(), key=lambda each: each.span)
        self._at = [each.span[0] for each in self.occurrences]

    def span(self, place: Place) -> Span:
        """Return the offsets of a place in this file."""
        return (
            self._starts[place.line - 1] + place.column - 1,
            self._starts[place.end_line - 1] + place.end_column - 1,
        )

    def at(self, offset: int) -> NameOccurrence | None:
        """Return the name that contains an offset or ends at it."""
        i = bisect_right(self._at, offset) - 1
        # Between two adjacent names, the second one is meant. It comes later in the list.
        if i >= 0 and self.occurrences[i].span[0] <= offset <= self.occurrences[i].span[1]:
            return self.occurrences[i]
        return None

    def symbol_at(self, offset: int) -> Symbol | None:
        """Return the symbol of the name at an offset."""
        occurrence = self.at(offset)
        return self.symbols[occurrence.places[0]] if occurrence is not None else None

    def of(self, places: set[Place]) -> list[NameOccurrence]:
        """List the names that refer to one of these symbols."""
        return [each for each in self.occurrences if not places.isdisjoint(each.places)]


def _declared(file: tree.File, ctx: Lowering) -> Iterator[Symbol]:
    """Yield the declared symbols; of several with one name, only the first."""
    for node in file.declarations:
        match node:
            case tree.Contract(name):
                if name.text:
                    yield Symbol("contract", name.text, ctx.place(name.span), node)
            case tree.Role(names):
                for each in names:
                    if each.text:
                        yield Symbol("role", each.text, ctx.roles.get(each.text, ctx.place(each.span)), node)
            case tree.Phase(name):
                if name.text in ctx.phases:
                    yield Symbol("phase", name.text, ctx.phases[name.text], node)
            case (
                tree.RecordType()
                | tree.Enum()
                | tree.Failure()
                | tree.Event()
                | tree.CallDeclaration()
                | tree.State()
                | tree.Require()
                | tree.Ensure()
                | tree.Use()
                | tree.Unparsed()
            ):
                pass
            case _:
                assert_never(node)
    yield from _fields("input", ctx.params, _contract_name(file))
    for type in ctx.types.values():
        if type.unread:
            continue
        yield Symbol(type.kind, type.name, type.place, type)
        yield from _fields("field", type.fields, type.name)
        for variant in type.variants.values():
            yield Symbol("variant", variant.ref.variant, variant.place, variant, type.name)
            yield from _fields("variant field", variant.fields, variant.ref.variant)
    for event in ctx.events.values():
        if event.node is not None:
            yield Symbol("event", event.name, event.place, event)
            if any(param.place.line for param in event.params.values()):
                yield from _fields("event parameter", event.params, event.name)
    for call in ctx.calls.values():
        yield Symbol(call.kind, call.name, call.place, call)
        yield from _fields("parameter", call.params, call.name)
    for state in ctx.states.values():
        yield Symbol("state", state.name, state.place, state)
        yield from _fields("state field", state.fields, state.name)


def _contract_name(file: tree.File) -> str:
    return next((each.name.text for each in file.declarations if isinstance(each, tree.Contract)), "")


def _fields(kind: SymbolKind, fields: Fields, owner: str) -> Iterator[Symbol]:
    for field in fields.values():
        if field.place.line:
            yield Symbol(kind, field.name, field.place, field, owner)


def type_of(symbol: Symbol) -> Type | None:
    """Return the type of a field, a parameter or a variable, and None for other symbols."""
    target = symbol.target
    return target.type if isinstance(target, FieldSymbol | Binding) else None


def declared_doc(symbol: Symbol) -> str:
    """Return the text of the `##` lines above a declaration."""
    match symbol.target:
        case FieldSymbol(doc=doc) | VariantSymbol(doc=doc) | TypeSymbol(doc=doc):
            return doc
        case tree.Contract(doc=doc) | tree.Phase(doc=doc) | tree.Role(doc=doc):
            return doc
        case CallSymbol(node=node) | StateSymbol(node=node):
            return node.doc
        case EventSymbol(node=event):
            return event.doc if event is not None else ""
        case Binding() | None:
            return ""
        case _:
            assert_never(symbol.target)
