"""The card provider's ledger: append-only JSON lines. Each is on disk before it is reported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Money that moved: `amount_cents` from the card for a `charge`, back to it for a `refund`."""

    kind: Literal["charge", "refund"]
    charge_id: str
    order_id: str
    amount_cents: int
    at: datetime
    idempotency_key: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Ledger:
    """The ledger, open for writing.

    After a restart it has every entry that was ever acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self.entries: list[Entry] = list(read_ledger(path)) if path.exists() else []
        self._file = path.open("ab")
        _cut_torn_line(path)

    def append(self, entry: Entry) -> None:
        """Write an entry through to the disk; return when it is there."""
        self._file.write(_encode(entry) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.entries.append(entry)

    def charges(self, order_id: str) -> list[Entry]:
        """Return the charges of an order, oldest first."""
        return [entry for entry in self.entries if entry.kind == "charge" and entry.order_id == order_id]

    def refund_of(self, charge_id: str) -> Entry | None:
        """Return the refund of a charge, if it was refunded."""
        return next((e for e in self.entries if e.kind == "refund" and e.charge_id == charge_id), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_ledger(path: Path) -> Iterator[Entry]:
    """Read a ledger that another process may be writing: whole lines only."""
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield _decode(line)


def charged_twice(entries: list[Entry]) -> dict[str, list[Entry]]:
    """Return the orders that paid more than once and were not refunded, with their charges."""
    refunded = {entry.charge_id for entry in entries if entry.kind == "refund"}
    charges_by_order: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.kind == "charge" and entry.charge_id not in refunded:
            charges_by_order.setdefault(entry.order_id, []).append(entry)
    return {order: charges for order, charges in charges_by_order.items() if len(charges) > 1}


def _cut_torn_line(path: Path) -> None:
    """Cut off a line that a crash left half-written: it was never acknowledged."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
