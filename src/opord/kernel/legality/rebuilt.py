"""A run whose row cannot be read, put together again from its journal, so that it can be ended.

The journal says all that a run is. It does not say what leaves no record, such as a timer that has
just begun a step. So a run of this kind can be terminated, and cannot be carried on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from opord.kernel.alarms import Alarm
from opord.kernel.legality.differing import same
from opord.kernel.legality.fold import Commit, Fold
from opord.kernel.rows import RunRow
from opord.kernel.run import Intent, Outcome, Pending, RunBody
from opord.kernel.sealing import SEALED, SECRET
from opord.values.canonical import dumps
from opord.values.types import Key


class NotRebuilt(Exception):
    """The journal does not say what the run is: it is broken, or its row goes by another one."""


def rebuilt_body(fold: Fold, row: RunRow) -> RunBody:
    """Return the body of a run as its journal says. `row` is what can be read of its row.

    Raises:
        NotRebuilt: the journal has problems, or does not end where the row does.
    """
    problems: Sequence[object] = fold.problems
    if problems:
        raise NotRebuilt(f"its journal cannot be followed: {problems[0]}")
    head = row.head
    for what, value, journal in (
        ("sequence", row.seq, fold.seq),
        ("hash", row.hash or fold.hash, fold.hash),  # of a damaged row it may not have been read
        ("state", head.state, fold.state),
        ("since", head.since, fold.since),
    ):
        if not same(value, journal):
            raise NotRebuilt(f"its row says {what} {value!r}, its journal adds up to {journal!r}")
    if _has_secret(fold.data):
        raise NotRebuilt(
            "what it carries has secrets: each is sealed for its record and cannot be moved to the row"
        )
    return RunBody(
        data=msgspec.Raw(dumps(fold.data).encode()),
        entered=fold.entered,
        phase_since=fold.phase_since,
        timers=dict(fold.timers),
        fired=sorted(fold.fired),
        how=fold.how,
        pending=Pending(now=fold.commit.now, intent=_intent(fold.commit))
        if fold.commit is not None
        else None,
        settled=sorted({action for action, _ in fold.used_keys}),
        trouble=fold.trouble,
        stalled_at=fold.stalled_at,
        alarms=msgspec.convert(fold.open_alarms, list[Alarm]),
        dropped=[(event, Key(key)) for event, key in fold.dropped_keys],
        not_before=dict(fold.not_before),
        trace=fold.trace,
        wary=fold.wary,
        wary_until=fold.wary_until,
    )


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return SECRET in value or SEALED in value or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _intent(commit: Commit) -> Intent:
    """Return an open commit, as far as the end of the run says of it."""
    outcome = Outcome("ok") if commit.outcome is not None else None
    return Intent(
        commit.seq,
        commit.action.name,
        commit.key,
        commit.args,
        commit.first_at,
        commit.attempt,
        outcome=outcome,
    )
