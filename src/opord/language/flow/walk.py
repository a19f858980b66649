"""Paths through one step: what a call can end in, and which facts reach each `goto`.

A step has no loops, so its paths can be followed one by one. `follow` does so without listing them: it
carries a set of facts through the statements, both ways at every branch, and hands the facts to whoever asks
at every `goto`. Facts are small and comparable (a bit set, a short tuple), so paths that know the same fall
together, and the work grows with the text, not with the number of paths.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import chain
from typing import Literal, TypeAlias, TypeVar

from opord.contract import (
    Action,
    Arm,
    Ask,
    Block,
    Call,
    CallSite,
    Contract,
    Effect,
    ElsePattern,
    Goto,
    If,
    Let,
    Match,
    Nothing,
    OkPattern,
    Pattern,
    Pure,
    Report,
    Skip,
    Statement,
    Variant,
    VariantPattern,
    VariantRef,
)

Ending: TypeAlias = Literal["ok", "maybe", "failed"]
"""How a call ended: it has taken effect; it may have (`InDoubt`, or an action that is skipped); it did not."""

TIMED_OUT = VariantRef("", "TimedOut")
IN_DOUBT = VariantRef("", "InDoubt")

Fact = TypeVar("Fact", bound=Hashable)


# --- What a call can end in ---------------------------------------------------------------------------


class Calls:
    """The declared calls by name, and what each can end in."""

    def __init__(self, contract: Contract) -> None:
        self._by_name: dict[str, Pure | Effect | Action] = {}
        for declared in (contract.pures, contract.effects, contract.actions):
            self._by_name |= {call.name: call for call in declared}
        self._variants = {failure.name: failure.variants for failure in contract.failures}
        self._failures: dict[str, tuple[VariantRef, ...]] = {}

    def get(self, name: str) -> Pure | Effect | Action | None:
        """Return the declaration of `name`, or None if there is none."""
        return self._by_name.get(name)

    def action(self, name: str) -> Action | None:
        """Return the action `name`, or None if there is none, or something else has that name."""
        call = self._by_name.get(name)
        return call if isinstance(call, Action) else None

    def variants(self, name: str) -> Iterator[tuple[VariantRef, Variant]]:
        """Yield the declared variants that a call can fail with, in the order of its `fails`."""
        call = self._by_name.get(name)
        if isinstance(call, Effect | Action):
            for failure in call.fails:
                for variant in self._variants.get(failure, ()):
                    yield VariantRef(failure, variant.name), variant

    def failures(self, name: str) -> tuple[VariantRef, ...]:
        """List all that a call can fail with: its declared variants, then the built-in one that joins them.

        `TimedOut` joins the failures of an effect with a time limit, `InDoubt` those of an action whose
        doubts are reported, be it at once or after nobody answered.
        """
        if name not in self._failures:
            found = [ref for ref, _ in self.variants(name)]
            match self._by_name.get(name):
                case Effect(timeout=timeout) if timeout is not None:
                    found.append(TIMED_OUT)
                case Action() as action if _reports(action):
                    found.append(IN_DOUBT)
                case _:
                    pass
            self._failures[name] = tuple(found)
        return self._failures[name]

    def answer(self, site: CallSite) -> Ending:
        """Say what `ok` proves: that the call took effect, or, with `in doubt skip`, only that it may have.

        An action with a result cannot be skipped, which is said elsewhere.
        """
        action = self.action(site.name)
        skips = action is not None and isinstance(action.doubt, Skip) and isinstance(action.result, Nothing)
        return "maybe" if skips else "ok"

    def endings(self, site: CallSite, pattern: Pattern) -> set[Ending]:
        """Say how the call can have ended where an arm with this pattern is taken."""
        match pattern:
            case OkPattern():
                return {self.answer(site)}
            case VariantPattern(variants=variants):
                # An `InDoubt` that is not reported cannot come, which is said elsewhere.
                action = self.action(site.name)
                reports = action is not None and _reports(action)
                return {"maybe" if variant == IN_DOUBT and reports else "failed" for variant in variants}
            case ElsePattern():
                return {"failed"}  # `else` never covers `InDoubt`
            case _:
                return set()


def _reports(action: Action) -> bool:
    return isinstance(action.doubt, Report) or (
        isinstance(action.doubt, Ask) and action.doubt.within is not None
    )


# --- Paths through a step -----------------------------------------------------------------------------

OnCall: TypeAlias = Callable[[Fact, CallSite, Ending], Fact]
OnGoto: TypeAlias = Callable[[Goto, set[Fact]], None]
Join: TypeAlias = Callable[[set[Fact]], set[Fact]]


def follow(
    block: Block,
    facts: set[Fact],
    calls: Calls,
    on_call: OnCall[Fact],
    on_goto: OnGoto[Fact],
    join: Join[Fact] | None = None,
) -> set[Fact]:
    """Carry `facts` along every path of `block`, and return those that fall out at its end.

    `on_call` gives the fact after a call that ended so; `on_goto` is told the facts that reach a `goto`.
    Statements after a `goto` are followed as if it were not there: they were meant to be taken. Where paths
    meet, `join` may let some facts stand for all, so that there are never more than a few.
    """
    left = False
    for statement in block:
        passed = _follow_statement(statement, facts, calls, on_call, on_goto, join)
        if join is not None:
            passed = join(passed)
        if passed:
            facts = passed
        else:
            left = True
    return set() if left else facts


def _follow_statement(
    statement: Statement,
    facts: set[Fact],
    calls: Calls,
    on_call: OnCall[Fact],
    on_goto: OnGoto[Fact],
    join: Join[Fact] | None,
) -> set[Fact]:
    def into(block: Block, entering: set[Fact]) -> set[Fact]:
        return follow(block, entering, calls, on_call, on_goto, join) if entering else set()

    def after(site: CallSite, endings: Iterable[Ending]) -> set[Fact]:
        return {on_call(fact, site, ending) for ending in endings for fact in facts}

    match statement:
        case Goto():
            on_goto(statement, facts)
            return set()
        case If(then=then, otherwise=otherwise):
            return into(then, facts) | (facts if otherwise is None else into(otherwise, facts))
        case Call(site=site, name=name, arms=arms):
            passed = after(site, [calls.answer(site)])
            for arm in arms:
                out = into(arm.body, after(site, calls.endings(site, arm.pattern)))
                if name is None:  # the `else` of a `let` leaves the state
                    passed |= out
            return passed
        case Match(subject=CallSite() as site, arms=arms):
            return _union(into(arm.body, after(site, calls.endings(site, arm.pattern))) for arm in arms)
        case Match(arms=arms):
            return _union(into(arm.body, facts) for arm in arms)
        case _:
            return facts


def _union(sets: Iterable[set[Fact]]) -> set[Fact]:
    found: set[Fact] = set()
    for each in sets:
        found |= each
    return found


def statements(block: Block) -> Iterator[Statement]:
    """Yield every statement of a block and of the blocks in it, from top to bottom."""
    # One generator for all levels: most rules walk all statements.
    waiting: list[Iterator[Statement]] = [iter(block)]
    while waiting:
        for statement in waiting[-1]:
            yield statement
            if not isinstance(statement, Let | Goto):
                waiting.append(chain.from_iterable(blocks_in(statement)))
                break
        else:
            waiting.pop()


def gotos(block: Block) -> Iterator[Goto]:
    """Yield every `goto` of a block, from top to bottom."""
    return (statement for statement in statements(block) if isinstance(statement, Goto))


def blocks_in(statement: Statement) -> Iterator[Block]:
    """Yield the blocks directly inside a statement: branches and the bodies of arms."""
    match statement:
        case If(then=then, otherwise=otherwise):
            yield then
            if otherwise is not None:
                yield otherwise
        case Call() | Match():
            for arm in statement.arms:
                yield arm.body
        case _:
            pass


def call_sites(block: Block) -> Iterator[tuple[CallSite, tuple[Arm, ...]]]:
    """Yield every `perform` and `commit` of a block with the arms that handle its failures."""
    for statement in statements(block):
        match statement:
            case Call(site=site, arms=arms) | Match(subject=CallSite() as site, arms=arms):
                yield site, arms
            case _:
                pass
