"""Compare checker and judge on many seeds: `python -m tests.language.key_oracle [SEEDS]`.

It prints the seeds on which they differ, and those that the judge cannot decide.
"""

from __future__ import annotations

import sys
from random import Random

from tests.language.key_oracle.comparing import differences
from tests.language.key_oracle.judge import Undecided
from tests.random_contracts import random_contract


def main(seeds: int) -> int:
    """Return 1 if the two differ on a seed."""
    undecided, differing = [], 0
    for seed in range(seeds):
        try:
            found = differences(random_contract(Random(seed), promises=0))
        except Undecided:
            undecided.append(seed)
            continue
        differing += bool(found)
        for each in found:
            print(f"seed {seed}: {each}")
    print(f"{seeds} seeds, {differing} differ, {len(undecided)} undecided: {undecided}")
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
