"""List every `goto` of a step with the conditions before it as data: tests, and the ends of calls.

Sheet, diagram and simulation each describe in their own words why a step goes where it goes. They
all read this list.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from opord.contract import (
    Arm,
    Block,
    Call,
    CallSite,
    EventHandler,
    Expr,
    Goto,
    If,
    Let,
    Match,
    OkPattern,
    Timer,
)
from opord.language.flow.graph import Moment
from opord.statements import Branching


@dataclass(frozen=True, slots=True, eq=False)
class Branched:
    """The condition of an `if` was `holds`.

    `below`: the `goto` stands below the `if` and not in it. The condition was false, because the
    branch for a true condition always leaves.
    """

    statement: If
    holds: bool
    below: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class InCallArm:
    """A call ended with an outcome that `arm` of its arms took."""

    site: CallSite
    arms: tuple[Arm, ...]
    arm: Arm


@dataclass(frozen=True, slots=True, eq=False)
class BelowCall:
    """A call ended in one of these ways, and the `goto` stands below it.

    `answered`: it may have given a result. `arms` took its failures and did not leave.
    """

    site: CallSite
    answered: bool
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """`arm` took the value of `subject`."""

    subject: Expr
    arm: Arm


Condition: TypeAlias = Branched | InCallArm | BelowCall | Matched
"""One condition before a `goto`. It is one object, shared by all `goto`s after it."""


@dataclass(frozen=True, slots=True)
class _Chain:
    last: Condition
    rest: _Chain | None


@dataclass(frozen=True, slots=True)
class Exit:
    """One `goto` of a step.

    `cause` is what started the step: an event handler with its guard, or a timer; None for the body
    of a state. `commit` is the last commit before the `goto`.
    """

    goto: Goto
    cause: EventHandler | Timer | None
    commit: CallSite | None
    _chain: _Chain | None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions before the `goto`, from top to bottom."""
        return tuple(self.latest_conditions())[::-1]

    def latest_conditions(self) -> Iterator[Condition]:
        """Yield the conditions before the `goto`, the last one first."""
        chain = self._chain
        while chain is not None:
            yield chain.last
            chain = chain.rest


def exits(moment: Moment) -> Iterator[Exit]:
    """Yield each `goto` of a step, from top to bottom. Statements below a `goto` are listed too."""
    yield from _Listing(moment.handler).block(moment.body, None, None)


_Leaves: TypeAlias = bool


class _Listing:
    def __init__(self, cause: EventHandler | Timer | None) -> None:
        self._cause = cause

    def block(
        self, block: Block, chain: _Chain | None, commit: CallSite | None
    ) -> Generator[Exit, None, _Leaves]:
        """List the exits of a block; return whether every path of the block leaves."""
        leaves = False
        for statement in block:
            match statement:
                case Let():
                    pass
                case Goto():
                    yield Exit(statement, self._cause, commit, chain)
                    leaves = True
                case If(then=then, otherwise=otherwise):
                    always_leaves = yield from self.block(
                        then, _Chain(Branched(statement, True), chain), commit
                    )
                    if otherwise is not None:
                        entering = _Chain(Branched(statement, False), chain)
                        leaves = (
                            (yield from self.block(otherwise, entering, commit)) and always_leaves
                        ) or leaves
                    if always_leaves:
                        chain = _Chain(Branched(statement, False, below=True), chain)
                case Call(site=site):
                    commit = _committed(site, commit)
                    going_on = yield from self._arms(statement, site, chain, commit)
                    chain = _Chain(BelowCall(site, True, going_on), chain)
                case Match(subject=CallSite() as site):
                    commit = _committed(site, commit)
                    going_on = yield from self._arms(statement, site, chain, commit)
                    failed = tuple(arm for arm in going_on if not isinstance(arm.pattern, OkPattern))
                    if going_on:
                        chain = _Chain(BelowCall(site, len(failed) < len(going_on), failed), chain)
                    leaves = leaves or not going_on
                case Match(subject=subject):
                    going_on = yield from self._arms(statement, subject, chain, commit)
                    leaves = leaves or not going_on
                case _:
                    assert_never(statement)
        return leaves

    def _arms(
        self, statement: Branching, of: CallSite | Expr, chain: _Chain | None, commit: CallSite | None
    ) -> Generator[Exit, None, tuple[Arm, ...]]:
        """List the exits of arms; return the arms that have a path which does not leave."""
        going_on: list[Arm] = []
        for arm in statement.arms:
            taken = InCallArm(of, statement.arms, arm) if isinstance(of, CallSite) else Matched(of, arm)
            always_leaves = yield from self.block(arm.body, _Chain(taken, chain), commit)
            if not always_leaves:
                going_on.append(arm)
        return tuple(going_on)


def _committed(site: CallSite, before: CallSite | None) -> CallSite | None:
    return site if site.verb == "commit" else before
