"""List the moves of each state with all that a run hands on, and how its commit has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Literal, TypeAlias, assert_never

from opord.contract import (
    Action,
    Arm,
    Block,
    CallSite,
    Constant,
    ConstantPattern,
    ElsePattern,
    EventHandler,
    Expr,
    Goto,
    NonePattern,
    Nothing,
    OkPattern,
    OptionalOf,
    Pattern,
    SomePattern,
    State,
    Timer,
    Unknown,
    VariantPattern,
    VariantRef,
)
from opord.language.flow.calls import IN_DOUBT, DeclaredCalls
from opord.language.flow.carried import StepValues
from opord.language.flow.graph import Graph, Moment
from opord.language.flow.value_flow import (
    UNREAD,
    Calling,
    MadeValue,
    Requirement,
    StepFlow,
    Value,
    make_value,
    value_of_key,
    ways,
)
from opord.language.flow.walk import PathWalk
from opord.statements import call_sites

_COST = 20  # of a move without conditions and values
_COST_OF_PART = 4
_SHARE_MIN = 20_000

HANDED_MAX = 20_000
"""In a contract with more moves than this, values are not followed: it would take too long."""


class Work:
    """How much may still be looked at, so that no contract takes long.

    A unit is about what it costs to take one move whose values are known: a microsecond.
    """

    def __init__(self, units: int) -> None:
        self._share = units
        self._rest = 0

    def divide(self, parts: int) -> None:
        """Allow the next one of so many parts no more than its share of what is left.

        Where there are very many, the first ones have enough, and the last ones nothing.
        """
        left = self._rest + max(self._share, 0)
        self._share = min(left, max(left // parts, _SHARE_MIN))
        self._rest = left - self._share

    def spend(self, units: int) -> bool:
        """Spend some of the share; return False if nothing is left of it."""
        self._share -= units
        return self._share >= 0


KeyUse: TypeAlias = Literal["done", "refused", "open"]
"""What the end of a commit says about its key.

`done`: the action took effect (or was skipped, as if it had). `refused`: a final failure. `open`: a
transient failure or a doubt, after which the same key is the right one, or any failure in
transaction, which nobody remembers.
"""


@dataclass(frozen=True, slots=True)
class CommitEnd:
    """A commit of a step and how it ended; `variant` is its failure."""

    site: CallSite
    how: KeyUse
    variant: VariantRef | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HandedMove:
    """One way through a step to a `goto`.

    `values` are those of the target's fields, by name. `requirements` are the conditions before the
    `goto`, the last one first. `ends` are the possible ends of the last commit of the step, None
    where it commits nothing. `cost` is the work of following the move, without its conditions.
    """

    goto: Goto
    moment: Moment
    values: dict[str, Value]
    requirements: tuple[Requirement, ...]
    ends: tuple[CommitEnd | None, ...]
    cost: int
    _callings: dict[int, Calling]

    def calling(self, site: CallSite) -> Calling:
        """Return the arguments of a commit of this step, and the conditions before it."""
        return self._callings[id(site)]

    @property
    def waited(self) -> timedelta:
        """The time that surely passes before this step, since the entry into the state."""
        match self.moment.handler:
            case Timer(kind="after", when=Constant(value=timedelta() as delay)) if not self.moment.shared:
                return delay
            case EventHandler() | Timer() | None:
                return timedelta()
            case _:
                assert_never(self.moment.handler)


class HandedMoves:
    """The moves of a contract, made when they are asked for."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._by_step: dict[int, list[HandedMove]] = {}
        self._by_state: dict[str, list[HandedMove]] = {}

    def of(self, state: State) -> list[HandedMove]:
        """List the moves out of a state to declared states."""
        moves = self._by_state.get(state.name)
        if moves is None:
            moves = self._by_state[state.name] = [
                move for moment in self._graph.moments(state) for move in self._of_step(moment)
            ]
        return moves

    def _of_step(self, moment: Moment) -> list[HandedMove]:
        key = id(moment.handler or moment.body)
        if key not in self._by_step:
            self._by_step[key] = list(self._ways_out(moment))
        return self._by_step[key]

    def _ways_out(self, moment: Moment) -> Iterator[HandedMove]:
        flow = StepFlow(moment.body)
        ends = _ends_in(moment.body, self._graph.calls)
        guard = moment.handler.guard if isinstance(moment.handler, EventHandler) else None
        first = (Requirement(flow.value(guard)),) if guard is not None else ()
        callings = {
            site: Calling(args, (*conditions, *first)) for site, (args, conditions) in flow.callings.items()
        }
        for leaving in flow.leavings:
            target = self._graph.states.get(leaving.goto.state)
            if target is None:
                continue
            for goto, values, conditions in ways(leaving):
                requirements = (*conditions, *first)
                handed = _wrapped(target, goto, dict(values))
                cost = _COST + sum(map(cost_of, handed.values()))
                committed = ends.get(id(goto), (None,))
                yield HandedMove(goto, moment, handed, requirements, committed, cost, callings)


