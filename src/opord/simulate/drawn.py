"""Tell whether a stall rests on an answer of a `pure` that was drawn.

A `pure` without a handler answers at random, and its real handler may never give that answer. So it
is followed through the contract: into names of the same state, and by `goto` into fields of others.
A name counts as made of each answer that some path gives it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, assert_never

from opord.contract import (
    Binary,
    Block,
    Call,
    CallSite,
    ConstantPattern,
    Contract,
    ElsePattern,
    Goto,
    If,
    Let,
    Match,
    NonePattern,
    OkPattern,
    Pattern,
    Phase,
    PureCall,
    SomePattern,
    State,
    Statement,
    Var,
    VariantPattern,
)
from opord.statements import nodes, statements

_DIVISIONS = frozenset({"/", "//", "%"})


class PureOrigins:
    """The pures whose answers go into the values of a contract."""

    def __init__(self, contract: Contract) -> None:
        self._owners: dict[str, tuple[State | Phase, ...]] = {
            state.name: (state, *(one for one in contract.phases if one.name == state.phase))
            for state in contract.states
        }
        self._names: dict[str, defaultdict[str, set[str]]] = {
            state.name: defaultdict(set) for state in contract.states
        }
        while sum(self._follow(state, one) for state, one in self._statements()):
            pass

    def behind(self, state: str, stalled: Mapping[str, Any]) -> set[str]:
        """Return the pures whose answers may have led to a stall, by the body of its record.

        These are the pures in the arguments of a call that could not be made, in the divisor of a
        division by zero, or else on the line of the contract that failed.
        """
        place = stalled.get("place")
        call = stalled.get("call")
        if call is not None:
            sites = (one for one in self._parts(state) if isinstance(one, CallSite) and one.name == call)
            return {pure for site in sites for pure in self._in(state, site.args)}
        if place is None:
            return set()
        line = int(place.rpartition(":")[2])
        there = [one for one in self._parts(state) if _is_on(one, line)]
        failed: list[object] = [one for one in there if isinstance(one, PureCall | Var)]
        if stalled["trouble"]["type"] == "DivisionByZero":
            failed = [one.right for one in there if isinstance(one, Binary) and one.op in _DIVISIONS]
        return {pure for one in failed for pure in self._in(state, one)}

    def _parts(self, state: str) -> Iterator[object]:
        return nodes(self._owners[state], types=False)

    def _statements(self) -> Iterator[tuple[str, Statement]]:
        for state, owners in self._owners.items():
            for owner in owners:
                for block in _blocks(owner):
                    for statement in statements(block):
                        yield state, statement

    def _follow(self, state: str, statement: Statement) -> bool:
        """Give the names that a statement binds what their values are made of; say if it is new."""
        match statement:
            case Let(name=name, value=value):
                return self._give(state, name, self._in(state, value))
            case Match(subject=subject, arms=arms) if not isinstance(subject, CallSite):
                made_of = self._in(state, subject)
                bound = [name for arm in arms for name in _bound(arm.pattern)]
                return sum(self._give(state, name, made_of) for name in bound) > 0
            case Goto(state=target, args=args):
                return sum(self._give(target, name, self._in(state, value)) for name, value in args) > 0
            case Call() | Match() | If():
                return False
            case _:
                assert_never(statement)

    def _give(self, state: str, name: str, pures: set[str]) -> bool:
        known = self._names[state][name]
        new = not pures <= known
        known |= pures
        return new

    def _in(self, state: str, part: object) -> set[str]:
        """Return the pures whose answers are in a part of a state's code."""
        found: set[str] = set()
        for node in nodes(part, types=False):
            if isinstance(node, PureCall):
                found.add(node.name)
            elif isinstance(node, Var) and node.origin in ("field", "binding"):
                found |= self._names[state].get(node.name, set())
        return found


def _blocks(owner: State | Phase) -> Iterator[Block]:
    if isinstance(owner, State):
        yield owner.body
    yield from (handler.body for handler in owner.handlers)
    yield from (timer.body for timer in owner.timers)


def _bound(pattern: Pattern) -> list[str]:
    match pattern:
        case OkPattern(name=name) | SomePattern(name=name) | ElsePattern(name=name):
            return [name] if name is not None else []
        case VariantPattern(names=names):
            return [name for _, name in names if name is not None]
        case NonePattern() | ConstantPattern():
            return []
        case _:
            assert_never(pattern)


def _is_on(node: object, line: int) -> bool:
    place = getattr(node, "place", None)
    return place is not None and place.line == line
