"""Why a step goes where it goes: each `goto` with the conditions on its path, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from opord.contract import (
    Action,
    Arm,
    Block,
    Call,
    CallSite,
    Constant,
    ConstantPattern,
    Contract,
    ElsePattern,
    EventHandler,
    Expr,
    Goto,
    If,
    Match,
    NonePattern,
    OkPattern,
    SomePattern,
    State,
    Timer,
    VariantPattern,
)
from opord.language.flow.endings import always_leaves
from opord.language.graph import Graph, Moment
from opord.language.sheet.model import Way
from opord.language.spelling import in_words, spell, spell_constant

OTHERWISE = "otherwise"


def ways(graph: Graph, state: State, moment: Moment) -> Iterator[Way]:
    """Yield each way out of a state that one of its steps opens."""
    cause = cause_of(graph.contract, moment)
    handler = moment.handler
    event = handler.event if isinstance(handler, EventHandler) else None
    for goto, found in _in_block(graph, moment.body, ()):
        conditions = _telling(found)
        yield Way(
            source=state.name,
            target=goto.state,
            by="body" if handler is None else "event" if event is not None else "timer",
            event=event,
            roles=roles_of(graph.contract, event) if event is not None else (),
            timer=timer_words(handler, moment.shared) if isinstance(handler, Timer) else None,
            conditions=(f"if {spell(handler.guard)}", *conditions)
            if isinstance(handler, EventHandler) and handler.guard is not None
            else conditions,
            shared=moment.shared,
            words=", ".join((cause, *conditions) if cause else conditions) or "at once",
        )


def _telling(conditions: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what says nothing: a condition said twice, and an "otherwise" that others stand after."""
    said = [
        each for index, each in enumerate(conditions) if each != OTHERWISE or index == len(conditions) - 1
    ]
    return tuple(dict.fromkeys(said))


def cause_of(contract: Contract, moment: Moment) -> str:
    """Say what sets a step off: an event and who may send it, a timer, or nothing for a body."""
    match moment.handler:
        case None:
            return ""
        case EventHandler(event=event, guard=guard):
            condition = f" if {spell(guard)}" if guard is not None else ""
            return f"{event}{sent_by(contract, event)}{condition}"
        case Timer() as timer:
            return timer_words(timer, moment.shared)


def sent_by(contract: Contract, event: str) -> str:
    """Say who may send an event: " by manager"; nothing where anyone may."""
    roles = roles_of(contract, event)
    return f" by {' or '.join(roles)}" if roles else ""


def roles_of(contract: Contract, event: str) -> tuple[str, ...]:
    """Give the roles that may send an event; none: anyone may."""
    return next((each.roles for each in contract.events if each.name == event), ())


def timer_words(timer: Timer, shared: bool) -> str:
    """Say when a timer fires."""
    if timer.kind == "at":
        return f"at {spell(timer.when)}"
    match timer.when:
        case Constant(value=timedelta() as length):
            words = in_words(length)
        case when:
            words = spell(when)
    return f"{words} after entering {'the phase' if shared else 'this state'}"


def _in_block(
    graph: Graph, block: Block, conditions: tuple[str, ...]
) -> Iterator[tuple[Goto, tuple[str, ...]]]:
    for statement in block:
        match statement:
            case Goto():
                yield statement, conditions
                return
            case If(condition=condition, then=then, otherwise=otherwise):
                yield from _in_block(graph, then, (*conditions, f"if {spell(condition)}"))
                if otherwise is not None:
                    yield from _in_block(graph, otherwise, (*conditions, OTHERWISE))
                elif any(always_leaves(inner) for inner in then):
                    conditions = (*conditions, OTHERWISE)
            case Call(site=site, arms=arms):
                for arm in arms:
                    yield from _in_block(graph, arm.body, (*conditions, _failed(site, arm, arms)))
                if isinstance(graph.calls.get(site.name), Action):
                    conditions = (*conditions, f"after {site.name}")
            case Match(subject=CallSite() as site, arms=arms):
                for arm in arms:
                    yield from _in_block(graph, arm.body, (*conditions, _failed(site, arm, arms)))
            case Match(subject=subject, arms=arms):
                if not isinstance(subject, CallSite):
                    for arm in arms:
                        yield from _in_block(graph, arm.body, (*conditions, _matched(subject, arm)))
            case _:
                pass


def _failed(site: CallSite, arm: Arm, arms: tuple[Arm, ...]) -> str:
    match arm.pattern:
        case OkPattern():
            return f"after {site.name}"
        case VariantPattern(variants=variants):
            names = [variant.variant for variant in variants]
            if names == ["InDoubt"]:
                return f"if nobody knows whether {site.name} happened"
            if names == ["TimedOut"]:
                return f"if {site.name} times out"
            return f"if {site.name} fails with {' or '.join(names)}"
        case _:
            others = any(isinstance(each.pattern, VariantPattern) for each in arms)
            return f"if {site.name} fails{' in another way' if others else ''}"


def _matched(subject: Expr, arm: Arm) -> str:
    text = spell(subject)
    match arm.pattern:
        case VariantPattern(variants=variants):
            return f"if {text} is {' or '.join(variant.variant for variant in variants)}"
        case SomePattern():
            return f"if {text} is there"
        case NonePattern():
            return f"if {text} is absent"
        case ConstantPattern(values=values):
            return f"if {text} is {' or '.join(spell_constant(value) for value in values)}"
        case ElsePattern():
            return OTHERWISE
        case _:
            return f"by {text}"
