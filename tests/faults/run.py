"""Runs every single fault and every pair, and prints a table of counts.

For each failure it prints the command to run it again. `python tests/faults/run.py`, or `--story
"trip booked" --store sqlite --fault "17 crash after"` for one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.bench import Ended, tell
from tests.faults.kinds import Fault, kinds_at, pair_kinds_at
from tests.faults.stories import REFERENCE, STORIES
from tests.support.stores import EACH_STORE, FIRST_STORE

STORES = ("memory", "sqlite", "postgres")


class Count(NamedTuple):
    """The counts of a sweep: stories played, those with doubts or persons, and the ends."""

    told: int
    doubtful: int
    asked: int
    ends: Counter[str]
    failed: list[str]
    kinds: Counter[str]


@cache
def points_of(story: str, store: str) -> tuple[str, ...]:
    """Play a story without a fault and return the points that it passes."""
    ended = tell(STORIES[story], store)
    if ended.problems or ended.outcome != STORIES[story].ends:
        raise AssertionError(f"{story} on {store} without a fault: {ended.outcome}, {ended.problems}")
    return tuple(ended.points)


def singles(story: str, store: str) -> list[tuple[Fault, ...]]:
    """Return every single fault: each operation with each kind that can occur at it."""
    points = points_of(story, store)
    return [(Fault(at, kind),) for at, point in enumerate(points, start=1) for kind in kinds_at(point)]


def first_halves(story: str, store: str) -> list[Fault]:
    """Return the faults with which a pair can begin."""
    points = points_of(story, store)
    return [Fault(at, kind) for at, point in enumerate(points, start=1) for kind in pair_kinds_at(point)]


def pairs(story: str, store: str, first: Fault) -> Iterator[tuple[Fault, ...]]:
    """Return every pair that begins with a fault.

    The second fault is anywhere after the first, recovery included.
    """
    after = tell(STORIES[story], store, (first,)).points
    for at in range(first.at + 1, len(after) + 1):
        for kind in pair_kinds_at(after[at - 1]):
            yield first, Fault(at, kind)


def again(story: str, store: str, faults: Sequence[Fault]) -> str:
    """Return the command that runs a case again."""
    given = " ".join(f'--fault "{fault}"' for fault in faults)
    return f'.venv/bin/python tests/faults/run.py --story "{story}" --store {store} {given}'


def sweep(story: str, store: str, cases: Iterator[tuple[Fault, ...]] | Sequence[tuple[Fault, ...]]) -> Count:
    """Play a story under each case and count the results."""
    count = Count(0, 0, 0, Counter(), [], Counter())
    told = doubtful = asked = 0
    for faults in cases:
        ended = tell(STORIES[story], store, faults)
        told += 1
        doubtful += bool(ended.doubts)
        asked += bool(ended.asked)
        count.ends[ended.outcome] += 1
        count.kinds[faults[-1].kind] += 1
        if ended.problems:
            count.failed.append(failure(story, store, faults, ended))
    return count._replace(told=told, doubtful=doubtful, asked=asked)


def failure(story: str, store: str, faults: Sequence[Fault], ended: Ended) -> str:
    """Say what is wrong, where the faults were, and how to run it again."""
    where = ", then ".join(
        f"{one.kind} at {one.at} ({ended.points[one.at - 1]})"
        for one in faults
        if one.at <= len(ended.points)
    )
    lines = [f"{story} on {store}, {where}:", *(f"  {problem}" for problem in ended.problems[:5])]
    return "\n".join([*lines, f"  again: {again(story, store, faults)}"])


def both(one: Count, other: Count) -> Count:
    """Add two counts."""
    return Count(
        one.told + other.told, one.doubtful + other.doubtful, one.asked + other.asked,
        one.ends + other.ends, one.failed + other.failed, one.kinds + other.kinds,
    )  # fmt: skip


NOTHING = Count(0, 0, 0, Counter(), [], Counter())


def sampled(cases: list[tuple[Fault, ...]], most: int, seed: str) -> list[tuple[Fault, ...]]:
    """Return at most so many of the cases, the same each time."""
    return cases if len(cases) <= most else Random(seed).sample(cases, most)


# --- the command -------------------------------------------------------------------------------


def _all_pairs(job: tuple[str, str, Fault]) -> Count:
    story, store, first = job
    return sweep(story, store, pairs(story, store, first))


def _all_singles(job: tuple[str, str]) -> Count:
    return sweep(*job, singles(*job))


def _row(cells: Sequence[object]) -> None:
    widths = (22, 8, 6, 9, 9, 9, 7)
    print(
        "".join(f"{cell!s:<{width}}" for cell, width in zip(cells, widths, strict=False)),
        *cells[len(widths) :],
    )


def _print(story: str, store: str, count: Count) -> None:
    ends = ", ".join(f"{end} {n}" for end, n in count.ends.most_common())
    points = len(points_of(story, store))
    _row(
        (
            story,
            store,
            points,
            f"{count.told:,}",
            f"{count.doubtful:,}",
            f"{count.asked:,}",
            len(count.failed),
            ends,
        )
    )


def _one(story: str, store: str, faults: Sequence[Fault], trace: bool) -> int:
    ended = tell(STORIES[story], store, faults)
    if trace:
        print(ended.trace)
    print(failure(story, store, faults, ended) if ended.problems else f"it ends well, in {ended.outcome}")
    return bool(ended.problems)


def main() -> int:
    """Run what the command line asks for; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--story", choices=sorted(STORIES))
    parser.add_argument("--store", choices=STORES)
    parser.add_argument(
        "--fault", action="append", default=[], help="the number of the operation and the kind"
    )
    parser.add_argument("--trace", action="store_true", help="with --fault: print all that happened")
    parser.add_argument("--only", choices=("singles", "pairs"))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    if asked.fault:
        given = [one.split(" ", 1) for one in asked.fault]
        faults = [Fault(int(at), kind) for at, kind in given]
        return _one(asked.story or "order delivered", asked.store or FIRST_STORE, faults, asked.trace)
    stores = [asked.store] if asked.store else EACH_STORE
    stories = [asked.story] if asked.story else list(STORIES)
    began = time.monotonic()
    total = NOTHING
    head = ("", "store", "K", "told", "in doubt", "a person", "failed", "ended")
    with ProcessPoolExecutor(asked.workers) as pool:
        if asked.only != "pairs":
            _row(("single faults", *head[1:]))
            jobs = [(story, store) for story in stories for store in stores]
            for job, count in zip(jobs, pool.map(_all_singles, jobs), strict=True):
                _print(*job, count)
                total = both(total, count)
        if asked.only != "singles":
            _row(("pairs of faults", *head[1:]))
            for story in [one for one in stories if one in REFERENCE]:
                for store in stores:
                    halves = [(story, store, first) for first in first_halves(story, store)]
                    found = NOTHING
                    for count in pool.map(_all_pairs, halves, chunksize=4):
                        found = both(found, count)
                    _print(story, store, found)
                    total = both(total, found)
    print("\n".join(["", *total.failed[:20]]))
    print(f"{total.told:,} tellings in {time.monotonic() - began:,.0f} s; {len(total.failed)} failed")
    return bool(total.failed)


if __name__ == "__main__":
    sys.exit(main())