def cost_of(value: Value) -> int:
    """Return the work of carrying a value."""
    return _COST_OF_PART * (value.size if isinstance(value, MadeValue) else 1)


def followed(
    moves: Sequence[HandedMove], step: StepValues, work: Work
) -> Iterator[tuple[HandedMove, StepValues | None]]:
    """Yield each move of a state with the step after its conditions, None if these cannot hold.

    Moves share the conditions above them, and each of these is looked at once. What comes after the
    work is spent is not followed.
    """
    path: list[tuple[Requirement, StepValues | None]] = []
    for move in moves:
        conditions = move.requirements[::-1]
        shared = sum(
            1 for _ in takewhile(lambda pair: pair[0] is pair[1][0], zip(conditions, path, strict=False))
        )
        del path[shared:]
        at: StepValues | None = path[-1][1] if path else step
        for condition in conditions[shared:]:
            if at is not None:
                work.spend(cost_of(condition.of))
                at = at.then(condition)
            path.append((condition, at))
        if not work.spend(move.cost):
            return
        yield move, at


def key_value(action: Action, args: tuple[Value, ...]) -> Value:
    """Return the value of the key that an action declares, for the arguments of a commit."""
    if action.key is None or action.key.expr is None or len(args) != len(action.params):
        return UNREAD
    return value_of_key(
        action.key.expr, dict(zip((param.name for param in action.params), args, strict=True))
    )


def _wrapped(target: State, goto: Goto, values: dict[str, Value]) -> dict[str, Value]:
    """Mark the values that an optional field gets and that are never `none`."""
    args = dict(goto.args)
    for field in target.fields:
        expr = args.get(field.name)
        if expr is not None and isinstance(field.type, OptionalOf) and _is_something(expr):
            values[field.name] = make_value("wrap", values[field.name])
    return values


def _is_something(expr: Expr) -> bool:
    return not isinstance(expr.type, OptionalOf | Nothing | Unknown)


# --- How commits end ------------------------------------------------------------------------------

_Ends: TypeAlias = frozenset[CommitEnd | None]


def _ends_in(body: Block, calls: DeclaredCalls) -> dict[int, tuple[CommitEnd | None, ...]]:
    """Return the possible ends of the last commit before each `goto`, by the `id` of the `goto`."""
    arms = {id(site): arms for site, arms in call_sites(body) if calls.action(site.name) is not None}
    if not arms:
        return {}
    walk = _CommitEnds(calls, arms)
    walk.block(body, frozenset((None,)))
    return {goto: tuple(sorted(ends, key=_order)) for goto, ends in walk.ends.items()}


def _order(end: CommitEnd | None) -> tuple[int, int, str, str]:
    if end is None:
        return 0, 0, "", ""
    place = end.site.place
    return place.line, place.column, end.how, end.variant.variant if end.variant is not None else ""


class _CommitEnds(PathWalk[_Ends]):
    """Carry the possible ends of the last commit."""

    goes_on = False

    def __init__(self, calls: DeclaredCalls, arms: dict[int, tuple[Arm, ...]]) -> None:
        self._calls = calls
        self._arms = arms
        self._final: dict[str, set[VariantRef]] = {}
        self.ends: dict[int, _Ends] = {}

    def called(self, site: CallSite, pattern: Pattern | None, at: _Ends) -> _Ends:
        if id(site) not in self._arms:
            return at
        return frozenset(self._ends(site, pattern))

    def went(self, goto: Goto, at: _Ends) -> None:
        self.ends[id(goto)] = self.ends.get(id(goto), frozenset()) | at

    def join(self, ways: Sequence[_Ends], before: _Ends) -> _Ends:
        return frozenset().union(*ways)

    def _ends(self, site: CallSite, pattern: Pattern | None) -> Iterator[CommitEnd]:
        match pattern:
            case None | OkPattern():
                yield CommitEnd(site, "done")
            case VariantPattern(variants=variants):
                yield from (self._failed(site, variant) for variant in variants)
            case ElsePattern():
                named = {
                    variant
                    for arm in self._arms[id(site)]
                    if isinstance(arm.pattern, VariantPattern)
                    for variant in arm.pattern.variants
                }
                for variant, _ in self._calls.variants(site.name):
                    if variant not in named:
                        yield self._failed(site, variant)
            case SomePattern() | NonePattern() | ConstantPattern():
                pass  # patterns for values; over a call they have been reported
            case _:
                assert_never(pattern)

    def _failed(self, site: CallSite, ref: VariantRef) -> CommitEnd:
        """Return the end with a failure. An unknown failure has its own finding."""
        if site.name not in self._final:
            variants = self._calls.variants(site.name)
            action = self._calls.action(site.name)
            forgotten = action is not None and action.transaction
            self._final[site.name] = {
                known
                for known, variant in variants
                if not variant.transient and known != IN_DOUBT and not forgotten
            }
        return CommitEnd(site, "refused" if ref in self._final[site.name] else "open", ref)
