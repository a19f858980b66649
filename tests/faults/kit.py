"""Shared by the named tests: one fault at a place by its name, and the resulting facts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import apsw

from tests.faults.bench import Bench, tell_all
from tests.faults.kinds import Fault
from tests.faults.outside import Called
from tests.faults.run import points_of
from tests.faults.stories import STORIES
from tests.sim.machine import Told
from tests.support.stores import FIRST_STORE


class Seen:
    """A story that was played under faults, and that broke no invariant."""

    def __init__(self, story: str, faults: tuple[Fault, ...], store: str = FIRST_STORE) -> None:
        self.bench: Bench
        self.told: Told
        self.bench, self.told = tell_all(STORIES[story], store, faults)
        row = self.bench.row()
        assert row is not None
        self.row = row
        self.state = row.head.state
        self.bench.store.close()
        assert self.told.problems == []

    @property
    def records(self) -> list[dict[str, Any]]:
        """The journal, as data."""
        (row,) = self.told.rows
        return [json.loads(body) for _, _, body, _ in row["records"]]

    def kinds(self, *wanted: str) -> list[str]:
        """The kinds of the records, limited to those that are asked for."""
        return [one["kind"] for one in self.records if one["kind"] in wanted]

    def of(self, kind: str, call: str | None = None) -> list[dict[str, Any]]:
        """The records of a kind, of one call or of all."""
        return [one for one in self.records if one["kind"] == kind and call in (None, one.get("call"))]

    def calls(self, name: str) -> list[Called]:
        """The calls of an effect or an action."""
        return [one for one in self.bench.provider.calls if one.name == name]

    def took_effect(self, action: str) -> int:
        """How often an action took effect."""
        return sum(one["action"] == action for one in self.told.ledger)

    def answers(self, op: str) -> list[str]:
        """The answers to the clients' messages in order: acked, refused, lost."""
        return [one["end"] for one in self.told.history if one["op"] == op]

    def entered(self, state: str) -> int:
        """How often a state was entered."""
        return sum(one.get("to") == state for one in self.records)


def at(story: str, point: str, kind: str, nth: int = 1) -> Fault:
    """Return a fault at the nth passing of a point in a story."""
    places = [number for number, one in enumerate(points_of(story, FIRST_STORE), start=1) if one == point]
    return Fault(places[nth - 1], kind)


@cache
def write_of(story: str, what: str) -> int:
    """Return which write of a story, from 1, holds a certain record.

    It is named by its kind, or as the outcome or intent of a call.
    """
    bench, _ = tell_all(STORIES[story], FIRST_STORE)
    bench.store.close()
    writes: list[list[str]] = bench.written
    for number, records in enumerate(writes, start=1):
        if what in records:
            return number
    raise LookupError(f"{story} writes no {what}: {writes}")


def at_write(story: str, what: str, kind: str) -> Fault:
    """Return a fault at the write that holds a record.

    The record is named as in `intent pay`, `outcome pay`, `event approve`, `started`.
    """
    return at(story, "store apply", kind, write_of(story, what))


def seen(story: str, *faults: Fault, store: str = FIRST_STORE) -> Seen:
    """Play a story under faults."""
    return Seen(story, faults, store)


def damage(path: Path) -> list[str]:
    """Invariant 19: return what SQLite itself reports about the file, and dangling references."""
    connection = apsw.Connection(str(path))
    found = [f"19: {line}" for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
    found += [
        f"19: a row of {row[0]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")
    ]
    connection.close()
    return found
