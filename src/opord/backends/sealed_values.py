"""Try the configured keys on a sample of the secrets that a store holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

from opord.engine.protection import protection_with
from opord.kernel.rows import RunRow
from opord.kernel.sealing import open_data
from opord.stores import open_store
from opord.stores.base import RowDamaged, RunFilter, Store
from opord.values.canonical import loads
from opord.values.types import Duration, Instant
from opord.values.vault import KeyRing, SecretUnreadable, Vault

__all__ = ["Sample", "try_keys"]

_DAY_US: Final = 86_400_000_000

AGES: Final = tuple(Duration(days * _DAY_US) for days in (0, 7, 30, 90, 365))
"""How long ago the runs of the sample were started, at least: keys are changed as time goes on."""

RUNS_PER_AGE: Final = 20
"""How many runs of each age are looked at, the newest first."""


class Sample(NamedTuple):
    """What keys could open of the sealed values in the inputs of some runs.

    `missing` counts the values of each key that is not at hand, by the key's id. `broken` is how
    many do not open with their own key.
    """

    runs: int
    opened: int
    missing: dict[str, int]
    broken: int

    @property
    def values(self) -> int:
        """The number of sealed values that were tried."""
        return self.opened + sum(self.missing.values()) + self.broken


def try_keys(url: str, secret_keys: str) -> Sample:
    """Open a sample of the sealed values of a store, and change nothing. Values are not returned.

    Raises:
        StoreError: the store cannot be read.
        KeysInvalid, SecretsExtraMissing: the keys cannot be used.
    """
    trying = _Trying(protection_with(secret_keys).vault)
    runs = 0
    with closing(open_store(url, create=False)) as store:
        for row in _rows(store):
            before = trying.tried
            open_data(trying, f"{row.run}\ninput", loads(row.input))
            runs += trying.tried > before
    return Sample(runs, trying.opened, dict(trying.missing), trying.broken)


class _Trying:
    """A vault that counts what another one could open, and gives no value away."""

    def __init__(self, vault: Vault | None) -> None:
        self._vault = vault
        self._ids = vault.ids if isinstance(vault, KeyRing) else []
        self.tried = self.opened = self.broken = 0
        self.missing: Counter[str] = Counter()

    def open(self, place: str, sealed: str) -> None:
        """Count a sealed value by what its key can do."""
        self.tried += 1
        key = sealed.partition(".")[0]
        if self._vault is None or key not in self._ids:
            self.missing[key] += 1
            return
        try:
            self._vault.open(place, sealed)
        except SecretUnreadable:
            self.broken += 1
        else:
            self.opened += 1

    def seal(self, place: str, value: Any) -> str:
        """Refuse: nothing is written."""
        raise SecretUnreadable(f"nothing is sealed here, got a value for {place}")

    def is_current(self, sealed: str) -> bool:
        """Say yes: nothing is sealed again."""
        return True


def _rows(store: Store) -> Iterator[RunRow]:
    now, seen = store.now(), set()
    for age in AGES:
        where = RunFilter(started_before=Instant(now - age)) if age else RunFilter()
        try:
            rows = store.runs(where, limit=RUNS_PER_AGE)
        except RowDamaged:
            continue  # the check of the store reports it
        for row in rows:
            if row.run not in seen:
                seen.add(row.run)
                yield row
