"""Shared by the tests of pruning: stores full of ended runs, an independent archive reader."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opord.engine.pruning import Pruning, PruningPoint, Tally
from opord.stores.archive import ArchiveWriter
from opord.stores.base import EventKey, RunFilter, Store, UsedKey
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import (
    BEGIN,
    ORDERS,
    REFUNDS,
    SECOND,
    SteppedClock,
    a_head,
    a_message,
    a_start,
    a_write,
)

DAY_US = 86_400 * SECOND
ENDED = a_head(state="Done", status="ended", outcome="success", wake_at=None)


def a_store(file: Path, runs: int = 6, clock: SteppedClock | None = None) -> SqliteStore:
    """Make a store with ended runs (`Orders/0` …, every third a refund) and two live ones."""
    store = SqliteStore(file, clock=clock or SteppedClock())
    store.put_contract(ORDERS)
    store.put_contract(REFUNDS)
    add_ended(store, runs)
    store.apply([a_start("live/1"), a_start("live/2", head=a_head(status="stalled", wake_at=None))])
    return store


def add_ended(store: Store, runs: int, first: int = 0, prefix: str = "Orders", text: str = "{}") -> None:
    """Start and end some runs, each with a waiting message and a key of each kind."""
    names = [f"{prefix}/{number}" for number in range(first, first + runs)]
    contracts = [REFUNDS if number % 3 == 2 else ORDERS for number in range(runs)]
    starts = [
        a_start(run, contract=contract, input_text=text)
        for run, contract in zip(names, contracts, strict=True)
    ]
    store.apply(starts)
    store.apply(
        [
            a_write(
                start.row,
                records=2,
                head=ENDED.replace(since=BEGIN - runs + number),
                put=(a_message("m"),),
                event_keys=(EventKey("paid", "k", "c"),),
                used_keys=(UsedKey("charge", "k", "a", "r"),),
            )
            for number, start in enumerate(starts)
        ]
    )


def names(store: Store) -> set[str]:
    """Return the names of all runs in a store."""
    return {row.run for row in store.runs(RunFilter(), limit=100_000)}


def lines(archive: Path) -> list[tuple[str, Any]]:
    """Return the content of an archive's whole lines, each verified by its digest.

    A torn end is left out.
    """
    said = []
    for text in archive.read_bytes().split(b"\n")[:-1]:
        found = re.fullmatch(rb'\{"digest":"([0-9a-f]{64})",("(\w+)":.*)\}', text, re.DOTALL)
        assert found is not None, text[:200]
        assert hashlib.sha256(found[2]).hexdigest().encode() == found[1]
        said.append((found[3].decode(), json.loads(text)[found[3].decode()]))
    return said


def told(archive: Path) -> dict[str, list[Any]]:
    """Return the runs of an archive by name; an empty mapping if there is no archive yet."""
    stories: dict[str, list[Any]] = {}
    for kind, said in lines(archive) if archive.exists() else []:
        if kind == "run":
            stories.setdefault(said["run"], []).append(said)
    return stories


def open_archive(store: Store, path: Path) -> ArchiveWriter:
    """Open an archive as the command does."""
    return ArchiveWriter.open(path, store.identity(), "2026-01-01T00:00:00.000000Z")


def prune(
    store: Store,
    path: Path | None,
    *,
    before: int = BEGIN + SECOND,
    hook: Callable[[PruningPoint], None] = lambda _: None,
    **given: Any,
) -> Tally:
    """Prune everything that has ended."""
    archive = open_archive(store, path) if path is not None else None
    try:
        pruning = Pruning(store, before=before, archive=archive, hook=hook, **{"keep_us": DAY_US, **given})
        for _ in pruning.steps():
            pass
        return pruning.tally
    finally:
        if archive is not None:
            archive.close()
