"""A plan: everything that one seed decides beforehand, as plain data to print and to shorten."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple, get_args

from opord.drive.hooks import Point
from tests.sim.contracts import names
from tests.support.stores import EACH_STORE, FIRST_STORE

POINTS: tuple[str, ...] = (*get_args(Point), "before a write")
STOPPED = "stopped"
"""The fault of a process that is stopped between an attempt's record and its call."""
FAULTS = ("crash", "write refused", "written but error", "cut off", "written, then cut off")
OPS = (
    "start", "start again", "start other", "event", "event again", "event other", "wrong role",
    "cancel", "resolve", "retry", "jump", "wait", "crash", "second", "terminate", "unknown",
    "event misfit", "late answer", "acknowledge",
)  # fmt: skip
_WEIGHTS = (11, 3, 2, 26, 4, 2, 2, 3, 9, 5, 9, 12, 3, 7, 1, 1, 1, 6, 3)
_JUMPS_S = (1.0, 31.0, 40.0, 120.0, 3600.0, 90_000.0, 86_400.0 * 11)
OPERATIONS = 60


class Fault(NamedTuple):
    """A fault at the nth passing of a point."""

    point: str
    nth: int
    kind: str


class Op(NamedTuple):
    """Something that the outside does after `wait_s`.

    `pick` chooses among what exists at that moment.
    """

    kind: str
    wait_s: float
    pick: int


class Plan(NamedTuple):
    """A whole simulation without the program under test."""

    seed: int
    contract: str
    store: str
    ops: tuple[Op, ...]
    faults: tuple[Fault, ...]
    labelled: bool = False
    """Whether runs have priorities and labels, and workers take those of some labels only."""


def plan_of(seed: int, operations: int = OPERATIONS) -> Plan:
    """Return the plan of a seed."""
    rng = Random(f"plan {seed}")
    ops = []
    for _ in range(operations):
        (kind,) = rng.choices(OPS, _WEIGHTS)
        wait = rng.choice(_JUMPS_S) if kind == "jump" else rng.choice((0.0, 0.0, 0.0, 0.1, 2.0, 8.0))
        ops.append(Op(kind, wait if kind != "wait" else 20.0 * rng.random(), rng.getrandbits(30)))
    ops[0] = Op("start", 0.0, rng.getrandbits(30))
    faults = tuple(
        Fault(rng.choice(POINTS), rng.choice((1, 1, 1, 2, 2, 3, 5, 8)), rng.choice(FAULTS))
        for _ in range(rng.choice((2, 3, 4, 5, 6)))
    )
    store = rng.choice(("memory", "sqlite"))
    if store not in EACH_STORE:
        store = FIRST_STORE
    # A choice of its own, so that the rest of a seed's plan stays as it is.
    stops = Random(f"stops {seed}")
    if stops.random() < 0.3:
        faults += (Fault("intent written", stops.choice((1, 2, 3, 5)), STOPPED),)
    labelled = Random(f"labels {seed}").random() < 0.4
    return Plan(seed, rng.choice(names()), store, tuple(ops), faults, labelled)


def shorter(plan: Plan) -> list[Plan]:
    """Return plans with something left out, the largest omissions first."""
    found: list[Plan] = []
    for part in ("ops", "faults"):
        items: tuple[Any, ...] = getattr(plan, part)
        size = len(items) // 2
        while size:
            for at in range(0, len(items), size):
                found.append(plan._replace(**{part: items[:at] + items[at + size :]}))
            size //= 2
    return found
