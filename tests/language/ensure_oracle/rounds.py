"""Rounds with real numbers: can a run go on for ever with timers and answers alone?

This judge knows nothing of the checker's analysis of values. It plays the steps of small contracts
with real numbers, from many values of the fields, and looks for a run that comes back to where it
was, or in which a number grows without end. A timer of a phase ends what stays inside the phase,
unless each entry puts it off. Until it fires, numbers may grow in the phase as far as they like.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from opord import contract as ir
from opord.language.flow.components import components

STARTS = (-2, 0, 1, 4, 9)
"""The values of each field from which runs are played."""
ANSWERS = (-1, 0, 2, 7)
"""What an effect answers that gives a number."""
INPUT: dict[str, Any] = {"id": "the id", "size": 3, "xs": [5, 6]}
PHASE_MAX = 30
"""Numbers that grow in a phase with a timer stop here: above all limits."""
GROWN = 1000
"""A number that has come so far without such a timer grows for ever."""
PLACES_MAX = 60_000

Names = dict[str, Any]


class Place(NamedTuple):
    """A state, the timers of its phase that have fired, and the fields in their order."""

    state: str
    fired: frozenset[int]
    fields: tuple[Any, ...]


class TooLarge(Exception):
    """The contract has too many places to play them all."""


class Rounds:
    """Plays the moves that need no event."""

    def __init__(self, contract: ir.Contract) -> None:
        self._contract = contract
        self._states = {state.name: state for state in contract.states}
        self._phases = {phase.name: phase for phase in contract.phases}

    def go_on(self) -> bool:
        """Say whether some run goes on for ever."""
        moves: dict[Place, list[Place]] = {}
        waiting = [
            Place(state, fired, fields)
            for state, fired in self._entered()
            for fields in product(STARTS, repeat=len(self._states[state].fields))
        ]
        while waiting:
            place = waiting.pop()
            if place in moves:
                continue
            moves[place] = list(dict.fromkeys(self._moves(place)))
            if len(moves) > PLACES_MAX:
                raise TooLarge
            for target in moves[place]:
                if any(abs(value) > GROWN for value in target.fields):
                    return True
                waiting.append(target)
        group = components(moves)
        members: dict[int, list[Place]] = {}
        for place in moves:
            members.setdefault(group[place], []).append(place)
        return any(
            any(group[target] == group[place] for place in places for target in moves[place])
            and not self._timed(places)
            for places in members.values()
        )

    def _entered(self) -> set[tuple[str, frozenset[int]]]:
        """Return the states with the timers that can have fired, whatever the numbers are."""
        found = {(state.name, frozenset[int]()) for state in self._contract.states if state.initial}
        waiting = list(found)
        while waiting:
            state, fired = waiting.pop()
            for block, timer in self._steps(state, fired, events=True):
                for target in _targets(block):
                    node = (target, self._after(state, fired, target, timer))
                    if node not in found:
                        found.add(node)
                        waiting.append(node)
        return found

    def _steps(
        self, state: str, fired: frozenset[int], *, events: bool
    ) -> Iterator[tuple[ir.Block, ir.Timer | None]]:
        declared = self._states[state]
        phase = self._phases.get(declared.phase or "")
        if declared.body:
            yield declared.body, None
        yield from ((timer.body, None) for timer in declared.timers)
        if events:
            yield from ((handler.body, None) for handler in declared.handlers)
        if phase is not None:
            yield from ((timer.body, timer) for timer in phase.timers if id(timer) not in fired)
            if events:
                yield from ((handler.body, None) for handler in phase.handlers)

    def _after(
        self, state: str, fired: frozenset[int], target: str, timer: ir.Timer | None
    ) -> frozenset[int]:
        phase = self._states[state].phase
        if phase is None or self._states[target].phase != phase:
            return frozenset()
        return fired if timer is None else fired | {id(timer)}

    def _timed(self, places: list[Place]) -> bool:
        """Say whether one timer of their phase runs in all places, and none puts it off."""
        phases = {self._states[place.state].phase for place in places}
        phase = self._phases.get(min(phases) or "") if len(phases) == 1 and None not in phases else None  # type: ignore[type-var]
        return phase is not None and any(
            isinstance(timer.when, ir.Constant) and not any(id(timer) in place.fired for place in places)
            for timer in phase.timers
        )

    def _moves(self, place: Place) -> Iterator[Place]:
        state = self._states[place.state]
        names = {field.name: value for field, value in zip(state.fields, place.fields, strict=True)}
        for block, timer in self._steps(place.state, place.fired, events=False):
            for goto, inner in _block(block, INPUT | names):
                assert goto is not None
                fired = self._after(place.state, place.fired, goto.state, timer)
                handed = dict(goto.args)
                target = self._states[goto.state]
                for values in product(*(_values(handed[each.name], inner) for each in target.fields)):
                    if self._timed([place]) and fired == place.fired and target.phase == state.phase:
                        values = tuple(max(-PHASE_MAX, min(PHASE_MAX, value)) for value in values)
                    yield Place(goto.state, fired, tuple(values))


def _targets(block: ir.Block) -> Iterator[str]:
    for statement in block:
        match statement:
            case ir.Goto(state=state):
                yield state
            case ir.If(then=then, otherwise=otherwise):
                yield from _targets(then)
                yield from _targets(otherwise or ())
            case ir.Match(arms=arms) | ir.Call(arms=arms):
                for arm in arms:
                    yield from _targets(arm.body)
            case ir.Let():
                pass


# --- Steps ----------------------------------------------------------------------------------------


def _block(block: ir.Block, names: Names) -> Iterator[tuple[ir.Goto | None, Names]]:
    if not block:
        yield None, names
        return
    for goto, inner in _statement(block[0], names):
        if goto is not None:
            yield goto, inner
        else:
            yield from _block(block[1:], inner)


def _statement(statement: ir.Statement, names: Names) -> Iterator[tuple[ir.Goto | None, Names]]:
    match statement:
        case ir.Goto():
            yield statement, names
        case ir.Let(name=name, value=value):
            for worth in _values(value, names):
                yield None, {**names, name: worth}
        case ir.If(condition=condition, then=then, otherwise=otherwise):
            for worth in _values(condition, names):
                for goto, inner in _block(then if worth else (otherwise or ()), names):
                    yield goto, inner if goto is not None else names
        case ir.Call(site=site, name=name, arms=arms):
            for answer in (True, False) if site.name == "peek" else ANSWERS:
                yield None, {**names, name: answer} if name else names
            for arm in arms:
                yield from _block(arm.body, names)
        case ir.Match(subject=subject, arms=arms):
            assert not isinstance(subject, ir.CallSite)
            for worth in _values(subject, names):
                for arm in arms:
                    bound = getattr(arm.pattern, "name", None)
                    if isinstance(arm.pattern, ir.SomePattern) is (worth is not None):
                        yield from _block(arm.body, {**names, bound: worth} if bound else names)


# --- Values ---------------------------------------------------------------------------------------


def _values(expr: ir.Expr, names: Names) -> Iterator[Any]:
    """Yield each value of an expression; only an answer of code has several."""
    match expr:
        case ir.Constant(value=value):
            yield value
        case ir.Var(name=name):
            yield names[name]
        case ir.Convert(of=of):
            yield from _values(of, names)
        case ir.Unary(op=op, of=of):
            yield from (not value if op == "not" else -value for value in _values(of, names))
        case ir.Conditional(condition=condition, yes=yes, no=no):
            for holds in _values(condition, names):
                yield from _values(yes if holds else no, names)
        case ir.Binary(op=op, left=left, right=right):
            for one, other in product(_values(left, names), _values(right, names)):
                yield _operate(op, one, other)
        case ir.Index(of=of, index=index):
            for items, at in product(_values(of, names), _values(index, names)):
                yield items[at] if -len(items) <= at < len(items) else None
        case ir.BuiltinCall(name=name, args=args):
            for worths in product(*(_values(arg, names) for arg in args)):
                yield {"len": len, "min": min, "max": max}[name](*worths)
        case ir.PureCall():
            yield from ANSWERS
        case _:
            raise AssertionError(f"no value for {expr}")


def _operate(op: str, one: Any, other: Any) -> Any:
    match op:
        case "and":
            return one and other
        case "or":
            return one or other
        case "==":
            return one == other
        case "!=":
            return one != other
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case _:
            return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[op]
