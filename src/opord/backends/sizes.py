"""How large things may be, whatever the runtime."""

from __future__ import annotations

from typing import Final, NamedTuple

from opord.kernel import bounds
from opord.values.guard import LIMIT_BYTES


class Limits(NamedTuple):
    """How large things may be.

    Anything larger is refused before it is accepted, with the same code everywhere.

    - `value_bytes`: one value from outside, as JSON.
    - `step_bytes`: the data of a state or the arguments of an action.
    - `key_chars`, `name_chars`, `reason_chars`: a key, the name of an actor, a reason.
    - `queue_messages`, `queue_bytes`: what may wait in a run.
    - `history_records`: the length of a run's journal.
    """

    value_bytes: int
    step_bytes: int
    key_chars: int
    name_chars: int
    reason_chars: int
    queue_messages: int
    queue_bytes: int
    history_records: int


LIMITS: Final = Limits(
    LIMIT_BYTES,
    bounds.STEP_BYTES,
    bounds.LONGEST_KEY,
    bounds.LONGEST_NAME,
    bounds.LONGEST_REASON,
    bounds.QUEUE_MESSAGES,
    bounds.QUEUE_BYTES,
    bounds.HISTORY_RECORDS,
)
"""The limits of the kernel. They hold unless a runtime has smaller ones."""
