"""What a line of the log is about, for logs that programs read: `log.info(…, extra=about(run))`.

The facts are in the attribute `opord` of the `logging` record, a mapping with those that are known
of `run`, `contract`, `version`, `state`, `transition`, `call`, `key` and `attempt`. `transition`
says how the run came into its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opord.kernel.open_needs import OpenNeed
from opord.kernel.rows import RunRow
from opord.kernel.run import Run
from opord.values.types import RunId

Extra = Mapping[str, Mapping[str, Any]]

FEW: Final = 10
"""Number of lines of one kind that are logged as usual within `FEW_S`."""

FEW_S: Final = 10.0
"""How long lines of one kind are counted, in seconds."""


class Few:
    """Bounds the lines of one kind: an outage may be the cause of thousands at once."""

    def __init__(self) -> None:
        self._began = 0.0
        self._count = 0

    def place(self, now_s: float) -> int:
        """Count a line at `now_s`, monotonic; return its place among those of this time, from 1."""
        if not self._count or not 0 <= now_s - self._began < FEW_S:
            self._began, self._count = now_s, 0
        self._count += 1
        return self._count


def about(run: Run) -> Extra:
    """Return what a line about a run is about, with the call that is under way."""
    under_way = run.intent or run.tries
    call = under_way.call if under_way is not None else None
    intent, tries = run.intent, run.tries
    attempt = intent.attempt if intent is not None else tries.number if tries is not None else None
    key = intent.key if intent is not None else None
    program = run.program
    return _extra(
        run=run.id, contract=program.name, version=program.version, state=run.state, transition=run.body.how,
        call=call, key=key, attempt=attempt,
    )  # fmt: skip


def about_row(row: RunRow) -> Extra:
    """Return what a line about a run as stored is about."""
    return _extra(run=row.run, contract=row.name, version=row.version, state=row.head.state)


def about_need(need: OpenNeed) -> Extra:
    """Return what a line about a need is about."""
    return _extra(
        run=need.run, contract=need.contract, version=need.version, state=need.state, call=need.call,
        key=need.key, attempt=need.attempt,
    )  # fmt: skip


def about_call(run: RunId, call: str, attempt: int) -> Extra:
    """Return what a line about an attempt of a run is about, of which no more is known."""
    return _extra(run=run, call=call, attempt=attempt)


def _extra(**facts: Any) -> Extra:
    return {"opord": {name: value for name, value in facts.items() if value is not None}}
