"""Limits of a simulated deployment: a few calls, or the runs of the contract, at once or in a span.

Every invariant holds with them as without; above all, everything comes to its end.
"""

from __future__ import annotations

from random import Random

from opord.contract import Contract
from opord.kernel.limits import Limit
from opord.values.types import Duration

LIMITED = 0.3
"""The part of the plans that have limits."""

_SPANS_S = (1, 10, 60)


def limits_of(contract: Contract, seed: int) -> list[Limit]:
    """Return the limits of a plan; most plans have none."""
    rng = Random(f"limits {seed}")
    if rng.random() >= LIMITED:
        return []
    calls = ["", *(one.name for one in (*contract.effects, *contract.actions))]
    return [
        _limit(contract.name, call, rng) for call in rng.sample(calls, min(len(calls), rng.randint(1, 2)))
    ]


def _limit(contract: str, call: str, rng: Random) -> Limit:
    at_once = rng.randint(1, 3) if rng.random() < 0.7 else None
    rate = rng.randint(1, 5) if at_once is None or rng.random() < 0.2 else None
    return Limit(contract, call, at_once, rate, Duration(rng.choice(_SPANS_S) * 1_000_000 if rate else 0))
