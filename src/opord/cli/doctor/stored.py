"""The store: whether it can be reached, what it is like, and whether its clock and ours agree."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from opord.cli.doctor.seen import Seen

if TYPE_CHECKING:
    from opord.stores.sqlite.look import StoreFacts

_MIB = 1024 * 1024
# A batch and its log fit into this many times over; below, a write may fail at any moment.
FREE_BYTES_MIN = 64 * _MIB
FREE_BYTES_LOW = 1024 * _MIB
# The log is cut to 64 MiB when it starts anew: several times that has not come to it for long.
LOG_BYTES_MAX = 256 * _MIB
# Clocks that are set over the network differ by less; leases last seconds.
AHEAD_S_MAX = 2.0


def look_at_store(url: str, *, whole: bool = False, now_us: int | None = None) -> Iterator[Seen]:
    """Look at the store that a URL names; one that is not there yet stays so. `whole`: check it from end to end."""
    from opord.stores import store_path
    from opord.stores.base import StoreError

    try:
        path = store_path(url)
        if path is None:
            yield Seen("store", "warning", "the store is in memory, and gone with the process", "name a file")
            return
        from opord.stores.sqlite.look import look

        facts = look(Path(path), whole=whole)
    except (StoreError, ImportError) as wrong:
        yield Seen("store", "unreachable", str(wrong), _move(str(wrong)), {"url": url})
        return
    yield _reached(facts)
    yield from _room(facts)
    if facts.exists:
        yield from _state(facts)
        yield _sound(facts)
        yield from _runs(facts)
        yield from _clock(facts, time.time_ns() // 1000 if now_us is None else now_us)


def _move(said: str) -> str:
    """Give the next move; a refusal mostly says its own after the semicolon."""
    return "" if ";" in said else "name another store with --store, or see to that one"


def _reached(facts: StoreFacts) -> Seen:
    told = {
        "path": str(facts.path),
        "exists": facts.exists,
        "schema": facts.schema,
        "runs": facts.runs,
        "file_bytes": facts.file_bytes,
        "file_system": facts.file_system,
    }
    if not facts.exists:
        said = f"{facts.path} is not there yet; it will be made at its first use, on a local disk"
        return Seen("store", "fine", said, facts=told)
    runs = "1 run" if facts.runs == 1 else f"{facts.runs} runs"
    said = f"{facts.path}: schema {facts.schema}, {runs}, {_size(facts.file_bytes)}"
    if facts.schema < facts.schema_known:
        said += f"; schema {facts.schema_known} comes with the next command that opens it"
    return Seen("store", "fine", said, facts=told)


def _room(facts: StoreFacts) -> Iterator[Seen]:
    told = {"free_bytes": facts.free_bytes}
    said = f"{_size(facts.free_bytes)} free on its disk"
    if facts.free_bytes < FREE_BYTES_MIN:
        yield Seen("disk", "wrong", said, "make room: workers wait while the disk is full", told)
    elif facts.free_bytes < FREE_BYTES_LOW:
        yield Seen("disk", "warning", said, "make room before it is full", told)
    else:
        yield Seen("disk", "fine", said, facts=told)


def _state(facts: StoreFacts) -> Iterator[Seen]:
    told = {"journal_mode": facts.journal_mode, "log_bytes": facts.log_bytes, "writing": facts.writing}
    if facts.journal_mode != "wal":
        said = f"the store's journal mode is {facts.journal_mode}, not wal: something else has changed it"
        yield Seen(
            "log", "warning", said, "the next command that opens it sets it back; find out who did it", told
        )
    elif facts.log_bytes > LOG_BYTES_MAX:
        said = f"the write-ahead log has {_size(facts.log_bytes)}: something reads for very long"
        yield Seen("log", "warning", said, "find the process that holds the store open, and end it", told)
    else:
        said = f"write-ahead log, {_size(facts.log_bytes)}"
        yield Seen("log", "fine", f"{said}; somebody writes just now" if facts.writing else said, facts=told)


def _sound(facts: StoreFacts) -> Seen:
    told = {"damage": facts.damage}
    if facts.damage is None:
        said = f"not checked for damage: {_size(facts.file_bytes)} take their time"
        return Seen("damage", "note", said, "opord doctor --whole reads all of it", told)
    if facts.damage:
        move = "stop the workers, keep a copy of the file and its log, and restore a backup"
        return Seen("damage", "wrong", f"the store is damaged: {facts.damage}", move, told)
    return Seen("damage", "fine", "SQLite's quick check finds no damage", facts=told)


def _runs(facts: StoreFacts) -> Iterator[Seen]:
    for status, count in (("stalled", facts.stalled), ("in_doubt", facts.in_doubt)):
        if count:
            words = status.replace("_", " ")
            said = f"1 run is {words}" if count == 1 else f"{count} runs are {words}"
            yield Seen("runs", "warning", said, f"opord runs list --status {status}", {status: count})
    if not facts.stalled and not facts.in_doubt:
        yield Seen("runs", "fine", "no run is stalled or in doubt", facts={"stalled": 0, "in_doubt": 0})


def _clock(facts: StoreFacts, now_us: int) -> Iterator[Seen]:
    if facts.last_at is None:
        return
    ahead_s = (facts.last_at - now_us) / 1_000_000
    told = {"last_record_ahead_s": round(ahead_s, 3)}
    if ahead_s > AHEAD_S_MAX:
        said = (
            f"the last record is {ahead_s:.0f} seconds in the future: this clock or another worker's is wrong"
        )
        yield Seen(
            "clock", "wrong", said, "set the clocks by the network; leases and timers go by them", told
        )
    else:
        yield Seen("clock", "fine", "the last record is not in the future", facts=told)


def _size(count: int) -> str:
    """Write a number of bytes for people."""
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
