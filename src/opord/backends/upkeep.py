"""Maintain a store as a whole: migrate it, and mark it as restored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, TypeAlias

from opord.backends.opening import check_lasts
from opord.drive.errors import ContractUnreadable
from opord.engine.programs import Programs
from opord.engine.protection import SHOWING, SecretsExtraMissing, protection_with
from opord.engine.restoring import Marked
from opord.engine.restoring import mark_restored as mark
from opord.kernel.resealing import resealed
from opord.kernel.rows import Kept, RunRow
from opord.stores import open_restored, open_store
from opord.stores.base import RowDamaged, RunFilter, Store
from opord.values.types import START_OF_TIME, Instant
from opord.values.vault import Vault

__all__ = ["Marked", "Migrated", "SecretsExtraMissing", "check_keys", "mark_restored", "migrate"]

PAGE = 500

_How: TypeAlias = Literal["as it was", "encrypted", "held"]


@dataclass(slots=True)
class Migrated:
    """What a migration found: the number of runs in all and of each kind.

    `encrypted` runs had secrets that are now encrypted, `held` ones are held by workers,
    `without_key` ones have secrets but there is no key. A run is `unreadable` if the text of its
    contract is; its secrets stay as they are.
    """

    runs: int = 0
    encrypted: int = 0
    held: int = 0
    without_key: int = 0
    unreadable: int = 0

    @property
    def whole(self) -> bool:
        """Say whether nothing is left to do."""
        return not (self.held or self.without_key or self.unreadable)


def check_keys(secret_keys: str) -> None:
    """Try the keys that encrypt secrets.

    Raises:
        KeysInvalid: they are not keys.
        SecretsExtraMissing: the library that encrypts is not installed.
    """
    protection_with(secret_keys)


def migrate(url: str, *, secret_keys: str) -> Migrated:
    """Migrate a store, and encrypt its secrets with the first of the keys. A missing store is made.

    Raises:
        StoreRefused, StoreUnavailable, StoreDamaged: it cannot be reached.
        KeysInvalid, SecretsExtraMissing: the keys cannot be used.
    """
    check_lasts(url)
    vault = protection_with(secret_keys).vault
    programs = Programs(SHOWING)
    tally = Migrated()
    with closing(open_store(url)) as store:
        for row in _runs(store):
            tally.runs += 1
            try:
                secrets = programs.load(store, row.contract).secrets
            except (ContractUnreadable, RowDamaged):
                tally.unreadable += 1
                continue
            if not secrets:
                continue
            if vault is None:
                tally.without_key += 1
                continue
            how = _reseal(store, row, vault)
            tally.encrypted += how == "encrypted"
            tally.held += how == "held"
        if tally.encrypted:
            store.compact()
    return tally


def mark_restored(
    url: str,
    *,
    actor: str,
    copied_at: Instant = START_OF_TIME,
    role: str | None = None,
    reason: str | None = None,
    dry_run: bool = False,
) -> Iterator[Marked]:
    """Mark every live run of a store that was restored from a copy.

    Yield each once its mark is durable; with `dry_run`, mark none.

    `copied_at` is when the copy was made, in microseconds since 1970 UTC, if known.

    Raises:
        StoreMissing: there is no store.
        CopyFromTheFuture: `copied_at` is later than the store's clock.
    """
    with open_restored(url, marks=not dry_run) as store:
        yield from mark(store, actor=actor, copied_at=copied_at, role=role, reason=reason, dry_run=dry_run)


def _runs(store: Store) -> Iterator[RunRow]:
    after: str | None = None
    while page := store.runs(RunFilter(), limit=PAGE, after=after):
        yield from page
        after = page[-1].run


def _reseal(store: Store, row: RunRow, vault: Vault) -> _How:
    how: _How = "as it was"

    def change(content: Kept) -> Kept | None:
        nonlocal how
        new = resealed(vault, content)
        if new is None:
            how = "as it was"
        elif content.row.head.worker is not None:
            how, new = "held", None
        else:
            how = "encrypted"
        return new

    store.rewrite(row.run, change)
    return how
