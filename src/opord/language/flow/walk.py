"""Walk over the paths of a step. Every question about paths is a fold over this walk.

A step has no loops, so it has a finite number of paths. The walk does not list them. It carries one
value, the knowledge at a place in the text, through the statements, and into both branches of every
condition. Where paths meet, the fold joins their values, so the work grows with the text and not
with the number of paths.

This is the only module that knows the ways through a statement.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, Generic, TypeAlias, TypeVar, assert_never

from opord.contract import Arm, Block, Call, CallSite, Goto, If, Let, Match, Pattern, Statement
from opord.language.flow.calls import CallEnding, DeclaredCalls
from opord.statements import Branching

At = TypeVar("At")
Fact = TypeVar("Fact", bound=Hashable)


class PathWalk(ABC, Generic[At]):
    """A walk over all paths of a block. A fold defines what happens to the value that it carries.

    None means "no path reaches this place". Only the method `passed` of a fold receives None.
    """

    goes_on: ClassVar[bool] = True
    """Whether statements below a `goto` are walked as if the `goto` were absent."""

    @abstractmethod
    def called(self, site: CallSite, pattern: Pattern | None, at: At) -> At | None:
        """Return the value after a call, in an arm that takes an outcome with `pattern`.

        Without a pattern: the value after a call that gave a result.
        """

    @abstractmethod
    def went(self, goto: Goto, at: At) -> None:
        """Receive the value at a `goto`."""

    @abstractmethod
    def join(self, ways: Sequence[At], before: At) -> At:
        """Return the value where several ways through a statement meet.

        `before` is the value above it.

        The first way is the one past the branches: the call gave a result, or the condition is
        false.
        """

    def bound(self, let: Let, at: At) -> At | None:
        """Return the value after a `let` of an expression."""
        return at

    def tested(self, statement: If, at: At) -> tuple[At, At]:
        """Return the values for a true and for a false condition."""
        return at, at

    def matched(self, statement: Match, arm: Arm, at: At) -> At:
        """Return the value in an arm of a `match` over an expression."""
        return at

    def arm(self, statement: Branching, arm: Arm, at: At) -> At | None:
        """Walk the body of an arm."""
        return self.block(arm.body, at)

    def passed(self, statement: Statement, before: At, after: At | None) -> At | None:
        """Return the value after a statement; `after` is the result of the walk through it."""
        return after

    def block(self, block: Block, at: At) -> At | None:
        """Walk a block; return the value at its end, or None if every path has left before."""
        has_left = False
        for statement in block:
            after = self.passed(statement, at, self._through(statement, at))
            if after is not None:
                at = after
            elif self.goes_on:
                has_left = True
            else:
                return None
        return None if has_left else at

    def _through(self, statement: Statement, at: At) -> At | None:
        match statement:
            case Let():
                return self.bound(statement, at)
            case Goto():
                self.went(statement, at)
                return None
            case If(then=then, otherwise=otherwise):
                holds, fails = self.tested(statement, at)
                through = self.block(then, holds)
                past = fails if otherwise is None else self.block(otherwise, fails)
                return self._meet([past, through], at)
            case Call(site=site, name=name, arms=arms):
                answered = self.called(site, None, at)
                out = [self._after(site, statement, arm, at) for arm in arms]
                # The `else` of a `let` leaves the state, because the name would have no value below
                # it.
                return self._meet([answered, *out], at) if name is None else answered
            case Match(subject=CallSite() as site, arms=arms):
                return self._meet([self._after(site, statement, arm, at) for arm in arms], at)
            case Match(arms=arms):
                return self._meet(
                    [self.arm(statement, arm, self.matched(statement, arm, at)) for arm in arms], at
                )
            case _:
                assert_never(statement)

    def _after(self, site: CallSite, statement: Branching, arm: Arm, at: At) -> At | None:
        entering = self.called(site, arm.pattern, at)
        return self.arm(statement, arm, entering) if entering is not None else None

    def _meet(self, ways: Sequence[At | None], before: At) -> At | None:
        open_ways = [way for way in ways if way is not None]
        if len(open_ways) < 2:
            return open_ways[0] if open_ways else None
        return self.join(open_ways, before)


# --- Facts ----------------------------------------------------------------------------------------

OnCall: TypeAlias = Callable[[Fact, CallSite, CallEnding], Fact]
OnGoto: TypeAlias = Callable[[Goto, set[Fact]], None]
Fewer: TypeAlias = Callable[[set[Fact]], set[Fact]]


def follow(
    block: Block,
    facts: set[Fact],
    calls: DeclaredCalls,
    on_call: OnCall[Fact],
    on_goto: OnGoto[Fact],
    join: Fewer[Fact] | None = None,
) -> set[Fact]:
    """Carry `facts` along every path of `block`, and return the facts at its end.

    Facts are small and comparable (a bit set, a short tuple), so paths with equal facts are merged.
    `on_call` returns the fact after a call with the given end; `on_goto` receives the facts that
    reach a `goto`. After each statement, `join` may reduce the set, so that it stays small.
    """
    return _Facts(calls, on_call, on_goto, join).block(block, facts) or set()


class _Facts(PathWalk[set[Fact]]):
    def __init__(
        self, calls: DeclaredCalls, on_call: OnCall[Fact], on_goto: OnGoto[Fact], fewer: Fewer[Fact] | None
    ) -> None:
        self._calls = calls
        self._on_call = on_call
        self._on_goto = on_goto
        self._fewer = fewer

    def called(self, site: CallSite, pattern: Pattern | None, at: set[Fact]) -> set[Fact] | None:
        outcomes = self._calls.outcomes(site, pattern)
        return {self._on_call(fact, site, ending) for ending in outcomes for fact in at} or None

    def went(self, goto: Goto, at: set[Fact]) -> None:
        self._on_goto(goto, at)

    def join(self, ways: Sequence[set[Fact]], before: set[Fact]) -> set[Fact]:
        return set().union(*ways)

    def passed(self, statement: Statement, before: set[Fact], after: set[Fact] | None) -> set[Fact] | None:
        return after if after is None or self._fewer is None else self._fewer(after)
