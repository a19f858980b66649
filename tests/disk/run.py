"""Makes the power fail under the engine and its store, and prints the first seed that loses data.

`python tests/disk/run.py --losses 2000`: first at each operation of a short story, once before and
    once after it, then at random in long ones. `--at 17` and `--seed 95` run one of these again.
    `--faults` lets each operation of the short story fail instead, with each error, once and for a
    while; `--fault write:17:io:1` runs one of these again.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from itertools import count, product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.disk.faulty import ERRORS, suffer
from tests.disk.lossy import Fault
from tests.disk.machine import WHERE, At, lose_power, short_plan
from tests.sim.machine import Told
from tests.sim.plan import plan_of

AGAIN = "again: .venv/bin/python tests/disk/run.py"


def at(place: int, root: Path, **how: Any) -> Told:
    """Make the power fail at a place of the short story.

    Even places are before an operation, odd ones after it.
    """
    when = ("before", "after")[place % 2]
    return lose_power(short_plan(0), root, lose_at=At(place // 2 + 1, when), salt=str(place), **how)


def with_seed(seed: int, root: Path, **how: Any) -> Told:
    """Make the power fail several times in a long story.

    On the disk of every second seed only a full sync counts.
    """
    return lose_power(plan_of(seed), root, **{"plain_syncs": seed % 2 == 0, **how})


def operations(root: Path) -> int:
    """Return the number of disk operations in the short story."""
    told = lose_power(short_plan(0), root, losses=0)
    return sum(told.counts[f"disk: {kind}"] for kind in WHERE[0])


def main() -> int:
    """Run what the command line asks for; return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", type=int, default=2000, help="how often the power is to go, at the least")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this seed alone")
    parser.add_argument("--at", type=int, help="this place of the short story alone")
    parser.add_argument("--faults", action="store_true", help="let operations fail, and leave the power on")
    parser.add_argument("--fault", help="this fault alone")
    asked = parser.parse_args()
    logging.getLogger("opord").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory(prefix="opord-power-") as folder:
        return _run(asked, Path(folder))


def _run(asked: argparse.Namespace, root: Path) -> int:
    began = time.process_time()
    counts: Counter[str] = Counter()
    if asked.seed is not None:
        return _told("--seed", asked.seed, with_seed(asked.seed, root), counts)
    if asked.at is not None:
        return _told("--at", asked.at, at(asked.at, root), counts)
    if asked.fault is not None:
        return _told("--fault", asked.fault, failing(asked.fault, root), counts)
    if asked.faults:
        return _every_fault(root, counts)
    for place in range(2 * operations(root)):
        if _told("--at", place, at(place, root), counts):
            return 1
    seed = asked.first
    while counts["the power goes"] < asked.losses:
        if _told("--seed", seed, with_seed(seed, root), counts):
            return 1
        seed += 1
    minutes = (time.process_time() - began) / 60
    losses = counts["the power goes"]
    print(
        f"the power went {losses:,} times ({losses / minutes:,.0f} a core minute), {counts['lost again while opening']:,} "
        "of them while the store was being opened: nothing that was answered was lost, nothing was done twice"
    )
    for what, times in sorted(counts.items()):
        print(f"  {times:8,} {what}")
    return 0


def failing(fault: str, root: Path) -> Told:
    """Make operations of the short story fail: their kind, which one, the error, and how often."""
    kind, nth, error, times = fault.split(":")
    return suffer(short_plan(0), root, Fault((kind,), int(nth), ERRORS[error], int(times)))


def _every_fault(root: Path, counts: Counter[str]) -> int:
    for kind, error, times in product(("read", *WHERE[0]), ERRORS, (1, 30)):
        # A damaged store ends the story; the tests look at that.
        for nth in count(1) if error != "damage" else ():
            fault = f"{kind}:{nth}:{error}:{times}"
            told = failing(fault, root)
            if _told("--fault", fault, told, counts):
                return 1
            counts["faults"] += told.counts["failed"] > 0
            if not told.counts["failed"]:
                break
    print(
        f"{counts['faults']:,} faults failed {counts['failed']:,} operations: nothing that was answered was lost, "
        "nothing was done twice, and everything went on"
    )
    return 0


def _told(option: str, which: int | str, told: Told, counts: Counter[str]) -> int:
    counts += told.counts
    if not told.problems:
        return 0
    print(f"with {option} {which}:", *(f"  {problem}" for problem in told.problems[:5]), sep="\n")
    print(f"{AGAIN} {option} {which}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
