"""Compare thousands of contracts: `python -m tests.language.ensure_oracle --contracts 5000`."""

from __future__ import annotations

import argparse

from tests.language.ensure_oracle.compare import compare_seed, fresh_seed, say


def main() -> int:
    """Compare a series of seeds, or one seed, and print each disagreement."""
    parser = argparse.ArgumentParser(prog="python -m tests.language.ensure_oracle", description=__doc__)
    parser.add_argument("--contracts", type=int, default=1000, help="how many contracts to compare")
    parser.add_argument("--first", type=int, help="the first seed; a new one each time unless given")
    parser.add_argument("--seed", type=int, help="compare the contract of this seed alone")
    parser.add_argument(
        "--most", type=int, default=10, help="stop after so many contracts with a disagreement"
    )
    given = parser.parse_args()
    first = given.seed if given.seed is not None else given.first
    first = fresh_seed() if first is None else first
    count = 1 if given.seed is not None else given.contracts
    wrong = done = 0
    for seed in range(first, first + count):
        told = compare_seed(seed)
        done += 1
        wrong += bool(told)
        for each in told:
            say(f"{each}\n{'-' * 100}")
        if wrong >= given.most:
            break
    say(f"{done} contracts from seed {first}: {wrong} with a disagreement")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
