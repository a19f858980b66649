"""The results of exploring as plain data, as `opord simulate --json` writes them.

`docs/simulate.md` has the format.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, get_args

from opord.simulate.explore import Exploration, TroubledRun, TroubleKind
from opord.simulate.hints import unreached

FORMAT = 1
MARKS = (50, 90, 99)
BUCKETS_S = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)
"""Upper bounds of the histogram's buckets, in seconds. One more bucket has the longer times."""


def as_data(exploration: Exploration, file: str, pures: str | None = None) -> dict[str, Any]:
    """Return the results as plain JSON data; the same runs give the same data.

    `pures` is where the real pures came from, as the command line had it.
    """
    contract = exploration.contract
    return {
        "format": FORMAT,
        "file": file,
        "contract": contract.name,
        "version": contract.version,
        "seed": exploration.seed,
        "asked": exploration.runs_wanted,
        "runs": exploration.runs,
        "ended": [
            {"state": state.name, "outcome": state.outcome, "runs": exploration.ends[state.name]}
            for state in contract.states
            if state.kind == "final"
        ],
        "cut_off": exploration.cut_off,
        "states": [
            {
                "state": state.name,
                "runs": exploration.visited[state.name],
                "entered": exploration.entered[state.name],
            }
            for state in contract.states
        ],
        "moves": [
            {
                "from": move.source,
                "cause": move.cause,
                "to": move.target,
                "times": exploration.moved[move.key],
            }
            for move in exploration.moves
        ],
        "outcomes": [
            {"call": call, "outcome": outcome, "times": exploration.answered[call, outcome]}
            for call, outcome in exploration.outcomes
        ],
        "actions": [
            {
                "action": action.name,
                "commits": exploration.commits[action.name],
                "in_doubt": exploration.doubts[action.name],
                "took_effect": exploration.effects[action.name],
            }
            for action in contract.actions
        ],
        "unreached": [one._asdict() for one in unreached(exploration)],
        "time_to_end": times(exploration.times_s),
        "happenings": dict(sorted(exploration.happenings.items())),
        "pures": dict(exploration.pures),
        "troubles": {kind: exploration.troubles[kind] for kind in get_args(TroubleKind)},
        "cases": [_case(one, file, pures) for one in exploration.cases],
    }


def _case(case: TroubledRun, file: str, pures: str | None) -> dict[str, Any]:
    return {
        "kind": case.kind,
        "seed": case.seed,
        "state": case.state,
        "why": case.why,
        "again": again(file, case.seed, pures),
        "story": case.story,
    }


def again(file: str, seed: int, pures: str | None = None) -> str:
    """Return the command that shows the run of a seed again."""
    import shlex

    pure = f" --pure {shlex.quote(pures)}" if pures is not None else ""
    return f"opord simulate {shlex.quote(file)}{pure} --seed {seed} --runs 1"


def times(times_s: Sequence[float]) -> dict[str, Any]:
    """Return percentiles (nearest rank) and buckets of durations in seconds."""
    ordered = sorted(times_s)
    marks = {
        f"p{mark}_s": ordered[max(math.ceil(len(ordered) * mark / 100) - 1, 0)] for mark in MARKS if ordered
    }
    counts = [0] * (len(BUCKETS_S) + 1)
    for each in ordered:
        counts[next((place for place, end in enumerate(BUCKETS_S) if each < end), len(BUCKETS_S))] += 1
    ends: list[int | None] = [*BUCKETS_S, None]
    return {
        **marks,
        "buckets": [{"below_s": end, "runs": runs} for end, runs in zip(ends, counts, strict=True)],
    }
