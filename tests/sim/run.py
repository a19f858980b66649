"""Runs seeds one after the other, each twice, and prints the first that fails, made shorter.

`python tests/sim/run.py --seeds 1000`, or `--seed 95` for one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.sim.machine import Told, simulate
from tests.sim.plan import Plan, plan_of, shorter
from tests.support.stores import again

TRIES = 1500


def run(plan: Plan, *, twice: bool = True) -> Told:
    """Simulate a plan, by default twice. A different trace the second time is a problem too."""
    told = simulate(plan)
    if twice and not told.problems and simulate(plan, judging=False).trace != told.trace:
        told.problems.append("18: the second time gave another trace")
    return told


def shrunk(plan: Plan, invariant: str) -> Plan:
    """Shorten a plan while the same invariant still breaks."""
    tries = 0
    found = True
    while found:
        found = False
        for less in shorter(plan):
            tries += 1
            if tries > TRIES:
                return plan
            problems = run(less, twice=invariant == "18").problems
            if problems and problems[0].split(":")[0] == invariant:
                plan, found = less, True
                break
    return plan


def report(seed: int, told: Told, *, brief: bool = False) -> str:
    """Print the failure, how to run it again, and (unless `brief`) the shortest plan that fails."""
    lines = [f"seed {seed} breaks:", *(f"  {problem}" for problem in told.problems[:5])]
    if brief:
        return "\n".join(lines)
    less = shrunk(plan_of(seed), told.problems[0].split(":")[0])
    lines += [
        f"again: {again(f'.venv/bin/python tests/sim/run.py --seed {seed}')}",
        f"with {less.contract} on {less.store}:",
    ]
    lines += [f"  {op.kind}, then {op.wait_s:g} s" for op in less.ops]
    lines += [f"  fault: {fault.kind} at {fault.point} ({fault.nth})" for fault in less.faults]
    return "\n".join(lines)


def main() -> int:
    """Run what the command line asks for; return 1 if a seed fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument(
        "--once", action="store_true", help="run each once, and do not make shorter what fails"
    )
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.seeds) if asked.seed is None else [asked.seed]
    began = time.process_time()
    counts: Counter[str] = Counter()
    for seed in seeds:
        told = run(plan_of(seed), twice=not asked.once)
        counts += told.counts
        if told.problems:
            print(report(seed, told, brief=asked.once))
            return 1
    minutes = (time.process_time() - began) / 60
    print(
        f"{len(seeds)} seeds, each {'once' if asked.once else 'twice'}: every invariant held; "
        f"{len(seeds) / minutes:,.0f} seeds a core minute"
    )
    if len(seeds) > 1:
        for what, times in sorted(counts.items()):
            print(f"  {times:8,} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
