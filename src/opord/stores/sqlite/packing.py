"""Put a batch into the form that `apply.sql` unpacks: one blob of texts, and JSON arrays of small rows.

This runs under the interpreter lock, beside a busy event loop, so it is written for few operations a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from opord.stores.base import RecordRow, Start, Write

Payload: TypeAlias = tuple[bytes, str, str, str, str, str, str, str, str]

# SQLite takes values of up to 1e9 bytes; a batch with more text than this goes in several statements.
_TEXTS_BYTES_MAX = 200_000_000
# A record's place in the blob is one 64-bit integer: 30 bits of offset, 27 of body length, 6 of kind length.
_KIND_BYTES_MAX = (1 << 6) - 1
_BODY_BYTES_MAX = (1 << 27) - 1

_encode = msgspec.json.Encoder().encode


class _Pack:
    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.end = 1
        self.starts: list[tuple[object, ...]] = []
        self.moves: list[tuple[object, ...]] = []
        self.keeps: list[tuple[object, ...]] = []
        self.records: list[list[object]] = []
        self.takes: list[tuple[str, str]] = []
        self.puts: list[tuple[object, ...]] = []
        self.keys: list[tuple[str, ...]] = []
        self.settled: list[tuple[str, ...]] = []

    def start(self, start: Start) -> None:
        run, contract, _, _, started_at, given, epoch, seq, digest, arrivals, head = start.row
        state, status, outcome, since, wake_at, worker, reason, body = head
        at, given_bytes = self._text(given)
        body_at, body_bytes = self._text(body)
        self.starts.append(
            (
                *(run, contract, started_at, at, given_bytes, epoch, seq, digest, arrivals),
                *(body_at, body_bytes, state, status, outcome, since, wake_at, worker, reason),
            )
        )
        self._records(run, 0, start.records)

    def write(self, write: Write, arrivals: int) -> None:
        run, epoch, seq, _, new_epoch, records, head, take, put, event_keys, settled = write
        if records:
            self._records(run, seq, records)
            new_seq, new_hash = seq + len(records), records[-1].hash
        else:
            new_seq, new_hash = seq, None
        if head is None:
            self.keeps.append((run, epoch, seq, arrivals, new_epoch, new_seq, new_hash, len(put)))
        else:
            state, status, outcome, since, wake_at, worker, reason, body = head
            at, size = self._text(body)
            # fmt: off
            self.moves.append(
                (run, epoch, seq, arrivals, new_epoch, new_seq, new_hash, len(put), None,
                 at, size, state, status, outcome, since, wake_at, worker, reason)
            )
            # fmt: on
        if take:
            self.takes += [(run, message) for message in take]
        if put:
            self.puts += [(run, *message) for message in put]
        if event_keys:
            self.keys += [(run, *key) for key in event_keys]
        if settled:
            self.settled += [(run, *key) for key in settled]

    def _text(self, text: str) -> tuple[int, int]:
        raw = text.encode()
        at, size = self.end, len(raw)
        self.texts.append(raw)
        self.end = at + size
        return at, size

    def _records(self, run: str, seq: int, records: tuple[RecordRow, ...]) -> None:
        row: list[object] = [run, seq]
        end, texts = self.end, self.texts
        for _, at, kind, body, digest in records:
            front = f"{at:018d}{digest}{kind}".encode()
            raw = body.encode()
            kind_bytes, body_bytes = len(front) - 82, len(raw)
            if not 0 <= kind_bytes <= _KIND_BYTES_MAX or body_bytes > _BODY_BYTES_MAX:
                raise ValueError(
                    f"run {run}: a record with a kind of {kind_bytes} and a body of {body_bytes} bytes"
                )
            texts.append(front)
            texts.append(raw)
            row.append(end << 33 | body_bytes << 6 | kind_bytes)
            end += 82 + kind_bytes + body_bytes
        self.end = end
        self.records.append(row)

    def payload(self) -> Payload:
        return (
            b"".join(self.texts),
            _encode(self.starts).decode(),
            _encode(self.moves).decode(),
            _encode(self.keeps).decode(),
            _encode(self.records).decode(),
            _encode(self.takes).decode(),
            _encode(self.puts).decode(),
            _encode(self.keys).decode(),
            _encode(self.settled).decode(),
        )


def pack(batch: Sequence[Start | Write], arrivals: Mapping[str, int]) -> Iterator[Payload]:
    """Yield the batch as parameters of an INSERT into `change_set`; several only if it is huge.

    `arrivals` says which number a write that does not care is guarded by, 0 if nothing: the answer needs the
    number as of this transaction, and a guard that holds is that number.
    """
    packed = _Pack()
    for change in batch:
        if type(change) is Write:
            seen = change.arrivals
            packed.write(change, arrivals.get(change.run, 0) if seen is None else seen)
        elif type(change) is Start:
            packed.start(change)
        if packed.end > _TEXTS_BYTES_MAX:
            yield packed.payload()
            packed = _Pack()
    yield packed.payload()
