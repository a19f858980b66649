"""What an exploration can reach.

That is each transition with its cause and what it needs, and each way in which a call can end.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import NamedTuple, assert_never

from opord.codegen.names import timer_id
from opord.contract import (
    NOWHERE,
    Action,
    CallSite,
    ConstantPattern,
    Contract,
    Effect,
    ElsePattern,
    EventHandler,
    NonePattern,
    OkPattern,
    Pattern,
    Place,
    SomePattern,
    State,
    Timer,
    VariantPattern,
)
from opord.language.flow.exits import BelowCall, Branched, Condition, Exit, InCallArm, Matched, exits
from opord.language.flow.graph import Graph, Moment

UNKNOWN = "unknown"
"""The outcome of an attempt that may or may not have taken effect."""

TIMED_OUT = "TimedOut"


class TransitionTarget(NamedTuple):
    """One legal move: from a state, by a cause as journals write it, to a state.

    `needs` lists the conditions of the move. `timer` is its timer in the words of the contract,
    such as `after 7d`, and `after 30d of Open` for one that a phase shares; empty if no timer moves
    it.
    """

    source: str
    cause: str
    target: str
    needs: tuple[str, ...] = ()
    timer: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The part that identifies a transition."""
        return self.source, self.cause, self.target


def transitions_of(contract: Contract, texts: Mapping[str, str]) -> list[TransitionTarget]:
    """List the transitions of a contract, in the order of its states, each once.

    `texts` has the contract's files, for quoting.
    """
    words = _Words(texts)
    graph = Graph(contract)
    targets: dict[tuple[str, str, str], TransitionTarget] = {}
    for state in contract.states:
        for moment in graph.moments(state):
            cause, timer = _set_off(contract, state, moment), words.timer(contract, state, moment)
            for way_out in exits(moment):
                move = TransitionTarget(
                    state.name,
                    _cause(cause, way_out.commit),
                    way_out.goto.state,
                    words.needs(way_out),
                    timer,
                )
                targets.setdefault(move.key, move)
    return list(targets.values())


def outcomes_of(contract: Contract) -> list[tuple[str, str]]:
    """List how an attempt of each effect and action can end.

    That is `ok`, its failures, a timeout, or unknown. An action in a transaction is never unknown.
    """
    variants = {failure.name: [one.name for one in failure.variants] for failure in contract.failures}
    outcomes: list[tuple[str, str]] = []
    calls: tuple[Effect | Action, ...] = (*contract.effects, *contract.actions)
    for call in calls:
        outcomes.append((call.name, "ok"))
        outcomes += [(call.name, f"{name}.{variant}") for name in call.fails for variant in variants[name]]
        if isinstance(call, Action):
            if not call.transaction:
                outcomes.append((call.name, UNKNOWN))
        elif call.timeout is not None:
            outcomes.append((call.name, TIMED_OUT))
    return outcomes


def _set_off(contract: Contract, state: State, moment: Moment) -> str:
    """Write the cause of a step as the kernel records it; an empty text for the body of a state."""
    handler = moment.handler
    match handler:
        case None:
            return ""
        case EventHandler(event=event):
            return f"event {event}"
        case Timer():
            owner = contract.phase_of(state) if moment.shared else state
            assert owner is not None
            return f"timer {timer_id(owner, handler)}"
        case _:
            assert_never(handler)


class _Words:
    """The conditions of moves in words.

    Each condition is worded once, however many `goto`s follow it.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        # A place has the path as given; the names of a program's texts are the same anywhere.
        self._lines = {PurePath(name).name: text.split("\n") for name, text in texts.items()}
        self._words: dict[Condition, str | None] = {}

    def needs(self, way_out: Exit) -> tuple[str, ...]:
        """Return the guard and the conditions before a `goto`, in words."""
        cause = way_out.cause
        guard = cause.guard if isinstance(cause, EventHandler) else None
        needs = [f"`{self.quote(guard.place)}`"] if guard is not None else []
        needs += [words for each in way_out.conditions if (words := self._of_one(each)) is not None]
        return tuple(needs)

    def timer(self, contract: Contract, state: State, moment: Moment) -> str:
        """Return the timer of a step as the contract has it, and the phase that shares it."""
        if not isinstance(moment.handler, Timer):
            return ""
        phase = contract.phase_of(state) if moment.shared else None
        text = f"{moment.handler.kind} {self.quote(moment.handler.when.place)}"
        return text if phase is None else f"{text} of {phase.name}"

    def _of_one(self, condition: Condition) -> str | None:
        if condition not in self._words:
            self._words[condition] = self._worded(condition)
        return self._words[condition]

    def _worded(self, condition: Condition) -> str | None:
        match condition:
            case Branched(statement=statement, holds=holds):
                return f"`{self.quote(statement.condition.place)}`{'' if holds else ' to be false'}"
            case BelowCall():
                return None
            case InCallArm(site=site, arm=arm):
                return f"{site.name} to be {_pattern(arm.pattern)}"
            case Matched(subject=subject, arm=arm):
                return f"`{self.quote(subject.place)}` to be {_pattern(arm.pattern)}"
            case _:
                assert_never(condition)

    def quote(self, place: Place) -> str:
        """Return the text at a place, in one line."""
        lines = self._lines.get(PurePath(place.file).name, [])
        if place == NOWHERE or place.end_line > len(lines):
            return "its condition"
        taken = lines[place.line - 1 : place.end_line]
        taken[-1] = taken[-1][: place.end_column - 1]
        taken[0] = taken[0][place.column - 1 :]
        text = " ".join(" ".join(taken).split())
        return text if len(text) <= 70 else f"{text[:69]}…"


def _cause(cause: str, commit: CallSite | None) -> str:
    """Write a cause as the kernel records it."""
    if commit is None:
        return cause or "body"
    return f"{cause}, commit {commit.name}" if cause else f"commit {commit.name}"


def _pattern(pattern: Pattern) -> str:
    match pattern:
        case OkPattern():
            return "ok"
        case VariantPattern(variants=variants):
            return " or ".join(one.variant for one in variants)
        case SomePattern():
            return "some"
        case NonePattern():
            return "none"
        case ConstantPattern(values=values):
            return " or ".join(
                str(value).lower() if isinstance(value, bool) else repr(value) for value in values
            )
        case ElsePattern():
            return "anything else"
        case _:
            assert_never(pattern)
