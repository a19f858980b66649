"""Read from the journal what is on record of the commits that late evidence is about.

A run that is loaded does not know of its older commits, so what was decided of them is read when
evidence comes. That is seldom, and costs what the journal has since the intent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from opord.drive.host import Host
from opord.kernel.alarms import past_commit
from opord.kernel.draft import Draft
from opord.kernel.inbox import read_evidence
from opord.kernel.large import Texts, ValueMissing, open_value
from opord.kernel.rows import InboxRow, RecordRow, ValueRow
from opord.kernel.run import Run
from opord.kernel.sealing import opened
from opord.values.canonical import loads
from opord.values.types import Digest
from opord.values.vault import SecretUnreadable

_AT_ONCE = 1000
"""Number of records that are read at a time."""


async def look_back(host: Host, draft: Draft, waiting: Sequence[InboxRow]) -> None:
    """Read what is on record of the commits that waiting evidence is about.

    Call it before the draft takes in what waits, and after all else that the draft decides.
    """
    evidence = [row for row in waiting if row.kind == "evidence"]
    if evidence:
        run = draft.run
        await look_back_at(host, draft, {read_evidence(run.program, run.id, row).intent for row in evidence})


async def look_back_at(host: Host, draft: Draft, intents: Collection[int]) -> None:
    """Read what is on record of the commits with these intents."""
    run = draft.run
    records = await _journal(host, run, min(intents) - 1, draft.base_seq)
    bodies = [_opened(run, record) for record in [*records, *draft.records]]
    digests = {digest for body in bodies for digest in _values_of(body)}
    rows = [ValueRow(digest, text) for digest, text in draft.values.items() if digest in digests]
    unknown = digests - {row.digest for row in rows}
    if unknown:
        rows += await host.values(run.id, unknown)
    texts = Texts(rows, partial(open_value, run.program.vault, run.id))
    whole = [_whole(texts, body) for body in bodies]
    for intent in intents:
        run.past[intent] = past_commit(whole, intent)


async def _journal(host: Host, run: Run, after: int, until: int) -> list[RecordRow]:
    records: list[RecordRow] = []
    while page := await host.records(run.id, after=after, limit=_AT_ONCE):
        records += [record for record in page if record.seq <= until]
        after = page[-1].seq
    return records


def _opened(run: Run, record: RecordRow) -> dict[str, Any]:
    body: dict[str, Any] = loads(record.body)
    with suppress(SecretUnreadable):
        body = opened(run.program, run.id, f"record {record.seq}", body)
    return body


def _values_of(body: dict[str, Any]) -> list[Digest]:
    """Return the digests of the values in a record, if they matter here."""
    return [*body.get("values", {}).values()] if body["kind"] in ("outcome", "evidence") else []


def _whole(texts: Texts, body: dict[str, Any]) -> dict[str, Any]:
    if not _values_of(body):
        return body
    with suppress(ValueMissing, SecretUnreadable, LookupError, TypeError, ValueError):
        return texts.whole(body)
    return body
