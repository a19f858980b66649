"""How much a run may hold.

The limits are checked before anything is accepted or done, on every store.

`values/guard.py` has the limit of one value from outside. This module limits what adds up in a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opord.values.arith import CannotCompute
from opord.values.guard import BadValue, check_text
from opord.values.types import Key

LONGEST_KEY: Final = 500
"""Maximum length of a key of a run, an event or an action.

It must fit into a line, a header and an index.
"""

LONGEST_NAME: Final = 500
"""Maximum length of the name and of the role of an actor."""

LONGEST_REASON: Final = 10_000
"""Maximum length of the reason that a person gives."""

STEP_BYTES: Final = 8 * 1024 * 1024
"""Maximum size of a state's data, an action's arguments, or a step's answers, in bytes of JSON."""

QUEUE_MESSAGES: Final = 10_000
"""Maximum number of events that wait in a run."""

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Maximum total size of the waiting events, in bytes.

It is checked for events larger than `SMALL_MESSAGE_BYTES`.
"""

SMALL_MESSAGE_BYTES: Final = QUEUE_BYTES // QUEUE_MESSAGES
"""At this size or below, messages cannot exceed `QUEUE_BYTES`, so their sizes are not added up."""

HISTORY_RECORDS: Final = 1_000_000
"""Maximum length of a run's journal.

A longer one takes no event and begins no step; an open commit is still completed.
"""


def check_key(key: Key, what: str) -> Key:
    """Return a key after a check of its length. `what` names the key, as in "the key of charge".

    Raises:
        BadValue: it is empty or too long.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        finding = f"it has {len(key):,} characters" if key else "it is empty"
        raise BadValue("", f"{what} must have 1 to {LONGEST_KEY} characters; {finding}")
    return key


def computed_key(compute: Callable[[], Key], what: str) -> Key:
    """Return a key that is computed from what a sender gave; `what` names the key.

    Raises:
        BadValue: it is empty or too long, or cannot be computed, for example because of a division
            by zero.
    """
    try:
        key = compute()
    except CannotCompute as error:
        raise BadValue("", f"{what} cannot be computed: {error}") from error
    return check_key(key, what)


def step_too_large(size: int, what: str) -> BadValue:
    """Return the error for data of a step that have more than `STEP_BYTES` in rest form."""
    return BadValue(
        "",
        f"{what} has {size:,} bytes, and at most {STEP_BYTES:,} are kept; store large values elsewhere, "
        "and keep only their name here",
    )


def check_note(note: str | None, what: str, *, most: int = LONGEST_NAME) -> None:
    """Refuse a name, role or reason that cannot be stored or is too long."""
    if note is None:
        return
    if not isinstance(note, str):
        raise BadValue("", f"{what}: expected a text, got: {note!r}")
    try:
        check_text(note)
    except BadValue as error:
        raise BadValue("", f"{what} cannot be kept: {error.message}") from None
    if len(note) > most:
        raise BadValue("", f"{what} has {len(note):,} characters, and at most {most:,} are kept")
