"""Describe a symbol in Markdown: its declaration, its documentation, and its guarantees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from opord.contract import Action, Effect, Pure, State
from opord.language.lowering.scope import Binding
from opord.language.lowering.symbols import (
    CallSymbol,
    EventSymbol,
    FieldSymbol,
    StateSymbol,
    TypeSymbol,
    VariantSymbol,
)
from opord.language.sheet.guarantee import attempts, guarantee, time_limit
from opord.language.sheet.reasons import ways
from opord.language.spelling import in_signs
from opord.language.syntax import tree
from opord.language.words import Word
from opord.lsp.analysis import Analysis
from opord.lsp.features.signatures import signature
from opord.lsp.index import Symbol, declared_doc

_ROWS_MAX = 12
_WHAT = {
    "input": "input of",
    "field": "field of",
    "variant field": "field of the variant",
    "state field": "field of the state",
    "parameter": "parameter of",
    "event parameter": "parameter of the event",
}


def describe(analysis: Analysis, symbol: Symbol) -> str:
    """Return the description of a symbol."""
    parts = [fenced(signature(symbol))]
    if symbol.kind in _WHAT:
        parts.append(f"{_WHAT[symbol.kind]} `{symbol.owner}`")
    parts += [each for each in (declared_doc(symbol), *_more(analysis, symbol)) if each]
    if symbol.place.file != analysis.path:
        parts.append(f"from `{symbol.place.file.rpartition('/')[2]}`")
    return "\n\n".join(parts)


def describe_word(word: Word) -> str:
    """Return the meaning of a word of the language."""
    takes = f" It takes {word.takes}." if word.takes else ""
    return f"{fenced(word.form)}\n\n{word.meaning}{takes}\n\n{fenced(word.example)}"


def fenced(text: str) -> str:
    """Write text as a fenced block of Opord."""
    return f"```opord\n{text}\n```"


def _more(analysis: Analysis, symbol: Symbol) -> Iterator[str]:
    match symbol.target:
        case CallSymbol(name=name):
            yield from _call(analysis, name)
        case StateSymbol(name=name):
            yield from _state(analysis, name)
        case EventSymbol(name=name):
            yield from _event(analysis, name)
        case VariantSymbol() as variant if _is_failure(analysis, symbol):
            yield _kind_of_failure(variant)
        case TypeSymbol(kind="failure", name=name):
            calls = [each.name for each in analysis.ctx.calls.values() if name in each.fails]
            yield f"failure of {_quoted(calls)}" if calls else ""
        case (
            VariantSymbol()
            | TypeSymbol()
            | FieldSymbol()
            | Binding()
            | tree.Contract()
            | tree.Phase()
            | tree.Role()
            | None
        ):
            pass
        case _:
            assert_never(symbol.target)


def _kind_of_failure(variant: VariantSymbol) -> str:
    if variant.wait is not None:
        at_most = variant.wait.at_most
        limit = f", {in_signs(at_most)} at most" if at_most is not None else ""
        return (
            "transient: this attempt did not take effect, and another may help. "
            f"It comes no sooner than `{variant.wait.field}` after the failure{limit}"
        )
    if variant.transient:
        return "transient: this attempt did not take effect, and another may help"
    if variant.settles:
        return "settles: final, and no attempt under the key took effect; it ends a doubt"
    return "final: this attempt did not take effect; it ends no doubt about another attempt"


def _is_failure(analysis: Analysis, symbol: Symbol) -> bool:
    owner = analysis.ctx.types.get(symbol.owner)
    return owner is not None and owner.kind == "failure"


def _call(analysis: Analysis, name: str) -> Iterator[str]:
    declaration = analysis.graph.calls.get(name)
    match declaration:
        case Action():
            yield guarantee(analysis.graph, declaration)
            yield f"Attempts: {attempts(analysis.graph, declaration)}. Time limit: {time_limit(declaration)}."
        case Effect():
            yield "It only reads, or is harmless to repeat."
            yield f"Attempts: {attempts(analysis.graph, declaration)}. Time limit: {time_limit(declaration)}."
        case Pure() | None:
            yield "It may run any number of times, anywhere."
        case _:
            assert_never(declaration)


def _event(analysis: Analysis, name: str) -> Iterator[str]:
    contract = analysis.model
    taken = [
        state.name
        for state in contract.states
        if state.kind != "final" and any(each.event == name for each in contract.handlers_of(state))
    ]
    yield f"taken in {_quoted(taken)}" if taken else "no state handles it"


def _state(analysis: Analysis, name: str) -> Iterator[str]:
    graph = analysis.graph
    state = graph.states.get(name)
    if state is None:
        return
    if state.phase is not None:
        yield f"in the phase `{state.phase}`"
    if state.kind == "final":
        yield f"A run ends here: {state.outcome}."
    if not graph.whole:
        return
    sources = list(dict.fromkeys(edge.source for edge in graph.incoming[name]))
    start = ["the start of a run"] if state.initial else []
    ways_in = [*start, *(f"`{each}`" for each in sources)]
    yield f"Ways in: {', '.join(ways_in[:_ROWS_MAX])}" if ways_in else "Nothing leads here."
    if ways_out := list(_ways_out(analysis, state)):
        yield "Ways out:\n" + "\n".join(f"- {each}" for each in ways_out[:_ROWS_MAX])


def _ways_out(analysis: Analysis, state: State) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for moment in analysis.graph.moments(state):
        for way in ways(analysis.graph, state, moment):
            words = reasons.setdefault(way.target, [])
            if way.words not in words:
                words.append(way.words)
    for target, each in reasons.items():
        yield f"`{target}`: {'; '.join(each)}"


def _quoted(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _ROWS_MAX} more" if len(listed) > _ROWS_MAX else ""
    return ", ".join(f"`{each}`" for each in listed[:_ROWS_MAX]) + more
