"""Every path of a small contract with concrete values, and the keys of its commits.

The judge knows nothing of the checker's analysis of values. It plays each step with real numbers:
every outcome of every call, every event, every timer. A pure gives one answer for the same
arguments in a run. What comes from outside is new each time, and equal to nothing.

It is written for the random contracts: their keys read the input and numbers that count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from opord import contract as ir

COUNT_MAX = 10
STEPS_MAX = 1_000_000
"""The number of moves that are looked at for one contract, in up to ten seconds.

Of the random contracts of the seeds 0 to 299, four have more: 85, 141, 261 and 291.
"""

SIZE = 1000
"""The input `size`, far away from what is counted from zero."""

Pures = frozenset[tuple[str, Any]]
Names = dict[str, Any]


class Undecided(Exception):
    """The contract has more paths than the judge follows."""


class Fresh:
    """A value from outside."""


class Place(NamedTuple):
    """A state with its field `n`, the answers of pures so far, and whether the key is forgotten."""

    state: str
    n: Any
    pures: Pures
    late: bool = False


class Commit(NamedTuple):
    """A commit in a step: the action, its key, how it ended, and where it stands."""

    action: str
    key: Any
    how: str
    site: int


class Move(NamedTuple):
    """One path through one step."""

    target: Place
    commit: Commit | None
    shared: bool
    waited: timedelta


@dataclass(frozen=True)
class Again:
    """A commit under a key that is used: where, after which end, and on how few states."""

    action: str
    state: str
    shared: int | None
    how: str
    states: int


class Judge:
    """Plays a contract, and finds the commits that come again under their keys."""

    def __init__(self, contract: ir.Contract) -> None:
        self._contract = contract
        self._actions = {action.name: action for action in contract.actions}
        self._effects = {effect.name: effect for effect in contract.effects}
        self._failures = {failure.name: failure.variants for failure in contract.failures}
        self._moves: dict[Place, list[Move]] = {}
        self._steps = 0

    def again(self) -> set[Again]:
        """Return every commit that comes again, with the fewest states from the first one to it.

        Raises:
            Undecided: there are too many paths.
        """
        found: dict[tuple[str, str, int | None, str], int] = {}
        followed: set[tuple[Place, str, Any, str]] = set()
        initial = next(state for state in self._contract.states if state.initial)
        seen = {Place(initial.name, 0 if initial.fields else None, frozenset())}
        waiting = deque(seen)
        while waiting:
            place = waiting.popleft()
            for move in self._look(place):
                if move.target not in seen:
                    seen.add(move.target)
                    waiting.append(move.target)
                commit = move.commit
                if commit is None or commit.how == "open" or not self._own_key(commit):
                    continue
                # From the same place on, all that was done before under the same key is one.
                first = (move.target, commit.action, commit.key, commit.how)
                if first not in followed:
                    followed.add(first)
                    for key, states in self._from(move):
                        found[key] = min(found.get(key, states), states)
        return {Again(*key, states) for key, states in found.items()}

    def _own_key(self, commit: Commit) -> bool:
        key = self._actions[commit.action].key
        return key is not None and key.expr is not None and not isinstance(commit.key, Fresh)

    def _from(self, first: Move) -> Iterator[tuple[tuple[str, str, int | None, str], int]]:
        """Yield the commits under the key of a move's commit, with the states on the way."""
        assert first.commit is not None
        action, how = first.commit.action, first.commit.how
        declared = self._actions[action].key
        window = declared.window if declared is not None else None
        seen = {first.target}
        waiting = deque([(first.target, 2)])
        while waiting:
            place, states = waiting.popleft()
            for move in self._look(place):
                late = place.late or (window is not None and move.waited >= window)
                commit = move.commit
                if commit is not None and (commit.action, commit.key) == (action, first.commit.key):
                    if how == "done" or not late:
                        shared = commit.site if move.shared else None
                        yield (action, "" if move.shared else place.state, shared, how), states
                    continue
                target = move.target._replace(late=late)
                if target not in seen:
                    seen.add(target)
                    waiting.append((target, states + 1))

    def _look(self, place: Place) -> list[Move]:
        moves = self.moves(place)
        self._steps += len(moves)
        if self._steps > STEPS_MAX:
            raise Undecided
        return moves

    # --- Steps --------------------------------------------------------------------------------

    def moves(self, place: Place) -> list[Move]:
        """List every path through every step from a place."""
        place = place._replace(late=False)
        if place not in self._moves:
            self._moves[place] = list(self._moves_from(place))
        return self._moves[place]

    def _moves_from(self, place: Place) -> Iterator[Move]:
        state = self._contract.state(place.state)
        phase = self._contract.phase_of(state)
        own = {handler.event for handler in state.handlers}
        steps: list[tuple[ir.Block, Any, bool]] = [(state.body, None, False)] if state.body else []
        steps += [(part.body, part, False) for part in (*state.handlers, *state.timers)]
        if phase is not None:
            steps += [(each.body, each, True) for each in phase.handlers if each.event not in own]
            steps += [(each.body, each, True) for each in phase.timers]
        for body, cause, shared in (step for step in steps if step[0]):
            names: Names = {} if place.n is None else {"n": place.n}
            if isinstance(cause, ir.EventHandler):
                names |= {name: Fresh() for name in cause.names if name is not None}
            waited = timedelta()
            if isinstance(cause, ir.Timer) and not shared and isinstance(cause.when, ir.Constant):
                assert isinstance(cause.when.value, timedelta)
                waited = cause.when.value
            for goto, commit, pures, then in self._block(body, names, None, place.pures):
                assert goto is not None
                n = next((self._value(value, then, pures)[0] for _, value in goto.args), None)
                if n is None or isinstance(n, Fresh) or abs(n) % SIZE <= COUNT_MAX:
                    yield Move(Place(goto.state, n, pures), commit, shared, waited)

    def _block(
        self, block: ir.Block, names: Names, commit: Commit | None, pures: Pures
    ) -> Iterator[tuple[ir.Goto | None, Commit | None, Pures, Names]]:
        if not block:
            yield None, commit, pures, names
            return
        for goto, then, known, inner in self._statement(block[0], names, commit, pures):
            if goto is not None:
                yield goto, then, known, inner
            else:
                yield from self._block(block[1:], inner, then, known)

    def _statement(
        self, statement: ir.Statement, names: Names, commit: Commit | None, pures: Pures
    ) -> Iterator[tuple[ir.Goto | None, Commit | None, Pures, Names]]:
        match statement:
            case ir.Goto():
                yield statement, commit, pures, names
            case ir.Let(name=name, value=value):
                for worth, known in self._values(value, names, pures):
                    yield None, commit, known, {**names, name: worth}
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                for worth, known in self._values(condition, names, pures):
                    for holds in [True, False] if isinstance(worth, Fresh) else [worth]:
                        branch = then if holds else (otherwise or ())
                        yield from self._outward(branch, names, commit, known)
            case ir.Call(site=site, name=name, arms=arms):
                for variant, then in self._ends(site, names, commit, pures):
                    if variant is None:
                        yield None, then, pures, {**names, name: Fresh()} if name else names
                    else:
                        yield from self._arm(arms, variant, names, then, pures)
            case ir.Match(subject=ir.CallSite() as site, arms=arms):
                for variant, then in self._ends(site, names, commit, pures):
                    yield from self._arm(arms, variant, names, then, pures)
            case ir.Match(subject=subject, arms=arms):
                assert not isinstance(subject, ir.CallSite)
                for worth, known in self._values(subject, names, pures):
                    for arm in arms:
                        if isinstance(worth, Fresh) or _takes(arms, arm, worth):
                            bound = {name: Fresh() for name in _bound_by(arm.pattern)}
                            yield from self._outward(arm.body, {**names, **bound}, commit, known)

    def _outward(
        self, block: ir.Block, names: Names, commit: Commit | None, pures: Pures
    ) -> Iterator[tuple[ir.Goto | None, Commit | None, Pures, Names]]:
        """Play an inner block; names bound in it are not known below it."""
        before = {key: names[key] for key in names}
        for goto, then, known, inner in self._block(block, names, commit, pures):
            yield goto, then, known, inner if goto is not None else before

    def _arm(
        self, arms: tuple[ir.Arm, ...], variant: Any, names: Names, commit: Commit | None, pures: Pures
    ) -> Iterator[tuple[ir.Goto | None, Commit | None, Pures, Names]]:
        arm = next(arm for arm in arms if _takes(arms, arm, "ok" if variant is None else variant))
        bound = {name: Fresh() for name in _bound_by(arm.pattern)}
        yield from self._outward(arm.body, {**names, **bound}, commit, pures)

    def _ends(
        self, site: ir.CallSite, names: Names, commit: Commit | None, pures: Pures
    ) -> Iterator[tuple[ir.VariantRef | None, Commit | None]]:
        """Yield each outcome of a call: None for a result, else the failure."""
        action = self._actions.get(site.name)
        call = action or self._effects[site.name]
        # What fails in transaction is rolled back, so nobody remembers that it was refused.
        refused = "open" if action is not None and action.transaction else "refused"
        variants = [(None, "done")]
        variants += [
            (ir.VariantRef(name, variant.name), "open" if variant.transient else refused)  # type: ignore[misc]
            for name in call.fails
            for variant in self._failures[name]
        ]
        if action is None:
            if call.timeout is not None:
                variants.append((ir.VariantRef("", "TimedOut"), ""))  # type: ignore[arg-type]
            yield from ((variant, commit) for variant, _ in variants)
            return
        if isinstance(action.doubt, ir.Report) or (isinstance(action.doubt, ir.Ask) and action.doubt.within):
            variants.append((ir.VariantRef("", "InDoubt"), "open"))  # type: ignore[arg-type]
        params = {
            param.name: self._value(arg, names, pures)[0]
            for param, arg in zip(action.params, site.args, strict=True)
        }
        expr = action.key.expr if action.key is not None else None
        key = Fresh() if expr is None else self._value(expr, params, pures)[0]
        for variant, how in variants:
            yield variant, Commit(site.name, key, how, id(site))

    # --- Values -------------------------------------------------------------------------------

    def _values(self, expr: ir.Expr, names: Names, pures: Pures) -> Iterator[tuple[Any, Pures]]:
        """Yield each value of an expression; a pure that was not asked before has several."""
        negated = isinstance(expr, ir.Unary)
        inner = expr.of if isinstance(expr, ir.Unary) else expr
        if isinstance(inner, ir.PureCall):
            args = tuple(self._value(arg, names, pures)[0] for arg in inner.args)
            name = f"{inner.name}{args}"
            known = dict(pures)
            answers = [known[name]] if name in known else self._answers(inner.type)
            for answer in answers:
                yield (not answer if negated else answer), pures | {(name, answer)}
        else:
            worth = self._value(inner, names, pures)[0]
            yield (worth if isinstance(worth, Fresh) or not negated else not worth), pures

    def _answers(self, type: ir.Type) -> list[Any]:
        if type == ir.BOOL:
            return [True, False]
        assert isinstance(type, ir.Named)
        enum = next(enum for enum in self._contract.enums if enum.name == type.name)
        return [ir.VariantRef(enum.name, variant.name) for variant in enum.variants]

    def _value(self, expr: ir.Expr, names: Names, pures: Pures) -> tuple[Any, Pures]:
        match expr:
            case ir.Constant(value=value):
                return value, pures
            case ir.Var(origin="input", name=name):
                return (SIZE if name == "size" else f"the {name}"), pures
            case ir.Var(name=name):
                return names.get(name) if name in names else Fresh(), pures
            case ir.Binary(op="+", left=left, right=right):
                one, other = self._value(left, names, pures)[0], self._value(right, names, pures)[0]
                return (Fresh() if isinstance(one, Fresh) or isinstance(other, Fresh) else one + other), pures
            case ir.Text(parts=parts):
                texts = [
                    part if isinstance(part, str) else self._value(part, names, pures)[0] for part in parts
                ]
                fresh = any(isinstance(text, Fresh) for text in texts)
                return (Fresh() if fresh else "".join(map(str, texts))), pures
            case _:
                return Fresh(), pures


def _takes(arms: tuple[ir.Arm, ...], arm: ir.Arm, worth: Any) -> bool:
    match arm.pattern:
        case ir.OkPattern():
            return bool(worth == "ok")
        case ir.VariantPattern(variants=variants):
            return worth in variants
        case ir.ConstantPattern(values=values):
            return worth in values
        case ir.ElsePattern():
            in_doubt = worth == ir.VariantRef("", "InDoubt")
            others = [each for each in arms if each is not arm]
            return worth != "ok" and not in_doubt and not any(_takes(arms, each, worth) for each in others)
        case _:
            return True


def _bound_by(pattern: ir.Pattern) -> list[str]:
    match pattern:
        case ir.VariantPattern(names=names):
            return [name for _, name in names if name is not None]
        case ir.OkPattern(name=name) | ir.SomePattern(name=name) | ir.ElsePattern(name=name):
            return [name] if name is not None else []
        case _:
            return []
