"""What can go wrong at an operation: verbs of the store, calls, and messages from outside.

A point is named for its operation: `store apply`, `call charge_card`, `message approve`. The n-th
point that a story passes is the n-th operation of all engines together. So (n, kind) is one fault,
the same each time.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault at the n-th operation (from 1)."""

    at: int
    kind: str

    def __str__(self) -> str:
        return f"{self.at} {self.kind}"


STORE = {
    "refused": "the store is locked, and nothing was done",
    "away": "the store cannot be reached for longer than a lease, and nothing was done",
    "broken": "an error that nobody foresaw, and nothing was done",
    "done, refused": "done as a whole, and then an error",
    "done, away": "done as a whole, and the answer comes when the lease is long over and another worker is there",
    "done, broken": "done as a whole, and then an error that nobody foresaw",
    "crash before": "the process is gone before anything was done",
    "crash after": "the process is gone, and it was done",
    "fenced": "somebody else moved on every run just before: the epoch that the writer names is old",
}
OUTSIDE = {
    "cancel": "a cancel comes at this very moment",
    "second worker": "another worker starts up at this very moment",
    "terminate": "an administrator ends the run at this very moment",
}
ACTION = {
    "crash before": "the process is gone before the request was sent",
    "crash after": "the process is gone, and the provider took it",
    "crash with reply": "the process is gone with the reply in its hands",
    "down 25 h before": "gone before the request, and nobody is there for 25 hours",
    "down 25 h after": "gone after the provider took it, and nobody is there for 25 hours",
    "drop before": "an exception that nobody declared, and nothing happened",
    "drop after": "an exception that nobody declared, and it happened",
    "silence before": "no answer in time, and nothing happened",
    "silence after": "no answer in time, and it happened",
    "cached error": "the provider answers 500, and the same for this key from then on",
    "lands late": "the connection breaks, and it happens a while later",
    "transient": "a declared transient failure: nothing happened",
    "final": "a declared final failure: nothing happened",
    "cancelled before": "asyncio.CancelledError from within the handler, and nothing happened",
    "cancelled after": "asyncio.CancelledError between the reply and its record",
    "interrupted after": "KeyboardInterrupt between the reply and its record",
    "exit after": "SystemExit between the reply and its record",
    "wrong answer": "it happened, and what the handler returns is of no declared type",
    "zombie": "it happened; the worker is cut off with the reply, and another one takes the run over",
}
EFFECT = {
    kind: ACTION[kind]
    for kind in (
        "crash before", "crash with reply", "drop before", "silence before", "transient", "final",
        "cancelled before", "interrupted after", "wrong answer", "zombie",
    )
}  # fmt: skip
TRANSACTION = {
    "crash before": "the process is gone before the row was written",
    "crash after": "the process is gone, and the row was written",
    "down 25 h after": "gone after the row was written, and nobody is there for 25 hours",
    "drop before": "an exception that nobody declared, before the row was written",
    "drop after": "an exception that nobody declared, after the row was written",
    "transient": "a declared transient failure, after the row was written",
    "final": "a declared final failure, after the row was written",
    "cancelled before": "asyncio.CancelledError from within the handler, before the row was written",
    "cancelled after": "asyncio.CancelledError from within the handler, after the row was written",
    "interrupted after": "KeyboardInterrupt from within the handler, after the row was written",
    "exit after": "SystemExit from within the handler, after the row was written",
    "wrong answer": "the row was written, and what the handler returns is of no declared type",
    "zombie": "the row was written; the worker is cut off, and another one takes the run over",
}
PURE = {kind: ACTION[kind] for kind in ("crash before", "drop before", "wrong answer")}
MESSAGE = {
    "twice": "the same message again after its answer",
    "at once": "the same message twice at the same moment",
    "at the end": "the same message again when all is over",
    "crash on the way": "the process that was asked is gone before it answers; the sender asks again",
}

BEHAVIOURS = (
    "drop before", "drop after", "silence before", "silence after", "cached error", "lands late", "transient", "final",
)  # fmt: skip
"""The kinds that the provider itself carries out; it knows them by the same names."""

IN_PAIRS = {
    "store apply": ("done, away", "done, refused", "crash before", "crash after", "fenced", "away"),
    "store claim": ("done, away", "crash after"),
    "action": (
        "crash before", "crash after", "crash with reply", "drop after", "silence after", "transient",
        "cached error", "zombie", "down 25 h after",
    ),
    "store commit within": ("done, away", "done, refused", "crash before", "crash after", "away"),
    "transaction": ("crash before", "crash after", "drop after", "transient", "zombie"),
    "effect": ("crash before", "crash with reply", "drop before"),
    "message": ("at once", "crash on the way"),
}  # fmt: skip
"""The kinds of which pairs are made.

There is one for each way in which durable and known facts can differ.
"""


def kinds_at(point: str) -> tuple[str, ...]:
    """Return all kinds of faults that can occur at a point."""
    what = point.split()[0]
    if what == "store":
        kinds = (*STORE, *OUTSIDE)
        # A transaction holds its run: nobody moves it on before the end.
        return tuple(kind for kind in kinds if kind != "fenced") if point.endswith(" within") else kinds
    calls = {"action": ACTION, "transaction": TRANSACTION, "effect": EFFECT, "pure": PURE, "message": MESSAGE}
    return tuple(calls[what])


def pair_kinds_at(point: str) -> tuple[str, ...]:
    """Return the kinds of faults that can occur at a point in a pair."""
    return IN_PAIRS.get(point) or IN_PAIRS.get(point.split()[0], ())
