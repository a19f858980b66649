"""Why something was never reached: what it depends on, and how close the runs came."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from opord.kernel.records import known_cause
from opord.simulate.explore import Exploration
from opord.simulate.targets import TIMED_OUT, UNKNOWN, TransitionTarget


class Unreached(NamedTuple):
    """Something that no run reached. `what` is `state`, `move` or `outcome`."""

    what: str
    name: str
    hint: str


def unreached(exploration: Exploration) -> list[Unreached]:
    """List what no run reached, each with a hint.

    A move out of a state that was not reached is left out.
    """
    hints: list[Unreached] = []
    for state in exploration.contract.states:
        if not exploration.visited[state.name]:
            hints.append(Unreached("state", state.name, _state_hint(exploration, state.name)))
    for move in exploration.moves:
        if (
            exploration.visited[move.source]
            and exploration.visited[move.target]
            and not exploration.moved[move.key]
        ):
            hints.append(Unreached("move", move_words(move), _move_hint(exploration, move)))
    called = {call for call, _ in exploration.answered}
    for call, outcome in exploration.outcomes:
        if not exploration.answered[call, outcome]:
            hints.append(
                Unreached(
                    "outcome", f"{call}: {outcome_words(outcome)}", _call_hint(exploration, call, called)
                )
            )
    return hints


def move_words(move: TransitionTarget) -> str:
    """Name a move with its cause, in a line."""
    return f"{move.source} → {move.target} ({cause_words(move)})"


def cause_words(move: TransitionTarget) -> str:
    """Say what moves a run."""
    first, _, committed = move.cause.partition(", commit ")
    name = first.partition(" ")[2]
    word = known_cause(move.cause)
    match word:
        case "event":
            words = f"on {name}"
        case "timer":
            words = move.timer
        case "commit":
            words = f"commit {name}"
        case "body":
            words = "body"
        case None:
            raise ValueError(f"{move.cause!r} is no cause")
        case _:
            assert_never(word)
    return f"{words}, commit {committed}" if committed else words


def outcome_words(outcome: str) -> str:
    """Name an outcome as a reader of the contract would."""
    if outcome == UNKNOWN:
        return "unknown"
    return "timed out" if outcome == TIMED_OUT else outcome.rpartition(".")[2]


def _state_hint(exploration: Exploration, state: str) -> str:
    into = [move for move in exploration.moves if move.target == state]
    near = [move for move in into if exploration.visited[move.source]]
    if near:
        move = max(near, key=lambda one: exploration.entered[one.source])
        return f"{move.source} was entered {_times(exploration.entered[move.source])}; {_needs(move, _acts(exploration, move))}"
    first = into[0].source if into else ""
    return f"{first} leads to it, and was not reached either" if first else "nothing leads to it"


def _move_hint(exploration: Exploration, move: TransitionTarget) -> str:
    return f"{move.source} was entered {_times(exploration.entered[move.source])}; {_needs(move, _acts(exploration, move))}"


def _needs(move: TransitionTarget, acts: bool) -> str:
    cause = cause_words(move)
    if acts and move.cause.startswith(("event", "timer")):
        when = "come" if move.cause.startswith("event") else "be due"
        conditions = f", and needs {' and '.join(move.needs)}" if move.needs else ""
        return f"{cause} would have to {when} while {move.source} acts, before its call or between two attempts{conditions}"
    how = f"{cause} " if not move.cause.startswith(("body", "commit")) else ""
    if not move.needs:
        return f"it goes on by {how.strip() or cause} alone, which came too seldom: try more --runs"
    return f"{how}needs {' and '.join(move.needs)}: try more --runs, or a test with values of your own"


def _acts(exploration: Exploration, move: TransitionTarget) -> bool:
    return exploration.contract.state(move.source).kind == "acting"


def _call_hint(exploration: Exploration, call: str, called: set[str]) -> str:
    if call not in called:
        return f"{call} was never called"
    times = sum(count for (name, _), count in exploration.answered.items() if name == call)
    return f"{call} was called {_times(times)}: try more --runs"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
