"""Declared names: states, events, calls, types, failures, roles, and the names in promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opord.language import words
from opord.language.lowering.symbols import Fields, FieldSymbol
from opord.language.syntax import tree
from opord.language.types import show
from opord.lsp.features import signatures
from opord.lsp.features.completion.offer import CompletionSpot, Offer
from opord.lsp.features.describe import describe_word
from opord.lsp.features.rename import TextEdit


def states(
    spot: CompletionSpot, *, with_arguments: bool = False, taken: Iterable[str] = ()
) -> Iterator[Offer]:
    """Offer states, those of the header first.

    Each other state has an edit that adds it to the header.
    """
    state = spot.state if with_arguments else None
    own = [target.text for target in state.targets] if state is not None else []
    left_out = set(taken)
    for symbol in spot.ctx.states.values():
        if symbol.name in left_out:
            continue
        listed = symbol.name in own
        more: tuple[TextEdit, ...] = ()
        if state is not None and not listed:
            more = (_added_to_header(spot, state, symbol.name),)
        snippet = f"{symbol.name}({_places(symbol.fields)})" if with_arguments and symbol.fields else ""
        note = "" if listed or state is None else "  (adds it to the header)"
        yield Offer(
            symbol.name,
            "state",
            signatures.state(symbol) + note,
            snippet=snippet,
            rank=own.index(symbol.name) if listed and len(own) < 40 else 41 if state is not None else 45,
            place=symbol.place,
            more=more,
        )


def _added_to_header(spot: CompletionSpot, state: tree.State, name: str) -> TextEdit:
    path = spot.analysis.path
    if state.targets:
        at = state.targets[-1].span[1]
        return TextEdit(path, (at, at), f" | {name}")
    at = min(state.header_span[1], spot.word[0])
    return TextEdit(path, (at, at), f" -> {name}")


def _places(fields: Fields) -> str:
    needed = [each.name for each in fields.values() if not each.may_be_left_out]
    return ", ".join(f"${{{number}:{name}}}" for number, name in enumerate(needed, start=1))


def events(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer events, with a placeholder for each parameter; `cancel` is always offered."""
    state = spot.state
    handled = (
        {each.event.text for each in state.body or () if isinstance(each, tree.OnEvent)}
        if state is not None
        else set()
    )
    for symbol in spot.ctx.events.values():
        names = ", ".join(symbol.params)
        yield Offer(
            symbol.name,
            "event",
            signatures.event(symbol),
            insert=f"{symbol.name}({names})" if names else symbol.name,
            rank=30 if symbol.name in handled else 10,
            place=symbol.place if symbol.place.line else None,
        )
    if "cancel" not in spot.ctx.events:
        detail = "event cancel(reason: str) keep"
        yield Offer("cancel", "event", detail, insert="cancel(reason)", rank=20, doc="The built-in event.")


def calls(spot: CompletionSpot, kind: str, *, bare: bool = False) -> Iterator[Offer]:
    """Offer calls of one kind. With `bare`, only the name is written."""
    for symbol in spot.ctx.calls.values():
        if symbol.kind == kind:
            snippet = "" if bare else f"{symbol.name}({_places(symbol.params)})"
            insert = symbol.name if bare or symbol.params else f"{symbol.name}()"
            yield Offer(
                symbol.name, "call", signatures.call(symbol), insert, snippet, rank=10, place=symbol.place
            )


def types(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer everything that can be a type."""
    for symbol in spot.ctx.types.values():
        if symbol.visible:
            yield Offer(symbol.name, "type", symbol.kind, rank=10, place=symbol.place)
    for word in words.at("type", "collection", "type modifier"):
        snippet = word.snippets[0].text if word.snippets else ""
        yield Offer(word.text, "type", "built-in type", snippet=snippet, rank=30, doc=describe_word(word))


def failures(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer failures, after `fails`."""
    for symbol in spot.ctx.types.values():
        if symbol.visible and symbol.kind == "failure" and symbol.name not in spot.cursor.words:
            yield Offer(symbol.name, "type", "failure", rank=10, place=symbol.place)


def roles(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer roles, after `by`."""
    for name, place in spot.ctx.roles.items():
        if name not in spot.cursor.words:
            yield Offer(name, "role", "role", rank=10, place=place)


def used_types(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer the types of the file that a `use` names."""
    node = next(
        (
            each
            for each in spot.analysis.file.declarations
            if isinstance(each, tree.Use)
            and each.span[0] <= spot.offset <= max(each.span[1], spot.offset)
            and each.span[0] <= spot.cursor.tokens.starts[spot.cursor.frame.opening]
        ),
        None,
    )
    for path, used in spot.analysis.lowered.used.lowered.items():
        if node is not None and not path.endswith(node.path.removeprefix("./").removeprefix("../")):
            continue
        for symbol in used.types.values():
            if symbol.visible and symbol.name not in spot.ctx.types:
                yield Offer(
                    symbol.name, "type", signatures.type_(symbol).split("\n")[0], rank=10, place=symbol.place
                )


def promised(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer what a promise can mention: actions, effects and states."""
    yield from calls(spot, "action", bare=True)
    yield from calls(spot, "effect", bare=True)
    yield from states(spot)


def field(each: FieldSymbol, *, colon: bool, rank: int = 5) -> Offer:
    """Offer a field or a parameter by its name."""
    insert = f"{each.name}: " if colon else each.name
    return Offer(
        each.name, "field", show(each.type), insert=insert, rank=rank, doc=each.doc, place=each.place
    )
