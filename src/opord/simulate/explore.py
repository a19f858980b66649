"""Explores many runs and sums up what happened.

The summary has the states, moves, outcomes, doubts, ends, and everything that is wrong.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, assert_never

from opord.contract import Contract
from opord.kernel.program import Program
from opord.kernel.records import bare_cause
from opord.kernel.run import load_run
from opord.kernel.views import history_view, run_view
from opord.simulate.drive import Driver, Explored
from opord.simulate.promises import broken_promises
from opord.simulate.targets import TransitionTarget, outcomes_of, transitions_of
from opord.simulate.values import Constants, check_sizes
from opord.story.page import run_story
from opord.values.canonical import loads
from opord.values.secret import Secret
from opord.values.visible import safe

TroubleKind: TypeAlias = Literal["stuck", "stalled", "stalled by a random answer", "broken promise", "twice"]

SHOWN_MAX = 60
"""The longest drawn answer that is shown, in characters."""

TOLD_MAX = 3
"""At most this many stories of each kind of trouble are kept, one per state. All are counted."""


@dataclass
class TroubledRun:
    """A run in which something is wrong, with its story."""

    kind: TroubleKind
    seed: int
    state: str
    why: str
    story: list[str]


@dataclass
class Exploration:
    """The results of exploring so far. Times to an end are in seconds of virtual time.

    `pures` says of each `pure` whether its answers are `drawn` or those of its `handler`.
    """

    contract: Contract
    moves: list[TransitionTarget]
    outcomes: list[tuple[str, str]]
    seed: int
    runs_wanted: int
    pures: Mapping[str, str] = field(default_factory=dict)
    runs: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    cut_off: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    visited: Counter[str] = field(default_factory=Counter)
    moved: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    commits: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    happenings: Counter[str] = field(default_factory=Counter)
    times_s: list[float] = field(default_factory=list)
    cases: list[TroubledRun] = field(default_factory=list)
    last_story: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Say whether nothing is wrong with any run."""
        return not self.troubles


def explore(
    program: Program,
    *,
    runs: int,
    seed: int,
    pures: Mapping[str, Callable[..., Any]] | None = None,
    progress: Callable[[int], None] = lambda done: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Exploration:
    """Explore the runs of the seeds from `seed` on.

    `pures` are real handlers of pures, by the name of the call; answers of the others are drawn.
    `stopped` ends the exploration early, with the results so far.

    Raises:
        NoInput: the contract refuses every input that was drawn.
        ValueTooLarge: no value of a type in it is small enough for a run.
    """
    contract = program.contract
    check_sizes(contract)
    exploration = Exploration(
        contract, transitions_of(contract, dict(program.sources)), outcomes_of(contract), seed, runs
    )
    driver = Driver(program, Constants(contract), pures)
    exploration.pures = {
        one.name: "handler" if one.name in (pures or {}) else "drawn" for one in contract.pures
    }
    with _quiet():
        for number in range(runs):
            if stopped():
                break
            explored = driver.explore(seed + number)
            _note(exploration, driver, explored)
            progress(exploration.runs)
    exploration.answered = driver.outside.outcomes
    return exploration


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the log: errors are expected here."""
    log = logging.getLogger("opord")
    before, log.disabled = log.level, True
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
        log.disabled = False


def _note(exploration: Exploration, driver: Driver, one: Explored) -> None:
    exploration.runs += 1
    exploration.happenings += one.happenings
    states: set[str] = set()
    doubted: set[int] = set()
    intent = 0
    for record in one.records:
        body = loads(record.body)
        match record.known_kind:
            case "started":
                exploration.entered[body["to"]] += 1
                states.add(body["to"])
            case "transition":
                exploration.entered[body["to"]] += 1
                states.add(body["to"])
                exploration.moved[body["from"], bare_cause(body["cause"]), body["to"]] += 1
            case "intent":
                intent = record.seq
                exploration.commits[body["call"]] += 1
            case "doubt":
                exploration.doubts[body["call"]] += intent not in doubted
                doubted.add(intent)
            case (
                "event"
                | "ignored"
                | "unhandled"
                | "dropped"
                | "attempt"
                | "limited"
                | "resolved"
                | "outcome"
                | "evidence"
                | "stalled"
                | "restored"
                | "retried"
                | "terminated"
                | "alarm"
                | "acknowledged"
            ):
                pass
            case None:
                raise ValueError(f"{record.kind} is no kind of record")
            case never:
                assert_never(never)
    exploration.visited.update(states)
    exploration.effects.update(done.action for done in driver.outside.ledger)
    if one.end == "ended":
        exploration.ends[one.row.head.state] += 1
        exploration.times_s.append((one.row.head.since - one.row.started_at) / 1e6)
    exploration.cut_off += one.end == "cut off"
    for kind, why in _troubles(driver, one):
        exploration.troubles[kind] += 1
        state = one.row.head.state
        reported = [case.state for case in exploration.cases if case.kind == kind]
        if len(reported) < TOLD_MAX and state not in reported:
            exploration.cases.append(TroubledRun(kind, one.seed, state, why, story_of(driver, one)))
    if exploration.runs_wanted == 1:
        exploration.last_story = story_of(driver, one)


def _troubles(driver: Driver, one: Explored) -> Iterator[tuple[TroubleKind, str]]:
    match one.end:
        case "stuck":
            yield "stuck", one.why
        case "stalled":
            yield _stall(driver, one)
        case "ended" | "cut off":
            pass
        case _:
            assert_never(one.end)
    for promise in broken_promises(driver.program.contract, one.records, ended=one.end == "ended"):
        place = promise.place
        yield "broken promise", f"the promise of {place.file}:{place.line} does not hold in it"
    for done in driver.outside.twice():
        yield "twice", f"{done.action} took effect twice for one commit, under the key {done.key!r}"


def _stall(driver: Driver, one: Explored) -> tuple[TroubleKind, str]:
    """Say why a run is stalled, and whether answers of pures that were drawn led to it."""
    drawn = driver.outside.drawn
    if not drawn:
        return "stalled", one.why
    behind = driver.origins.behind(one.row.head.state, loads(one.records[-1].body)) & set(drawn)
    if not behind:
        return "stalled", one.why
    by_zero = "DivisionByZero" in one.why
    answers = " and ".join(f"`{name}` ({_shown(drawn[name], by_zero)})" for name in sorted(behind))
    noun = "a random answer" if len(behind) == 1 else "random answers"
    real = "the real one" if len(behind) == 1 else "the real ones"
    return "stalled by a random answer", f"{one.why}: {noun} of {answers} led to it; give {real} with --pure"


def _shown(answers: Sequence[Any], by_zero: bool) -> str:
    """Show the last of some answers; of a division by zero, the last that is zero."""
    zeros = [one for one in answers if by_zero and not isinstance(one, Secret) and not one]
    shown = safe(repr([*answers, *zeros][-1]))
    return shown if len(shown) <= SHOWN_MAX else f"{shown[: SHOWN_MAX - 1]}…"


def story_of(driver: Driver, one: Explored) -> list[str]:
    """Write the story of a run as lines, as `opord runs history` does."""
    history: Sequence[Mapping[str, Any]] = history_view(driver.program, one.records, (), one.values)
    return [*run_story(driver.program, history, run_view(load_run(driver.program, one.row, one.values)))]
