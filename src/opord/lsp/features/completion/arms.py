"""Arms of a `match` or of the `else` of a call.

Missing arms come first, and one offer adds all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opord.contract import BOOL, Nothing, OptionalOf
from opord.language.lowering.symbols import CallSymbol, Subject, VariantSymbol
from opord.language.syntax import tokens as t
from opord.lsp.features import signatures
from opord.lsp.features.completion.offer import CompletionSpot, Offer


@dataclass(frozen=True, slots=True)
class _Case:
    """One case that an arm can match, as a pattern, with its declaration."""

    name: str
    pattern: str
    detail: str
    variant: VariantSymbol | None = None


def arms(spot: CompletionSpot) -> Iterator[Offer]:
    """Offer the patterns of arms."""
    spot.in_pattern = True
    marker_facts = spot.marker_facts()
    subject = marker_facts.subject if marker_facts is not None else None
    call = _called(spot) if subject is None or subject.is_call else None
    cases = list(_cases(spot, subject, call))
    covered = _covered(spot)
    missing = [each for each in cases if each.name not in covered]
    alone = not any(word == "|" for word in spot.cursor.words)
    arrow = " -> " if alone and spot.cursor.tokens.kinds[_next(spot)] not in ("->", "|", "(") else ""
    for at, each in enumerate(cases):
        place = each.variant.place if each.variant is not None and each.variant.place.line else None
        yield Offer(
            each.name,
            "variant",
            each.detail,
            insert=f"{each.pattern if alone else each.name}{arrow}",
            rank=(5 if each in missing else 40) + min(at, 20),
            place=place,
            doc=each.variant.doc if each.variant is not None else "",
        )
    if alone and "else" not in covered:
        yield Offer("else", "keyword", "everything else", insert=f"else{arrow}", rank=30)
    if alone and spot.cursor.is_fresh and len(missing) > 1:
        yield _all(spot, missing)


def _all(spot: CompletionSpot, missing: list[_Case]) -> Offer:
    text = spot.analysis.text
    start = text.rfind("\n", 0, spot.word[0]) + 1
    indent = text[start : spot.word[0]]
    between = f"\n{indent if not indent.strip() else '  '}"
    target = next((each.text for each in spot.state.targets) if spot.state is not None else iter(()), "State")
    rows = [f"{each.pattern} -> goto {target}" for each in missing]
    stops = [f"{each.pattern} -> goto ${{{number}:{target}}}" for number, each in enumerate(missing, start=1)]
    names = ", ".join(each.name for each in missing)
    return Offer("all missing arms", "snippet", names, between.join(rows), between.join(stops), rank=1)


def _cases(spot: CompletionSpot, subject: Subject | None, call: CallSymbol | None) -> Iterator[_Case]:
    in_else = spot.cursor.brace.kind == "else"
    if (subject is not None and subject.is_call) or (subject is None and call is not None):
        result = subject.result if subject is not None else call.result if call is not None else None
        if not in_else:
            has_result = result is not None and not isinstance(result, Nothing)
            yield _Case("ok", "ok result" if has_result else "ok", "it has taken effect")
        yield from _variants(spot, call)
        return
    if subject is None:
        return
    if isinstance(subject.type, OptionalOf):
        yield _Case("some", "some value", "it is there")
        yield _Case("none", "none", "it is absent")
    elif subject.type == BOOL:
        yield _Case("true", "true", "bool")
        yield _Case("false", "false", "bool")
    else:
        for row in subject.variants.values():
            for variant in row:
                yield _case(variant, qualified=len(row) > 1)
        for name in subject.builtins:
            yield _Case(name, name, "built-in")


def _variants(spot: CompletionSpot, call: CallSymbol | None) -> Iterator[_Case]:
    if call is None:
        return
    variants: dict[str, list[VariantSymbol]] = {}
    for owner in call.fails:
        symbol = spot.ctx.types.get(owner)
        for name, variant in symbol.variants.items() if symbol is not None else ():
            variants.setdefault(name, []).append(variant)
    for row in variants.values():
        for variant in row:
            yield _case(variant, qualified=len(row) > 1)
    if call.times_out:
        yield _Case("TimedOut", "TimedOut", "its last attempt ran out of time")
    if call.reports_doubt:
        yield _Case("InDoubt", "InDoubt", "nobody knows whether it took effect")


def _case(variant: VariantSymbol, *, qualified: bool) -> _Case:
    name = f"{variant.ref.type}.{variant.ref.variant}" if qualified else variant.ref.variant
    fields = f"({', '.join(variant.fields)})" if variant.fields else ""
    return _Case(name, f"{name}{fields}", signatures.variant(variant, qualified=True), variant)


def _called(spot: CompletionSpot) -> CallSymbol | None:
    """Return the call whose `match` or `else` the brace belongs to."""
    brace = spot.cursor.brace
    texts = spot.cursor.tokens.texts
    for i in range(brace.opening - 1, max(brace.start - 1, -1), -1):
        if texts[i] in ("perform", "commit"):
            return spot.ctx.calls.get(texts[i + 1])
    return None


def _covered(spot: CompletionSpot) -> set[str]:
    """Return the names that start an arm or follow a `|` in the brace.

    The name being written is left out.
    """
    tokens = spot.cursor.tokens
    brace = spot.cursor.brace
    covered: set[str] = set()
    depth, fresh = 0, True
    for i in range(brace.opening + 1, len(tokens.kinds) - t.LOOKAHEAD):
        kind = tokens.kinds[i]
        fresh = fresh or (depth == 0 and tokens.newlines[i] == t.NEWLINE)
        if kind in ("{", "(", "["):
            depth += 1
        elif kind in ("}", ")", "]"):
            depth -= 1
            if depth < 0:
                break
        elif (
            fresh
            and depth == 0
            and not spot.word[0] <= tokens.starts[i] < max(spot.word[1], spot.word[0] + 1)
        ):
            qualified = tokens.kinds[i + 1] == "." and tokens.kinds[i + 2] == t.NAME
            covered.add(tokens.texts[i])
            if qualified:
                covered.add(f"{tokens.texts[i]}.{tokens.texts[i + 2]}")
        fresh = depth == 0 and kind in ("|", ",")
    return covered


def _next(spot: CompletionSpot) -> int:
    """Return the index of the token after the word that is being written."""
    index = spot.cursor.index
    tokens = spot.cursor.tokens
    if tokens.starts[index] == spot.word[0] and spot.word[1] > spot.word[0]:
        index += 1
    return min(index, len(tokens.kinds) - 1)
