"""Read a run with its large values, for code that uses a store directly."""

from __future__ import annotations

from opord.kernel.large import needed
from opord.kernel.program import Program
from opord.kernel.rows import RunRow
from opord.kernel.run import Run, load_run
from opord.stores.base import Store


def read_run(store: Store, program: Program, row: RunRow) -> Run:
    """Decode a stored run with the large values that it refers to.

    Raises:
        BadValue: its data do not fit the contract, or a value is missing, so the store is damaged.
        SecretUnreadable: a secret of the run cannot be opened.
    """
    digests = needed(row)
    return load_run(program, row, store.values(row.run, digests) if digests else ())
