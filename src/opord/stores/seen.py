"""What a store shows besides its rows: workers, progress of runs, what cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from opord.kernel.rows import Status, StoredNeed, known_needs, known_status
from opord.kernel.scheduling import NO_LABEL, UNLABELLED
from opord.values.types import Instant, RunId


class UnreadRow(NamedTuple):
    """A row that cannot be read: its table, its `seq` if it is a record, and the reason."""

    table: str
    seq: int | None
    why: str


class Stray(NamedTuple):
    """A run that cannot be listed: its name, if that is known, and what is missing."""

    run: str
    why: str


class WorkerRow(NamedTuple):
    """A worker: the digests of the contracts it has handlers for, and until when it is alive.

    `trouble` is what keeps it from going on, in words; empty if nothing does. `calls` are the calls
    that it is making, as text that the store need not understand; empty if none lasts. `labels` are
    those whose runs it takes, `NO_LABEL` for the runs without one.
    """

    worker: str
    contracts: tuple[str, ...]
    alive_until: Instant
    trouble: str = ""
    calls: str = ""
    labels: tuple[str, ...] = UNLABELLED


class LiveVersion(NamedTuple):
    """The runs of a version of a contract with one label that have not ended: their number."""

    name: str
    version: int
    runs: int
    label: str = NO_LABEL


class Tally(NamedTuple):
    """How many runs there are.

    `statuses` are by contract (its name) and status, `needs` by contract and a need that is on
    record. What is 0 may be left out.
    """

    statuses: Mapping[tuple[str, Status], int]
    needs: Mapping[tuple[str, StoredNeed], int]


def tally_of(rows: Iterable[tuple[str, str, str, int]]) -> Tally:
    """Sum up rows of contract, status, needs (words) and number; a row has a status or needs."""
    statuses: Counter[tuple[str, Status]] = Counter()
    needs: Counter[tuple[str, StoredNeed]] = Counter()
    for contract, word, words, number in rows:
        status = known_status(word)
        if status is not None:
            statuses[contract, status] += number
        for need in known_needs(words):
            needs[contract, need] += number
    return Tally(statuses, needs)


class Progress(NamedTuple):
    """Where a run is: the number of its newest record, of its messages so far, and its status."""

    run: RunId
    seq: int
    arrivals: int
    status: Status


class Move(NamedTuple):
    """A record that was written: when, of which run, its number and its kind."""

    at: Instant
    run: RunId
    seq: int
    kind: str


class KeptFor(NamedTuple):
    """A run with messages that wait, and when the first of them arrived."""

    run: RunId
    since: Instant
