"""A run whose contract cannot be read: what its row and its records say of it.

The text of a contract may be damaged, or in a later language. Its runs are still listed, shown,
terminated, pruned and verified record by record. None of that needs the meaning of the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, cast

from opord.contract import Contract
from opord.kernel.program import Program
from opord.kernel.rows import RunRow
from opord.kernel.run import Run, body_of, skeleton
from opord.values.codec import Codec


class _NoCodec:
    """A placeholder for a codec; it can neither read nor write."""

    def __getattr__(self, verb: str) -> Callable[..., NoReturn]:
        def refuse(*_: object) -> NoReturn:
            raise ValueError(f"the contract cannot be read, so nothing can {verb} its data")

        return refuse


def program_by_row(row: RunRow, also: tuple[str, ...] = ()) -> Program:
    """Return what is known of a run's contract without its text: its name, version and digests.

    It has no states, events or calls, and opens no secrets.
    """
    return Program(
        contract=Contract(row.name, row.version, (), None),
        digest=row.contract,
        also=frozenset(also),
        sources=(),
        workflow=object,
        input=cast(Codec, _NoCodec()),
        key=None,
        initial=_no_initial,
        states={},
        events={},
        calls={},
        place_of=lambda _: None,
        initial_state="",
    )


def run_by_row(row: RunRow) -> Run:
    """Return a run without its data, for changes that do not touch them.

    Sealed data stay as they are.
    """
    return skeleton(program_by_row(row), row)


def rests(row: RunRow) -> bool:
    """Say whether a stored run rests between two attempts of a call, and no worker holds it."""
    head = row.head
    body = body_of(row) if head.status == "waiting" and head.worker is None else None
    pending = body.pending if body is not None else None
    return pending is not None and (pending.tries is not None or pending.intent is not None)


def _no_initial(_: Any) -> NoReturn:
    raise ValueError("the contract cannot be read, so it cannot start runs")
