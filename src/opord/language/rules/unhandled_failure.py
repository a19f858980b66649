"""A call with a failure that nothing handles."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Action, Arm, CallSite, Contract, Effect, ElsePattern, Match, VariantRef
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import Unread
from opord.language.diagnostics.wording import FEW, LABELS_MAX, quoted
from opord.language.flow.calls import IN_DOUBT, TIMED_OUT
from opord.language.flow.coverage import cases_of, first_missing, names_strangers
from opord.language.flow.graph import Graph, Moment
from opord.language.flow.holes import SOME_STATE, state_of, target_missed
from opord.statements import Branching, branching, called_by

CODE = code(
    "OP401",
    rule="exhaustive",
    title="a failure nobody handles",
    suppressed_by=(Unread("in its body"), Unread("in the head of what it mentions")),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the calls with failures that neither `match` nor `else` handles."""
    for step in graph.steps:
        for statement in branching(step.body):
            site = called_by(statement)
            if site is None:
                continue
            cases = cases_of(graph, statement)
            if cases is None or names_strangers(graph, statement.arms):
                continue
            refs = [
                case for case in first_missing(cases, statement.arms, FEW + 1) if isinstance(case, VariantRef)
            ]
            if refs:
                yield _finding(graph, step, statement, site, refs)


def _finding(
    graph: Graph, step: Moment, statement: Branching, site: CallSite, refs: list[VariantRef]
) -> Diagnostic:
    words = quoted(ref.variant for ref in refs)
    them = "it" if len(refs) == 1 else "them"
    return CODE.at(
        known_place(site.place, statement.place),
        f"`{site.name}` can fail with {words}, but nothing handles {them}",
        label=f"may end in {quoted((ref.variant for ref in refs), 'or')}",
        labels=tuple(label for ref in refs[:LABELS_MAX] for label in _declared(graph, site, ref)),
        help=_help(graph, statement, refs, target_missed(graph, state_of(graph, step))),
    )


def _declared(graph: Graph, site: CallSite, ref: VariantRef) -> Iterator[Label]:
    call = graph.calls.get(site.name)
    if ref == TIMED_OUT and isinstance(call, Effect):
        yield Label(call.place, "its `timeout` brings `TimedOut`")
    elif ref == IN_DOUBT and isinstance(call, Action):
        yield Label(known_place(call.doubt.place, call.place), "brings `InDoubt`")
    variant = graph.variant(ref)
    if variant is not None:
        yield Label(variant.place, "declared here")


def _help(graph: Graph, statement: Branching, refs: list[VariantRef], target: str) -> str:
    goto = f"goto {target if len(refs) == 1 else SOME_STATE}"
    arms = ", ".join(f"`{_arm(graph, ref)} -> {goto}`" for ref in refs[:3])
    if refs == [IN_DOUBT] and _has_else(statement.arms):
        return f"`else` never covers `InDoubt`: add the arm `InDoubt -> {goto}`"
    if isinstance(statement, Match) or (statement.arms and not _has_else(statement.arms)):
        return f"add the arm {arms}" if len(refs) == 1 else f"add an arm for each: {arms}"
    inner = ", ".join(f"{_arm(graph, ref)} -> {goto}" for ref in refs[:3])
    return f"add `else {{ {inner} }}` to the call"


def _arm(graph: Graph, ref: VariantRef) -> str:
    variant = graph.variant(ref)
    if variant is not None and variant.fields:
        return f"{ref.variant}({', '.join(field.name for field in variant.fields)})"
    return ref.variant


def _has_else(arms: tuple[Arm, ...]) -> bool:
    return any(isinstance(arm.pattern, ElsePattern) for arm in arms)
