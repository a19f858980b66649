"""Why a step goes where it goes, in as few words as an arrow bears: each `goto` with its cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from opord.codegen.diagram.picture import Cause, CauseKind
from opord.codegen.diagram.short import SHORT_MAX, cut, full, one_line, short, short_timer
from opord.contract import (
    Action,
    Arm,
    Block,
    Call,
    CallSite,
    ConstantPattern,
    Contract,
    EventHandler,
    Goto,
    If,
    Match,
    NonePattern,
    OkPattern,
    Pattern,
    Skip,
    SomePattern,
    Timer,
    VariantPattern,
)
from opord.language.flow.endings import always_leaves
from opord.language.graph import Graph, Moment
from opord.language.spelling import spell_constant

# A path can have thousands of conditions; the last ones are those that decided.
_CONDITIONS_MAX = 4


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    full: str
    kind: CauseKind


_ELSE = _Said("else", "otherwise", "condition")
_PLAIN = _Said("at once", "at once", "plain")


def moves(graph: Graph, moment: Moment) -> Iterator[tuple[Goto, Cause]]:
    """Yield each `goto` of a step with its cause, from top to bottom."""
    head = _head(graph.contract, moment)
    for goto, conditions in _in_block(graph, moment.body, ()):
        yield goto, _cause(head, conditions)


def _cause(head: _Said | None, conditions: tuple[_Said, ...]) -> Cause:
    """Put a cause together: what set the step off, then what decided, the last condition above all."""
    said = ([head] if head is not None else []) + list(conditions)
    deciding = [
        each for index, each in enumerate(conditions) if each is not _ELSE or index == len(conditions) - 1
    ]
    chosen = deciding[-1:]
    for each in reversed(deciding[:-1]):
        if sum(len(one.text) + 2 for one in (each, *chosen)) > SHORT_MAX:
            break
        chosen.insert(0, each)
    if head is not None:
        chosen.insert(0, head)
    chosen = chosen or [_PLAIN]
    kind = head.kind if head is not None else chosen[-1].kind
    text = ", ".join(dict.fromkeys(one.text for one in chosen))
    return Cause(text, ", ".join(dict.fromkeys(one.full for one in said)) or _PLAIN.full, kind)


def _head(contract: Contract, moment: Moment) -> _Said | None:
    match moment.handler:
        case None:
            return None
        case EventHandler(event=event, guard=guard):
            roles = next((each.roles for each in contract.events if each.name == event), ())
            text = cut(event + (f" · {' | '.join(roles)}" if roles else ""), SHORT_MAX)
            whole = event + (f" by {' or '.join(roles)}" if roles else "")
            if guard is not None:
                text, whole = f"{text} if {short(guard)}", f"{whole} if {full(guard)}"
            return _Said(text, whole, "event")
        case Timer() as timer:
            since = " since the phase was entered" if moment.shared and timer.kind == "after" else ""
            whole = f"{short_timer(timer, False)}{since}"
            return _Said(short_timer(timer, moment.shared), whole, "timer")


def _in_block(
    graph: Graph, block: Block, conditions: tuple[_Said, ...]
) -> Iterator[tuple[Goto, tuple[_Said, ...]]]:
    def with_(said: _Said) -> tuple[_Said, ...]:
        return (*conditions, said)[-_CONDITIONS_MAX:]

    for statement in block:
        match statement:
            case Goto():
                yield statement, conditions
            case If(condition=condition, then=then, otherwise=otherwise):
                asked = _Said(f"if {short(condition)}", f"if {full(condition)}", "condition")
                yield from _in_block(graph, then, with_(asked))
                if otherwise is not None:
                    yield from _in_block(graph, otherwise, with_(_ELSE))
                elif any(always_leaves(inner) for inner in then):
                    conditions = with_(_ELSE)
            case Call(site=site, arms=arms):
                for arm in arms:
                    yield from _in_block(graph, arm.body, with_(_ended(graph, site, arm.pattern)))
                if isinstance(graph.calls.get(site.name), Action):
                    conditions = with_(_done(graph, site))
            case Match(subject=CallSite() as site, arms=arms):
                for arm in arms:
                    yield from _in_block(graph, arm.body, with_(_ended(graph, site, arm.pattern)))
            case Match(arms=arms):
                for arm in arms:
                    yield from _in_block(graph, arm.body, with_(_matched(statement, arm)))
            case _:
                pass


def _done(graph: Graph, site: CallSite) -> _Said:
    """Say that a call answered; an action whose doubts are skipped proves less than that."""
    action = graph.calls.action(site.name)
    if action is not None and isinstance(action.doubt, Skip):
        return _Said(f"{site.name} ok or in doubt", f"{site.name} happened, or may have", "call")
    return _Said(f"{site.name} ok", f"{site.name} answers", "call")


def _ended(graph: Graph, site: CallSite, pattern: Pattern) -> _Said:
    match pattern:
        case OkPattern():
            return _done(graph, site)
        case VariantPattern(variants=variants):
            names = [variant.variant for variant in variants]
            if names == ["InDoubt"]:
                return _Said("InDoubt", f"nobody knows whether {site.name} happened", "call")
            text = cut(" | ".join(names), SHORT_MAX)
            return _Said(text, f"{site.name} fails with {' or '.join(names)}", "call")
        case _:
            return _Said(f"{site.name} fails", f"{site.name} fails in any other way", "call")


def _matched(statement: Match, arm: Arm) -> _Said:
    if isinstance(statement.subject, CallSite):
        return _ELSE
    match arm.pattern:
        case VariantPattern(variants=variants):
            value = " | ".join(variant.variant for variant in variants)
        case SomePattern():
            value = "there"
        case NonePattern():
            value = "none"
        case ConstantPattern(values=values):
            value = " | ".join(one_line(spell_constant(value)) for value in values)
        case _:
            return _ELSE
    subject = statement.subject
    return _Said(
        cut(f"{short(subject, 20)} is {value}", SHORT_MAX), f"{full(subject)} is {value}", "condition"
    )
