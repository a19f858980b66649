"""Find live runs by a field of their data, and the run that took a delivery, without a scan.

A store has no index of data until somebody needs one: each costs every write a little. It is made
once, over all runs that there are, and is then kept by the database itself, whichever process
writes. A field is found by its path in a state's data, and in the input.

A field in a record of more than 4 KiB is stored apart from the row (`kernel.large`), so an index
has `LARGE` in its place, and whoever asks has to look at all such runs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final, Protocol

from opord.values.types import Key, RunId

CANDIDATES: Final = 50
"""How many runs are looked at for one value. Two that fit are one too many."""

LARGE: Final = ":large:"
"""What an index has in place of a value that is stored apart."""

LARGE_CANDIDATES: Final = 1000
"""How many runs with such values are looked at."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Finding(Protocol):
    """Finds runs of an open store. Any thread may use it."""

    def prepare(self, path: Sequence[str]) -> None:
        """Make the indexes for a path, and for deliveries; it may be called again.

        It takes time in proportion to all runs that there are.

        Raises:
            StoreDenied: this role may make no indexes.
        """
        ...

    def live(self, contract: str, path: Sequence[str], value: str | int) -> list[RunId]:
        """Return live runs of a contract that may have a value at a path.

        Those are up to `CANDIDATES` runs with it in the data of their present state or in their
        input, and up to `LARGE_CANDIDATES` runs where it may be stored apart. The path must have
        been prepared.
        """
        ...

    def delivered(self, name: str, delivery: Key) -> RunId | None:
        """Return the run that has used a key of this name; see `delivery_name`.

        Some path must have been prepared.
        """
        ...


def index_of(path: Sequence[str], where: str) -> str:
    """Return the name of the index for a path; `where` is what it is an index of."""
    return f"{where}_{hashlib.sha256('.'.join(checked(path)).encode()).hexdigest()[:16]}"


def checked(path: Sequence[str]) -> Sequence[str]:
    """Return a path whose names may stand in SQL.

    Raises:
        ValueError: one may not; contracts have no such names.
    """
    if not path or not all(_NAME.fullmatch(one) for one in path):
        raise ValueError(f"expected names of fields, got: {list(path)!r}")
    return path


def places_apart(path: Sequence[str]) -> list[str]:
    """Return the places of large values that may hold the value at a path."""
    return [".".join(path[:depth]) for depth in range(1, len(path) + 1)]
