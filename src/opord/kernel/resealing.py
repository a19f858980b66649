"""Seal the stored secrets of a run again, if they are in clear or under an older key.

Records then have other texts, so the chain of their hashes is computed again from the first record
on. Their content stays the same.
"""

from __future__ import annotations

import json
from typing import Any

from opord.kernel.large import INPUT_VALUES, value_place
from opord.kernel.rows import Kept, RecordRow, ValueRow
from opord.kernel.sealing import SEALED, SECRET, open_data, seal_data
from opord.values.canonical import digest, dumps, loads
from opord.values.types import RunId
from opord.values.vault import Vault

_DIGEST_LENGTH = 64


def resealed(vault: Vault, run: Kept) -> Kept | None:
    """Return what to store of a run in place of `run`; None if nothing changes.

    Only for runs of contracts with secrets: digests of data that may hold a secret are sealed as
    well.

    Raises:
        SecretUnreadable: a secret is sealed with a key that is not on the ring.
    """
    work = _Resealing(vault, run.row.run)
    values = tuple(work.value(each) for each in run.values)
    records, last = [], ""
    for record in run.records:
        body: dict[str, Any] = work.data(f"record {record.seq}", loads(record.body))
        work.refer_anew(body, "values")
        body["prev"] = last
        text = dumps(body)
        last = digest(text)
        records.append(RecordRow(record.seq, record.at, record.kind, text, last))
    head = run.row.head
    row = run.row.replace(
        input=work.text("input", run.row.input, INPUT_VALUES),
        hash=last,
        head=head.replace(body=work.text("body", head.body, "values")),
    )
    new = Kept(
        row,
        tuple(records),
        tuple(each.replace(body=work.text(f"inbox {each.id}", each.body)) for each in run.inbox),
        tuple(
            each.replace(content=work.digest(f"event key {each.event} {each.key}", each.content))
            for each in run.event_keys
        ),
        tuple(
            each.replace(
                args=work.digest(f"settled {each.action} {each.key} args", each.args),
                result=work.text(f"settled {each.action} {each.key} result", each.result),
            )
            for each in run.used_keys
        ),
        values,
    )
    return new if work.changed else None


class _Resealing:
    def __init__(self, vault: Vault, run: RunId) -> None:
        self._vault = vault
        self._run = run
        self.changed = False
        self._digests: dict[str, str] = {}

    def value(self, row: ValueRow) -> ValueRow:
        """Return a large value with every secret under the first key.

        Its digest changes with its text.
        """
        new = row
        if SECRET in row.body or SEALED in row.body:
            body = dumps(self.bound(value_place(self._run, row.body), loads(row.body)))
            new = ValueRow(digest(body), body)
        self._digests[row.digest] = new.digest
        return new

    def refer_anew(self, body: dict[str, Any], member: str) -> None:
        """Replace the digests of values in stored data by the new ones."""
        if member in body:
            body[member] = {path: self._digests.get(one, one) for path, one in body[member].items()}

    def data(self, place: str, value: Any) -> Any:
        """Return stored data with every secret under the first key."""
        return self.bound(f"{self._run}\n{place}", value)

    def bound(self, bound: str, value: Any) -> Any:
        """Return data that are bound to a place, with every secret under the first key."""
        if not _is_stale(self._vault, value):
            return value
        self.changed = True
        return seal_data(self._vault, bound, open_data(self._vault, bound, value))

    def text(self, place: str, text: str, refers: str = "") -> str:
        """Return stored JSON text with every secret under the first key.

        Its member `refers` names values.
        """
        secret = SECRET in text or SEALED in text
        if not secret and not (refers and f'"{refers}":{{' in text):
            return text
        plain = self.data(place, json.loads(text))
        if refers:
            self.refer_anew(plain, refers)
        return dumps(plain)

    def digest(self, place: str, stored_digest: str) -> str:
        """Return a stored digest under the first key."""
        bound = f"{self._run}\n{place}"
        plain = stored_digest if len(stored_digest) == _DIGEST_LENGTH and "." not in stored_digest else None
        if plain is None and self._vault.is_current(stored_digest):
            return stored_digest
        self.changed = True
        return self._vault.seal(bound, plain if plain is not None else self._vault.open(bound, stored_digest))


def _is_stale(vault: Vault, data: Any) -> bool:
    if isinstance(data, dict):
        text = data.get(SEALED)
        if isinstance(text, str) and len(data) == 1:
            return not vault.is_current(text)
        return SECRET in data or any(_is_stale(vault, value) for value in data.values())
    return isinstance(data, list) and any(_is_stale(vault, value) for value in data)
