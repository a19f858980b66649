"""An `in doubt check` whose effect cannot say whether the action happened."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import BOOL, Action, Check, Contract, Effect, Nothing, OptionalOf, Type, Unknown
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import Unread, undeclared
from opord.language.flow.graph import Graph

NO_EFFECT = code(
    "OP510",
    rule="commitment",
    title="in doubt check of something that is not an effect",
    suppressed_by=undeclared("effect"),
)
NO_ANSWER = code(
    "OP511",
    rule="commitment",
    title="in doubt check whose result does not fit",
    suppressed_by=(Unread("in the head of what it mentions"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the checks whose name is not an effect, or whose result does not answer the doubt."""
    for action in contract.actions:
        if isinstance(action.doubt, Check):
            yield from _on(graph, action, action.doubt)


def _on(graph: Graph, action: Action, doubt: Check) -> Iterator[Diagnostic]:
    call = graph.calls.get(doubt.effect)
    place = known_place(doubt.place, action.place)
    if call is None:
        return
    if not isinstance(call, Effect):
        kind = "an action" if isinstance(call, Action) else "a pure function"
        why = "which may not be repeated" if isinstance(call, Action) else "which sees nothing of the outside"
        yield NO_EFFECT.at(
            place,
            f"`{doubt.effect}` is {kind}, {why}; only an effect can find out whether `{action.name}` happened",
            labels=(Label(call.place, "declared here"),),
            help="name an effect that looks it up",
        )
    elif not _fits(action.result, call.result):
        type_text = (
            "a `bool` or an optional" if isinstance(action.result, Nothing) else "an optional of that result"
        )
        has = "has no result" if isinstance(action.result, Nothing) else "has a result"
        yield NO_ANSWER.at(
            place,
            f"what `{doubt.effect}` returns cannot say whether `{action.name}` happened"
            + ("" if isinstance(action.result, Nothing) else ", and with which result"),
            labels=(Label(call.place, "declared here"), Label(action.place, has)),
            help=f"let `{doubt.effect}` return {type_text}",
        )


def _fits(result: Type, answer: Type) -> bool:
    """Say whether a value of type `answer` tells that the action happened.

    If the action has a result, the answer must contain it.
    """
    if Unknown() in (result, answer) or answer == OptionalOf(Unknown()):
        return True
    if isinstance(result, Nothing):
        return answer == BOOL or isinstance(answer, OptionalOf)
    return answer == (result if isinstance(result, OptionalOf) else OptionalOf(result))
