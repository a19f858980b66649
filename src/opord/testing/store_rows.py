"""Rows to test stores with, each as short as its purpose allows, and a clock that stands still."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from opord.kernel.rows import RunOutcome
from opord.kernel.scheduling import NO_LABEL
from opord.stores.base import (
    Applied,
    EventKey,
    Head,
    InboxRow,
    RecordRow,
    RunRow,
    Start,
    Status,
    Store,
    StoredContract,
    UsedKey,
    ValueRow,
    Write,
)
from opord.values.types import Digest, Duration, Instant, RunId

BEGIN = Instant(1_767_225_600_000_000)
SECOND = Duration(1_000_000)
DIGEST, OTHER_DIGEST = (hashlib.sha256(name.encode()).hexdigest() for name in ("orders", "refunds"))
ORDERS = StoredContract(Digest(DIGEST), "Orders", 1, '[["order.opord","contract Orders() version 1"]]')
REFUNDS = StoredContract(
    Digest(OTHER_DIGEST), "Refunds", 3, '[["refund.opord","contract Refunds() version 3"]]'
)

# Every kind of character that JSON text can have: controls escaped and as such, all planes, marks,
# separators.
ODD_TEXT = '"\\u0001\\n" \x01\x1f\x7f\x85\xa0 é e\u0301 \u200d\u202e\u2028\u2029\ufeff\ufffd\uffff 𝄞 \U0010ffff \'%?:$1'


class SteppedClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.instant: Instant = BEGIN

    def __call__(self) -> Instant:
        return self.instant

    def forward(self, seconds: float) -> None:
        self.instant = Instant(self.instant + int(seconds * SECOND))


OpenHandle = Callable[[], Store]


def a_record(run: str, seq: int, body: str | None = None) -> RecordRow:
    text = body if body is not None else f'{{"run":"{run}","seq":{seq}}}'
    return RecordRow(
        seq,
        Instant(BEGIN + seq),
        "transition",
        text,
        Digest(hashlib.sha256(f"{run} {seq} {text}".encode()).hexdigest()),
    )


def a_head(
    *,
    state: str = "Received",
    status: Status = "running",
    outcome: RunOutcome | None = None,
    wake_at: int | None = BEGIN,
    worker: str | None = None,
    body: str = "{}",
    since: Instant = BEGIN,
    needs: str = "",
) -> Head:
    due = None if wake_at is None else Instant(wake_at)
    return Head(state, status, outcome, since, due, worker, None, body, needs)


def a_start(
    run: str = "Orders/1",
    *,
    head: Head | None = None,
    contract: StoredContract = ORDERS,
    input_text: str = "{}",
    records: int = 1,
    started_at: Instant = BEGIN,
    priority: int = 0,
    label: str = NO_LABEL,
) -> Start:
    journal = tuple(a_record(run, seq) for seq in range(1, records + 1))
    epoch = 0 if head is None or head.worker is None else 1
    row = RunRow(
        *(RunId(run), contract.digest, contract.name, contract.version, started_at, input_text, epoch),
        *(len(journal), journal[-1].hash, 0, head or a_head(), priority, label),
    )
    return Start(row, journal)


def a_write(
    row: RunRow,
    *,
    records: int = 1,
    head: Head | None = None,
    arrivals: int | None = None,
    fence: bool = False,
    take: tuple[str, ...] = (),
    put: tuple[InboxRow, ...] = (),
    event_keys: tuple[EventKey, ...] = (),
    used_keys: tuple[UsedKey, ...] = (),
    values: tuple[ValueRow, ...] = (),
) -> Write:
    journal = tuple(a_record(row.run, row.seq + n) for n in range(1, records + 1))
    epoch = row.epoch
    return Write(
        *(row.run, epoch, row.seq, arrivals, epoch + fence, journal, head, take, put, event_keys, used_keys),
        values=values,
    )


def a_message(name: str, body: str = "{}") -> InboxRow:
    return InboxRow(name, BEGIN, "event", body)


def a_value(body: str) -> ValueRow:
    return ValueRow(Digest(hashlib.sha256(body.encode()).hexdigest()), body)


def the_run(store: Store, run: str = "Orders/1") -> RunRow:
    row = store.load(RunId(run))
    assert row is not None, f"no run {run}"
    return row


def started(store: Store, run: str = "Orders/1", **members: object) -> RunRow:
    assert store.apply([a_start(run, **members)]) == [Applied(0)]  # type: ignore[arg-type]
    return the_run(store, run)
