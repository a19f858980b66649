"""An arm that is never taken: its pattern cannot occur, or an arm above takes every such value."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import Arm, Call, Contract, ElsePattern, Place
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import Unread
from opord.language.flow.calls import IN_DOUBT, TIMED_OUT
from opord.language.flow.coverage import OK, Case, Cases, cases_in, cases_of, left_by_else, missing, spelled
from opord.language.flow.graph import Graph
from opord.statements import Branching, branching, called_by

CODE = code(
    "OP403",
    rule="exhaustive",
    title="an arm that can never be taken",
    suppressed_by=(Unread("in the head of what it mentions"),),
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the arms of every `match`, and of every `else` of a call, that no value reaches."""
    for step in graph.steps:
        for statement in branching(step.body):
            cases = cases_of(graph, statement)
            if cases is not None:
                yield from _in_arms(graph, statement, cases)


def _in_arms(graph: Graph, statement: Branching, cases: Cases) -> Iterator[Diagnostic]:
    places: dict[Case, Place] = {}
    otherwise: Arm | None = None
    for arm in statement.arms:
        place = known_place(arm.pattern.place, arm.place)
        if isinstance(arm.pattern, ElsePattern):
            if otherwise is None and _covers_nothing(cases, statement.arms, set(places)):
                yield _else_for_nothing(place, statement)
            elif otherwise is not None:
                yield _after_else(place, otherwise)
            otherwise = otherwise or arm
            continue
        for case in cases_in(arm.pattern):
            if case in places:
                yield CODE.at(
                    place,
                    f"`{spelled(case)}` is already taken by an arm above",
                    label="nothing comes here",
                    labels=(Label(places[case], f"takes `{spelled(case)}`"),),
                    help="remove it here or there",
                )
            elif not cases.open and case not in cases.listed_set:
                yield from _cannot_come(graph, place, statement, case)
            elif otherwise is not None and not left_by_else(case):
                yield _after_else(place, otherwise)
                break
            places.setdefault(case, place)


def _covers_nothing(cases: Cases, arms: tuple[Arm, ...], cases_above: set[Case]) -> bool:
    """Say whether other arms take everything that `else` could cover.

    A missing arm for `InDoubt` has its own finding.
    """
    covers = any(case not in cases_above and not left_by_else(case) for case in cases.listed)
    return not covers and not cases.open and IN_DOUBT not in missing(cases, arms)


def _else_for_nothing(place: Place, statement: Branching) -> Diagnostic:
    site = called_by(statement)
    alone = len(statement.arms) == 1 and isinstance(statement, Call)
    if site is not None:
        what = f"`{site.name}` cannot fail" if alone else f"every failure of `{site.name}` has its arm"
    else:
        what = "every value has its arm"
    return CODE.at(
        place,
        f"{what}, so that nothing is left for `else`",
        label="nothing comes here",
        help="remove the `else`",
    )


def _after_else(place: Place, otherwise: Arm) -> Diagnostic:
    return CODE.at(
        place,
        "this arm stands after `else`, which takes all that is left",
        label="nothing comes here",
        labels=(Label(known_place(otherwise.pattern.place, otherwise.place), "takes the rest"),),
        help="move it above the `else`",
    )


def _cannot_come(graph: Graph, place: Place, statement: Branching, case: Case) -> Iterator[Diagnostic]:
    site = called_by(statement)
    if site is None:
        return  # a pattern that does not fit the type of the value
    action = graph.calls.action(site.name)
    if case in (TIMED_OUT, IN_DOUBT) and action is not None and action.transaction:
        why, fix = "an action in transaction that fails is rolled back, and tried again", "remove the arm"
    elif case == TIMED_OUT:
        why = "an action that times out is in doubt" if action is not None else "it has no `timeout`"
        fix = "remove the arm" if action is not None else f"give `{site.name}` a `timeout`, or remove the arm"
    elif case == IN_DOUBT:
        why = "its doubts are not reported"
        fix = "declare `in doubt report` on the action, or remove the arm"
    elif case == OK and isinstance(statement, Call):
        why = "the statements below the call are its `ok`"
        fix = "move what it does below the call"
    else:
        return  # a failure that the call does not declare: names are looked up elsewhere
    never = "ends here in" if case == OK else "never ends in"
    yield CODE.at(
        place, f"`{site.name}` {never} `{spelled(case)}`: {why}", label="nothing comes here", help=fix
    )
