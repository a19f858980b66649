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


def resealed(vault: Vault, kept: Kept) -> Kept | None:
    """Return what to store of a run in place of `kept`; None if nothing changes.

    Only for runs of contracts with secrets: digests of data that may hold a secret are sealed as
    well.

    Raises:
        SecretUnreadable: a secret is sealed with a key that is not on the ring.
    """
    work = _Resealing(vault, kept.row.run)
    values = tuple(work.value(each) for each in kept.values)
    records, last = [], ""
    for record in kept.records:
        body: dict[str, Any] = work.data(f"record {record.seq}", loads(record.body))
        work.refer_anew(body, "values")
        body["prev"] = last
        text = dumps(body)
        last = digest(text)
        records.append(RecordRow(record.seq, record.at, record.kind, text, last))
    head = kept.row.head
    row = kept.row.replace(
        input=work.text("input", kept.row.input, INPUT_VALUES),
        hash=last,
        head=head.replace(body=work.text("body", head.body, "values")),
    )
    new = Kept(
        row,
        tuple(records),
        tuple(each.replace(body=work.text(f"inbox {each.id}", each.body)) for each in kept.inbox),
        tuple(
            each.replace(content=work.digest(f"event key {each.event} {each.key}", each.content))
            for each in kept.event_keys
        ),
        tuple(
            each.replace(
                args=work.digest(f"settled {each.action} {each.key} args", each.args),
                result=work.text(f"settled {each.action} {each.key} result", each.result),
            )
            for each in kept.used_keys
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

    def value(self, kept: ValueRow) -> ValueRow:
        """Return a large value with every secret under the first key.

        Its digest changes with its text.
        """
        new = kept
        if SECRET in kept.body or SEALED in kept.body:
            body = dumps(self.bound(value_place(self._run, kept.body), loads(kept.body)))
            new = ValueRow(digest(body), body)
        self._digests[kept.digest] = new.digest
        return new

    def refer_anew(self, body: dict[str, Any], member: str) -> None:
        """Replace the digests of values in stored data by the new ones."""
        if member in body:
            body[member] = {path: self._digests.get(one, one) for path, one in body[member].items()}

    def data(self, place: str, kept: Any) -> Any:
        """Return stored data with every secret under the first key."""
        return self.bound(f"{self._run}\n{place}", kept)

    def bound(self, bound: str, kept: Any) -> Any:
        """Return data that are bound to a place, with every secret under the first key."""
        if not _is_stale(self._vault, kept):
            return kept
        self.changed = True
        return seal_data(self._vault, bound, open_data(self._vault, bound, kept))

    def text(self, place: str, kept: str, refers: str = "") -> str:
        """Return stored JSON text with every secret under the first key.

        Its member `refers` names values.
        """
        secret = SECRET in kept or SEALED in kept
        if not secret and not (refers and f'"{refers}":{{' in kept):
            return kept
        plain = self.data(place, json.loads(kept))
        if refers:
            self.refer_anew(plain, refers)
        return dumps(plain)

    def digest(self, place: str, kept: str) -> str:
        """Return a stored digest under the first key."""
        bound = f"{self._run}\n{place}"
        plain = kept if len(kept) == _DIGEST_LENGTH and "." not in kept else None
        if plain is None and self._vault.is_current(kept):
            return kept
        self.changed = True
        return self._vault.seal(bound, plain if plain is not None else self._vault.open(bound, kept))


def _is_stale(vault: Vault, kept: Any) -> bool:
    if isinstance(kept, dict):
        text = kept.get(SEALED)
        if isinstance(text, str) and len(kept) == 1:
            return not vault.is_current(text)
        return SECRET in kept or any(_is_stale(vault, value) for value in kept.values())
    return isinstance(kept, list) and any(_is_stale(vault, value) for value in kept)
