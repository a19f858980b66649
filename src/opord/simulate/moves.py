"""What a contract allows, listed: each move with its cause and what it needs, and each way in which a call can end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import NamedTuple

from opord.codegen.names import timer_id
from opord.contract import (
    NOWHERE,
    Action,
    Arm,
    Block,
    Call,
    CallSite,
    ConstantPattern,
    Contract,
    Effect,
    ElsePattern,
    Goto,
    If,
    Match,
    NonePattern,
    OkPattern,
    Pattern,
    Phase,
    Place,
    SomePattern,
    State,
    VariantPattern,
)

UNKNOWN = "unknown"
"""The outcome of an attempt of which nobody knows whether it took effect."""

TIMED_OUT = "TimedOut"


class Move(NamedTuple):
    """One legal move: from a state, by a cause as journals write it, to a state. `needs` says on what it depends."""

    source: str
    cause: str
    target: str
    needs: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other moves."""
        return self.source, self.cause, self.target


def moves_of(contract: Contract, texts: Mapping[str, str]) -> list[Move]:
    """List the moves of a contract, in the order of its states, each once; `texts` are its files, for quoting."""
    paths = _Paths(texts)
    found: dict[tuple[str, str, str], Move] = {}
    for state in contract.states:
        for move in paths.of_state(contract, state):
            found.setdefault(move.key, move)
    return list(found.values())


def outcomes_of(contract: Contract) -> list[tuple[str, str]]:
    """List how an attempt of each effect and action can end: `ok`, its failures, a time-out or the unknown."""
    variants = {failure.name: [one.name for one in failure.variants] for failure in contract.failures}
    found: list[tuple[str, str]] = []
    calls: tuple[Effect | Action, ...] = (*contract.effects, *contract.actions)
    for call in calls:
        found.append((call.name, "ok"))
        found += [(call.name, f"{name}.{variant}") for name in call.fails for variant in variants[name]]
        if isinstance(call, Action):
            found.append((call.name, UNKNOWN))
        elif call.timeout is not None:
            found.append((call.name, TIMED_OUT))
    return found


class _Paths:
    def __init__(self, texts: Mapping[str, str]) -> None:
        # A place has the path as it was given, the texts of a program have names that mean the same anywhere.
        self._lines = {PurePath(name).name: text.split("\n") for name, text in texts.items()}

    def of_state(self, contract: Contract, state: State) -> Iterator[Move]:
        if state.kind == "acting":
            yield from self._walk(state.name, "", state.body, (), None)
        phase = contract.phase_of(state)
        owners: list[State | Phase] = [state] if phase is None else [state, phase]
        own = {handler.event for handler in state.handlers}
        for owner in owners:
            for handler in owner.handlers:
                if handler.ignore or (owner is not state and handler.event in own):
                    continue
                needs = (f"`{self.quote(handler.guard.place)}`",) if handler.guard is not None else ()
                yield from self._walk(state.name, f"event {handler.event}", handler.body, needs, None)
            for timer in owner.timers:
                cause = f"timer {timer_id(owner, timer)}"
                yield from self._walk(state.name, cause, timer.body, (), None)

    def _walk(
        self, source: str, cause: str, block: Block, needs: tuple[str, ...], committed: str | None
    ) -> Iterator[Move]:
        for statement in block:
            match statement:
                case Goto(state=target):
                    yield Move(source, _cause(cause, committed), target, needs)
                case Call(site=site, arms=arms):
                    committed = site.name if site.verb == "commit" else committed
                    yield from self._arms(source, cause, arms, needs, committed, site.name)
                case If(condition=condition, then=then, otherwise=otherwise):
                    asked = self.quote(condition.place)
                    yield from self._walk(source, cause, then, (*needs, f"`{asked}`"), committed)
                    yield from self._walk(
                        source, cause, otherwise or (), (*needs, f"`{asked}` to be false"), committed
                    )
                    if _leaves(then):
                        needs = (*needs, f"`{asked}` to be false")
                case Match(subject=subject, arms=arms):
                    if isinstance(subject, CallSite):
                        committed = subject.name if subject.verb == "commit" else committed
                        about = subject.name
                    else:
                        about = f"`{self.quote(subject.place)}`"
                    yield from self._arms(source, cause, arms, needs, committed, about)
                case _:
                    pass

    def _arms(
        self,
        source: str,
        cause: str,
        arms: tuple[Arm, ...],
        needs: tuple[str, ...],
        committed: str | None,
        about: str,
    ) -> Iterator[Move]:
        for arm in arms:
            wanted = f"{about} to be {_pattern(arm.pattern)}"
            yield from self._walk(source, cause, arm.body, (*needs, wanted), committed)

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


def _cause(cause: str, committed: str | None) -> str:
    """Write a cause as the kernel writes it on record."""
    if not cause:
        return f"commit {committed}" if committed is not None else "body"
    return f"{cause}, commit {committed}" if committed is not None else cause


def _leaves(block: Block) -> bool:
    """Whether no path goes on after the block."""
    if not block:
        return False
    match block[-1]:
        case Goto():
            return True
        case If(then=then, otherwise=otherwise):
            return _leaves(then) and _leaves(otherwise or ())
        case Match(arms=arms):
            return all(_leaves(arm.body) for arm in arms)
        case _:
            return False


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
