"""What a person can do with a run in place of a verb that it refuses."""

from __future__ import annotations

from collections.abc import Sequence

from opord.kernel.needs import stored_needs
from opord.kernel.open_needs import next_commands
from opord.kernel.rows import StoredNeed, known_needs
from opord.kernel.run import Run


def instead(run: Run) -> Sequence[str]:
    """Return the commands that see to what a run needs; empty if it needs nobody."""
    reason = _first_need(run)
    if reason is None:
        return ()
    return next_commands(reason, run.id, seen=run.seq, result=_result(run))


def _first_need(run: Run) -> StoredNeed | None:
    if run.status == "in_doubt":
        return "doubt"  # a person may also answer while the contract's rule still waits
    needs = known_needs(stored_needs(run))
    return needs[0] if needs else None


def _result(run: Run) -> str:
    call = run.program.calls.get(run.intent.call) if run.intent is not None else None
    return "" if call is not None and call.result is None else " RESULT"
