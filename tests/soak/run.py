"""Sieges one after another, each with a seed of its own, until the time is over or a promise is broken.

python tests/soak/run.py --minutes 10 [--seed N] [--runs 250] [--kills 25]
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

from tests.kill.siege import Siege


def main() -> int:
    """Run sieges; return 1 if one found a promise broken."""
    parser = argparse.ArgumentParser(
        description="Kill real workers at random, and hold every run against the ledger."
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="of the first siege; the next ones count on")
    parser.add_argument("--runs", type=int, default=250)
    parser.add_argument("--kills", type=int, default=25)
    said = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if said.seed is None else said.seed
    end = time.monotonic() + said.minutes * 60
    total: Counter[str] = Counter()
    while total["sieges"] == 0 or time.monotonic() < end:
        folder = Path(tempfile.mkdtemp(prefix="opord-siege-"))
        siege = Siege(folder, seed=seed)
        began = time.monotonic()
        try:
            counts = asyncio.run(siege.storm(runs=said.runs, kills=said.kills))
        except BaseException as error:
            print(
                f"seed {seed}: {type(error).__name__}: {error}\n  what is left of it is in {folder}",
                flush=True,
            )
            return 1
        finally:
            siege.close()
        shutil.rmtree(folder)
        print(f"seed {seed}: {_shown(counts)} in {time.monotonic() - began:.0f} s", flush=True)
        total += counts + Counter(sieges=1)
        seed += 1
    print(f"all held: {_shown(total)}")
    return 0


def _shown(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(main())
