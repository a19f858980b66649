"""Values in scope, those of the expected type first; fields after a `.`; named parameters; `..`."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import BOOL, DATETIME, STR, Named, OptionalOf, RunInfo, Type, Unknown
from opord.language import words
from opord.language.types import NOTHING, compatible, show
from opord.lsp.features import signatures
from opord.lsp.features.completion import names
from opord.lsp.features.completion.offer import CompletionSpot, Offer
from opord.lsp.features.describe import describe_word


def values(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer what can start an expression."""
    marker_facts = spot.marker_facts()
    expected = marker_facts.expected if marker_facts is not None else None
    if marker_facts is not None and marker_facts.params is not None:
        yield from _parameters(spot)
    for name, binding in spot.names().items():
        place = binding.places[0] if binding.places else None
        if place is None and binding.span is not None and binding.span[1] <= len(spot.analysis.text):
            place = spot.ctx.place(binding.span)
        built_in = not binding.places and binding.span is None
        value_words = (word for word in words.at("value", "doubt value") if built_in and word.text == name)
        doc = next(map(describe_word, value_words), "")
        rank = 35 if name in words.texts("value") and not _fits(binding.type, expected) else 20
        yield Offer(
            name,
            "variable",
            show(binding.type),
            rank=rank - _nearer(binding.type, expected),
            doc=doc,
            place=place,
        )
    yield from _variants(spot, expected)
    yield from _records(spot, expected)
    if marker_facts is None or not marker_facts.pure_forbidden:
        for symbol in spot.ctx.calls.values():
            if symbol.kind == "pure":
                for offer in names.calls(spot, "pure"):
                    if offer.label == symbol.name:
                        rank = 40 - _nearer(symbol.result, expected)
                        yield Offer(
                            offer.label,
                            "call",
                            offer.detail,
                            offer.insert,
                            offer.snippet,
                            rank,
                            place=offer.place,
                        )
    for function in words.at("function"):
        yield Offer(
            function.text,
            "function",
            function.form,
            snippet=f"{function.text}($1)",
            insert=function.text,
            rank=55,
            doc=describe_word(function),
        )
    yield from _literals(expected)


def _literals(expected: Type | None) -> Iterator[Offer]:
    for word in ("true", "false"):
        yield Offer(word, "constant", "bool", rank=58 - _nearer(BOOL, expected))
    yield Offer("none", "constant", "no value", rank=58 - (20 if isinstance(expected, OptionalOf) else 0))
    yield Offer("not", "keyword", "it does not hold", insert="not ", rank=62)
    yield Offer(
        "if", "keyword", "if … then … else …", snippet="if ${1:condition} then ${2:a} else ${3:b}", rank=63
    )


def _fits(actual: Type, expected: Type | None) -> bool:
    return (
        expected is not None
        and not isinstance(expected, Unknown)
        and not isinstance(actual, Unknown)
        and actual is not NOTHING
        and compatible(actual, expected)
    )


def _nearer(actual: Type, expected: Type | None) -> int:
    """Return by how much a value moves forward in the list.

    Only values of the expected type move.
    """
    return 15 if _fits(actual, expected) else 0


def _parameters(spot: CompletionSpot) -> Iterator[Offer]:
    marker_facts = spot.marker_facts()
    assert marker_facts is not None
    assert marker_facts.params is not None
    missing = [each for name, each in marker_facts.params.items() if name not in marker_facts.taken]
    for each in missing:
        yield names.field(each, colon=True, rank=45)
    named = spot.names()
    if spot.cursor.callee(spot.cursor.frame)[1] == "goto" and any(each.name in named for each in missing):
        yield Offer("..", "keyword", "the rest from variables of the same name", rank=8)


def _variants(spot: CompletionSpot, expected: Type | None) -> Iterator[Offer]:
    wanted = expected.item if isinstance(expected, OptionalOf) else expected
    for symbol in spot.ctx.types.values():
        if symbol.kind == "record" or not symbol.visible:
            continue
        near = isinstance(wanted, Named) and wanted.name == symbol.name
        if symbol.kind == "failure" and not near:
            continue
        for variant in symbol.variants.values():
            name = variant.ref.variant
            label = name if len(spot.ctx.variants.get(name, ())) == 1 else f"{symbol.name}.{name}"
            snippet = (
                f"{label}({', '.join(f'${{{n}:{f}}}' for n, f in enumerate(variant.fields, start=1))})"
                if variant.fields
                else ""
            )
            yield Offer(
                label,
                "variant",
                symbol.name,
                snippet=snippet,
                rank=5 if near else 48,
                place=variant.place,
                doc=variant.doc,
            )


def _records(spot: CompletionSpot, expected: Type | None) -> Iterator[Offer]:
    wanted = expected.item if isinstance(expected, OptionalOf) else expected
    for symbol in spot.ctx.types.values():
        if symbol.kind == "record" and symbol.visible:
            near = isinstance(wanted, Named) and wanted.name == symbol.name
            needed = [each.name for each in symbol.fields.values() if not each.may_be_left_out]
            inner = ", ".join(f"{name}: ${{{number}}}" for number, name in enumerate(needed, start=1))
            yield Offer(
                symbol.name,
                "type",
                "a new one",
                insert=f"{symbol.name} {{ }}",
                snippet=f"{symbol.name} {{ {inner} }}",
                rank=30 if near else 52,
                place=symbol.place,
            )


def members(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer what can follow a `.`: fields of a record or of the run, variants, `call.key`."""
    marker_facts = spot.marker_facts()
    if marker_facts is not None and marker_facts.owner is not None:
        for variant in marker_facts.owner.variants.values():
            yield Offer(
                variant.ref.variant,
                "variant",
                signatures.variant(variant),
                rank=10,
                place=variant.place,
                doc=variant.doc,
            )
        return
    type = marker_facts.part_of if marker_facts is not None else None
    at = spot.cursor.index - 2
    subject = spot.cursor.tokens.texts[at] if at >= 0 else ""
    if type is None and (binding := spot.names().get(subject)) is not None:
        type = binding.type
    if isinstance(type, Named):
        symbol = spot.ctx.types.get(type.name)
        for each in symbol.fields.values() if symbol is not None else ():
            yield names.field(each, colon=False)
    elif isinstance(type, RunInfo) or (type is None and subject == "run"):
        yield Offer("id", "field", show(STR), doc="The name of the run.")
        yield Offer("started_at", "field", show(DATETIME), doc="When the run started.")
    elif subject == "call":
        yield Offer("key", "field", show(STR), doc="The key that the attempt in doubt was made with.")
    elif type is None and (owner := spot.ctx.type_named(subject)) is not None:
        for variant in owner.variants.values():
            yield Offer(
                variant.ref.variant, "variant", signatures.variant(variant), rank=10, place=variant.place
            )


def record_fields(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer the fields of a record literal or of a `with` that are not given yet."""
    marker_facts = spot.marker_facts()
    owner = marker_facts.owner if marker_facts is not None else None
    cursor = spot.cursor
    if owner is None:
        owner = spot.ctx.type_named(cursor.callee(cursor.frame)[0])
    if owner is None:
        return
    tokens = cursor.tokens
    written_fields = {
        tokens.texts[i - 1] for i in range(cursor.frame.opening + 1, cursor.index) if tokens.kinds[i] == ":"
    }
    for each in owner.fields.values():
        if each.name not in written_fields:
            yield names.field(each, colon=True, rank=20 if each.may_be_left_out else 5)
