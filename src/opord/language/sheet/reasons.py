"""Why a step goes where it goes: each `goto` with the conditions on its path, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import assert_never

from opord.contract import (
    Action,
    Arm,
    CallSite,
    Constant,
    ConstantPattern,
    Contract,
    ElsePattern,
    EventHandler,
    Expr,
    NonePattern,
    OkPattern,
    SomePattern,
    State,
    Timer,
    VariantPattern,
)
from opord.language.flow.exits import BelowCall, Branched, Condition, Exit, InCallArm, Matched, exits
from opord.language.flow.graph import Graph, Moment
from opord.language.sheet.model import Way
from opord.language.spelling import in_words, spell, spell_constant
from opord.values.call_words import failed_words

OTHERWISE = "otherwise"


def ways(graph: Graph, state: State, moment: Moment) -> Iterator[Way]:
    """Yield each way out of a state through one of its steps."""
    cause = cause_of(graph.contract, moment)
    handler = moment.handler
    event = handler.event if isinstance(handler, EventHandler) else None
    words = _Words(graph)
    for way_out in exits(moment):
        conditions = _telling(words.of(way_out))
        yield Way(
            source=state.name,
            target=way_out.goto.state,
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
    """Leave out conditions that add nothing.

    These are repeated conditions, and each "otherwise" that another condition follows.
    """
    meaningful = [
        each for index, each in enumerate(conditions) if each != OTHERWISE or index == len(conditions) - 1
    ]
    return tuple(dict.fromkeys(meaningful))


def cause_of(contract: Contract, moment: Moment) -> str:
    """Return the cause of a step: an event with its senders, a timer, or nothing for a body."""
    handler = moment.handler
    match handler:
        case None:
            return ""
        case EventHandler(event=event, guard=guard):
            condition = f" if {spell(guard)}" if guard is not None else ""
            return f"{event}{sent_by(contract, event)}{condition}"
        case Timer():
            return timer_words(handler, moment.shared)
        case _:
            assert_never(handler)


def sent_by(contract: Contract, event: str) -> str:
    """Return who may send an event, such as " by manager"; empty if anyone may."""
    roles, excluded = roles_of(contract, event), excluded_from(contract, event)
    by = f" by {' or '.join(roles)}" if roles else ""
    return f"{by} except {' or '.join(excluded)}" if excluded else by


def roles_of(contract: Contract, event: str) -> tuple[str, ...]:
    """Return the roles that may send an event; empty if anyone may."""
    return next((each.roles for each in contract.events if each.name == event), ())


def excluded_from(contract: Contract, event: str) -> tuple[str, ...]:
    """Return the paths to those who may not send an event; empty if it excludes nobody by name."""
    excepts = next((each.excepts for each in contract.events if each.name == event), ())
    return tuple(each.text for each in excepts)


def timer_words(timer: Timer, shared: bool) -> str:
    """Return when a timer fires."""
    match timer.kind:
        case "at":
            return f"at {spell(timer.when)}"
        case "after":
            return f"{_length_words(timer.when)} after entering {'the phase' if shared else 'this state'}"
        case _:
            assert_never(timer.kind)


def again_words(timer: Timer, event: str, *, idle: bool) -> str:
    """Return how often an event starts the time of a state again."""
    often = "as often as it comes" if idle else "with something committed or changed in between"
    time = f"its {_length_words(timer.when)}" if isinstance(timer.when, Constant) else "its time"
    return f"each {event} starts {time} again, {often}"


def _length_words(length: Expr) -> str:
    if isinstance(length, Constant) and isinstance(length.value, timedelta):
        return in_words(length.value)
    return spell(length)


class _Words:
    """The words for conditions. Each condition is worded once, even if many `goto`s follow it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._words: dict[Condition, str | None] = {}

    def of(self, way_out: Exit) -> tuple[str, ...]:
        """Return the words for the conditions before a `goto`, without those that need no words."""
        worded = (self._of_one(condition) for condition in way_out.conditions)
        return tuple(words for words in worded if words is not None)

    def _of_one(self, condition: Condition) -> str | None:
        if condition not in self._words:
            self._words[condition] = _worded(self._graph, condition)
        return self._words[condition]


def _worded(graph: Graph, condition: Condition) -> str | None:
    match condition:
        case Branched(statement=statement, holds=True):
            return f"if {spell(statement.condition)}"
        case Branched(statement=statement, below=below):
            # Below an `if` that has an `else`, its condition is not mentioned.
            return None if below and statement.otherwise is not None else OTHERWISE
        case BelowCall(site=site, answered=answered, arms=arms):
            if not isinstance(graph.calls.get(site.name), Action):
                return None
            ends = ([site.name] if answered else []) + [_ended(site, arm, ()) for arm in arms]
            return f"after {' or after '.join(ends)}"
        case InCallArm(site=site, arms=arms, arm=arm):
            return f"after {_ended(site, arm, arms)}"
        case Matched(subject=subject, arm=arm):
            return _matched(subject, arm)
        case _:
            assert_never(condition)


def _ended(site: CallSite, arm: Arm, arms: tuple[Arm, ...]) -> str:
    """Return how a call ended where `arm`, one of `arms`, takes its end."""
    pattern = arm.pattern
    match pattern:
        case OkPattern():
            return site.name
        case VariantPattern(variants=variants):
            return f"{site.name} {failed_words([variant.variant for variant in variants])}"
        case (
            ElsePattern() | SomePattern() | NonePattern() | ConstantPattern()
        ):  # the last three never occur over a call
            others = any(isinstance(each.pattern, VariantPattern) for each in arms)
            return f"{site.name} {failed_words([])}{' in another way' if others else ''}"
        case _:
            assert_never(pattern)


def _matched(subject: Expr, arm: Arm) -> str:
    text = spell(subject)
    pattern = arm.pattern
    match pattern:
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
        case OkPattern():
            return f"by {text}"  # never occurs over a value
        case _:
            assert_never(pattern)
