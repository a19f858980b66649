"""A `match` that leaves a value out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from opord.contract import Call, CallSite, Contract, ElsePattern, Match, VariantRef
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import FEW, LABELS_MAX, quoted
from opord.language.flow.coverage import OK, Case, cases_of, first_missing, names_strangers, spelled
from opord.language.flow.graph import Graph
from opord.statements import branching

CODE = code(
    "OP402",
    rule="exhaustive",
    title="a match that leaves something out",
    suppressed_by=(Unread("in its body"), Unread("in the head of what it mentions")),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find every `match` that does not cover every value, or forgets the success of a call."""
    for step in graph.steps:
        for statement in branching(step.body):
            match statement:
                case Match():
                    yield from _in_match(graph, statement)
                case Call():
                    pass  # a failure that its `else` leaves out is an unhandled failure
                case _:
                    assert_never(statement)


def _in_match(graph: Graph, match: Match) -> Iterator[Diagnostic]:
    cases = cases_of(graph, match)
    if cases is None or names_strangers(graph, match.arms):
        return
    place = known_place(match.subject.place, match.place)
    cases_left = first_missing(cases, match.arms, FEW + 1)
    if isinstance(match.subject, CallSite):
        if OK in cases_left:
            yield CODE.at(
                place,
                f"`{match.subject.name}` can succeed, but no arm takes `ok`",
                label="may end in `ok`",
                help="add the arm `ok -> goto <state>`; `else` covers failures alone",
            )
    elif cases_left:
        yield CODE.at(
            place,
            f"this `match` leaves out {quoted(spelled(case) for case in cases_left)}",
            label=f"may be {quoted((spelled(case) for case in cases_left), 'or')}",
            labels=tuple(label for case in cases_left[:LABELS_MAX] for label in _declared(graph, case)),
            help=f"add an arm for {'it' if len(cases_left) == 1 else 'each'}, or `else -> …`",
        )
    elif cases.open and not any(isinstance(arm.pattern, ElsePattern) for arm in match.arms):
        yield CODE.at(
            place,
            "this `match` names some values and leaves out all others",
            label="may be any value",
            help="add the arm `else -> …`",
        )


def _declared(graph: Graph, case: Case) -> Iterator[Label]:
    if isinstance(case, VariantRef):
        variant = graph.variant(case)
        if variant is not None:
            yield Label(variant.place, "declared here")
