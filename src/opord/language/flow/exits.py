"""Every `goto` of a step, with the conditions before it as data: what was tested, and how each call ended.

Sheet, diagram and simulation say in words of their own why a step goes where it goes. They read this one list.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from opord.contract import Arm, Block, Call, CallSite, EventHandler, Expr, Goto, If, Let, Match, Timer
from opord.language.flow.graph import Moment
from opord.statements import Branching


@dataclass(frozen=True, slots=True, eq=False)
class Branched:
    """The condition of an `if` came out so.

    `below`: the `goto` stands below the `if` and not in it; the condition came out false, for the branch where it holds
    always leaves.
    """

    statement: If
    holds: bool
    below: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """A call ended so: of its arms, `arm` took the outcome."""

    site: CallSite
    arms: tuple[Arm, ...]
    arm: Arm


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A call answered, or one of its arms went on, and the `goto` stands below it."""

    site: CallSite


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """A value was such that `arm` took it."""

    subject: Expr
    arm: Arm


Condition: TypeAlias = Branched | Ended | Answered | Matched
"""One condition on the way to a `goto`. Each is one object, shared by all `goto`s that stand after it."""


@dataclass(frozen=True, slots=True)
class _Chain:
    last: Condition
    rest: _Chain | None


@dataclass(frozen=True, slots=True)
class Exit:
    """One `goto` of a step.

    `cause` is what set the step off: an event, with its guard, or a timer; None for the body of a state. `commit` is the
    last commit before the `goto`.
    """

    goto: Goto
    cause: EventHandler | Timer | None
    commit: CallSite | None
    _chain: _Chain | None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions on the way, from top to bottom."""
        return tuple(self.latest_conditions())[::-1]

    def latest_conditions(self) -> Iterator[Condition]:
        """Yield the conditions on the way, the last one first."""
        chain = self._chain
        while chain is not None:
            yield chain.last
            chain = chain.rest


def exits(moment: Moment) -> Iterator[Exit]:
    """Yield each `goto` of a step, from top to bottom. What stands below a `goto` is listed as if it were not there."""
    yield from _Listing(moment.handler).block(moment.body, None, None)


_Leaves: TypeAlias = bool


class _Listing:
    def __init__(self, cause: EventHandler | Timer | None) -> None:
        self._cause = cause

    def block(
        self, block: Block, chain: _Chain | None, commit: CallSite | None
    ) -> Generator[Exit, None, _Leaves]:
        """List the exits of a block; return whether every path of it leaves."""
        leaves = False
        for statement in block:
            match statement:
                case Let():
                    pass
                case Goto():
                    yield Exit(statement, self._cause, commit, chain)
                    leaves = True
                case If(then=then, otherwise=otherwise):
                    left = yield from self.block(then, _Chain(Branched(statement, True), chain), commit)
                    if otherwise is not None:
                        entering = _Chain(Branched(statement, False), chain)
                        leaves = ((yield from self.block(otherwise, entering, commit)) and left) or leaves
                    if left:
                        chain = _Chain(Branched(statement, False, below=True), chain)
                case Call(site=site):
                    commit = _committed(site, commit)
                    yield from self._arms(statement, site, chain, commit)
                    chain = _Chain(Answered(site), chain)
                case Match(subject=CallSite() as site):
                    commit = _committed(site, commit)
                    left = yield from self._arms(statement, site, chain, commit)
                    leaves = leaves or left
                case Match(subject=subject):
                    left = yield from self._arms(statement, subject, chain, commit)
                    leaves = leaves or left
                case _:
                    assert_never(statement)
        return leaves

    def _arms(
        self, statement: Branching, of: CallSite | Expr, chain: _Chain | None, commit: CallSite | None
    ) -> Generator[Exit, None, _Leaves]:
        """List the exits of arms; return whether every path of each of them leaves."""
        leaves = True
        for arm in statement.arms:
            taken = Ended(of, statement.arms, arm) if isinstance(of, CallSite) else Matched(of, arm)
            left = yield from self.block(arm.body, _Chain(taken, chain), commit)
            leaves = leaves and left
        return leaves


def _committed(site: CallSite, before: CallSite | None) -> CallSite | None:
    return site if site.verb == "commit" else before
