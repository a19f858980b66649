"""Storms one after another, each with a seed of its own, until the time is over or a promise is broken.

python tests/soak/run.py --minutes 10 [--seed N] [--kills 400]

Every fourth is one in which the clock is set while they work. A storm that found something keeps its directory.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.kill.judge import Broken
from tests.kill.storm import POINTS, Storm
from tests.support.stores import again, drop, keep

AT_LEAST = 30
"""How many have to have died at each named point in a soak that is long enough for that."""

LONG = 4000
"""Kills of a soak that is long enough."""

CLOCK_EVERY = 4
BROKEN = ("lost", "doubled", "invented", "stuck", "journal")


def main() -> int:
    """Run storms; return 1 if one found a promise broken, or if a long soak has left a point out."""
    parser = argparse.ArgumentParser(
        description="Kill real workers at every named point and at random, and hold every run against the ledger."
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="of the first storm; the next ones count on")
    parser.add_argument("--kills", type=int, default=400, help="in each storm")
    parser.add_argument(
        "--until", type=int, default=None, help="end after so many kills, if that comes first"
    )
    said = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if said.seed is None else said.seed
    began = time.monotonic()
    total: Counter[str] = Counter()
    while total["storms"] == 0 or time.monotonic() < began + said.minutes * 60:
        if said.until is not None and total["killed"] >= said.until:
            break
        counts = _storm(seed, said.kills)
        total += counts + Counter(storms=1)
        if any(counts[kind] for kind in BROKEN):
            print(_table(total))
            return 1
        seed += 1
    print(_table(total))
    print(
        f"{total['killed']} kills in {(time.monotonic() - began) / 60:.1f} minutes: nothing lost, nothing twice."
    )
    left_out = [point for point in POINTS if total[f"at {point}"] < AT_LEAST]
    if total["killed"] >= LONG and left_out:
        print(f"fewer than {AT_LEAST} died at: {', '.join(left_out)}")
        return 1
    return 0


def _storm(seed: int, kills: int) -> Counter[str]:
    """Run one storm, and count; say what it found if a promise was broken."""
    folder = Path(tempfile.mkdtemp(prefix="opord-storm-"))
    began = time.monotonic()
    storm = Storm(folder, seed=seed, jumps=seed % CLOCK_EVERY == 0)
    try:
        counts = asyncio.run(storm.tell(kills=kills))
    except Broken as error:
        print(
            f"seed {seed}: {error}\n"
            f"  again:  {again(f'python tests/soak/run.py --seed {seed} --kills {kills} --minutes 0')}\n"
            f"  look:   {keep(storm.url, folder)}   (ledger, history, log are in {folder})",
            flush=True,
        )
        return Counter({error.kind: 1})
    finally:
        storm.close()
    shutil.rmtree(folder)
    drop(storm.url)
    seconds = time.monotonic() - began
    print(
        f"seed {seed}: {counts['killed']} kills, {counts['runs']} runs, {counts['doubts']} doubts, "
        f"{counts['charges']} charges, {counts['in_doubt']} left to a person, in {seconds:.0f} s",
        flush=True,
    )
    return counts


def _table(total: Counter[str]) -> str:
    """Say what has happened, and what became of the runs; a storm that found a broken promise is not among them."""
    points = {point: total[f"at {point}"] for point in POINTS}
    named = sum(points.values())
    lines = [
        "killed",
        *(f"  at {point:<16} {times:>6}" for point, times in points.items()),
        f"  at any moment       {total['killed'] - named:>6}",
        "other faults",
        *(f"  {name:<19} {total[name]:>6}" for name in ("SIGSTOP", "SIGTERM", "SIGINT", "two of a name")),
        *(f"  {name:<19} {times:>6}" for name, times in sorted(total.items()) if name.startswith("clock ")),
        "runs",
        f"  started             {total['runs']:>6}",
        f"  ended               {total['runs'] - total['in_doubt']:>6}",
        *(
            f"  {name:<19} {times:>6}"
            for name, times in sorted(total.items())
            if name.startswith("in doubt, ")
        ),
        f"  charges             {total['charges']:>6}",
        f"  doubts              {total['doubts']:>6}",
        f"  late outcomes       {total['evidences']:>6}",
        "broken promises",
        *(f"  {name:<19} {total[name]:>6}" for name in BROKEN),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
