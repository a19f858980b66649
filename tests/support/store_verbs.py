"""The verbs of a store whose costs must not grow with what it holds, each as a test calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from opord.stores.base import RunFilter, RunRow, Store
from opord.stores.filters import Place
from opord.testing.store_rows import BEGIN, DIGEST, SECOND, a_head, a_message, a_start, a_write
from opord.values.types import Instant, Key

ENDED: Final = a_head(state="Done", status="ended", outcome="success", wake_at=None)

VERBS: Final[dict[str, Callable[[Store, RunRow], Any]]] = {
    "load": lambda store, row: store.load(row.run),
    "next_wake": lambda store, row: store.next_wake([DIGEST]),
    "any_held": lambda store, row: store.any_held([DIGEST], within_us=SECOND),
    "claim": lambda store, row: store.claim("w", [DIGEST], limit=100, ttl_us=SECOND),
    "renew": lambda store, row: store.renew("w", [(row.run, row.epoch)], ttl_us=SECOND),
    "release": lambda store, row: store.release("w", [(row.run, row.epoch)]),
    "a write": lambda store, row: store.apply([a_write(row, head=a_head(), records=2)]),
    "an event kept": lambda store, row: store.apply([a_write(row, put=(a_message("n"),))]),
    "an event taken": lambda store, row: store.apply([a_write(row, head=a_head(), take=("m",))]),
    "an end": lambda store, row: store.apply([a_write(row, head=ENDED)]),
    "a start": lambda store, row: store.apply([a_start("Orders/new")]),
    "a start again": lambda store, row: store.apply([a_start("Orders/it")]),
    "inbox": lambda store, row: store.inbox(row.run),
    "waiting": lambda store, row: store.waiting(row.run),
    "journal": lambda store, row: store.journal(row.run, limit=2),
    "event_key": lambda store, row: store.event_key(row.run, "e", Key("k")),
    "used_key": lambda store, row: store.used_key(row.run, "a", Key("k")),
    "kept": lambda store, row: store.kept(row.run),
    "heartbeat": lambda store, row: store.heartbeat("w", [DIGEST], ttl_us=SECOND),
    "workers": lambda store, row: store.workers(),
    "overdue": lambda store, row: store.due_needs("overdue", limit=3),
    "unserved": lambda store, row: store.due_needs("unserved", limit=3),
    "resting": lambda store, row: store.resting(limit=3),
    "kept_for": lambda store, row: store.kept_for(before=Instant(BEGIN + SECOND), limit=3),
    "ended": lambda store, row: store.ended(Instant(BEGIN + SECOND), limit=3),
    "newest runs": lambda store, row: store.runs(RunFilter(), limit=3),
    "runs of a contract": lambda store, row: store.runs(RunFilter("Orders"), limit=3),
    "runs in a state": lambda store, row: store.runs(RunFilter(None, "Done"), limit=3),
    "runs that can go on": lambda store, row: store.runs(RunFilter(None, None, "running"), limit=3),
    "runs that wait": lambda store, row: store.runs(RunFilter(None, None, "waiting"), limit=3),
    "runs in a state without any": lambda store, row: store.runs(RunFilter(None, "Nowhere"), limit=3),
    "runs that were terminated": lambda store, row: store.runs(RunFilter(outcome="terminated"), limit=3),
    "runs in doubt": lambda store, row: store.runs(RunFilter(None, None, "in_doubt"), limit=3),
    "runs in several states": lambda store, row: store.runs(RunFilter(state=("Done", "Nowhere")), limit=3),
    "runs of several statuses": lambda store, row: store.runs(
        RunFilter(status=("stalled", "in_doubt")), limit=3
    ),
    "runs that wait in a state": lambda store, row: store.runs(
        RunFilter(waiting_in=(Place("Orders", 1, "Nowhere"), Place("Orders", 1, "Asked"))), limit=3
    ),
    "runs that are due soon": lambda store, row: store.runs(RunFilter(due_before=BEGIN), limit=3),
    "runs with a reason": lambda store, row: store.runs(RunFilter(reason="zero"), limit=3),
    "runs that need somebody": lambda store, row: store.runs(RunFilter(needs="any"), limit=3),
    "waiting_bytes": lambda store, row: store.waiting_bytes(row.run),
}
"""What is asked for, and the call: with the store, and the row of a run with a few records."""
