"""How much a run may hold: limits that are looked at before anything is accepted or done, the same on every store.

One value that comes from outside has the limit of `values/guard.py`; here is what adds up in a run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from opord.values.arith import CannotCompute
from opord.values.guard import BadValue, check_text

LONGEST_KEY: Final = 500
"""Characters of a key at the most, of a run, an event or an action: it has to fit into a line, a header and an index."""

LONGEST_NAME: Final = 500
"""Characters of who acts, and in which role."""

LONGEST_REASON: Final = 10_000
"""Characters of the reason that a person gives."""

STEP_BYTES: Final = 8 * 1024 * 1024
"""What a state carries, what an action is called with, and what the calls of a step answered, each, in bytes of JSON."""

QUEUE_MESSAGES: Final = 10_000
"""Events that wait in a run at the most."""

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""What they have together in bytes. Their sizes are added up when one of more than `SMALL_MESSAGE_BYTES` comes."""

SMALL_MESSAGE_BYTES: Final = QUEUE_BYTES // QUEUE_MESSAGES
"""Of messages of this size, no more than `QUEUE_BYTES` can wait in any case."""

HISTORY_RECORDS: Final = 1_000_000
"""Records of a run's journal, beyond which it takes no event and begins no step. What was begun is brought to its end."""


def check_key(key: str, what: str) -> str:
    """Return a key that names something; `what` says which key it is, as in "the key of charge".

    Raises:
        BadValue: it is empty or too long.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        seen = f"it has {len(key):,} characters" if key else "it is empty"
        raise BadValue("", f"{what} has to have 1 to {LONGEST_KEY} characters; {seen}")
    return key


def computed_key(compute: Callable[[], str], what: str) -> str:
    """Return a key that comes of what somebody sent; `what` says which key it is.

    Raises:
        BadValue: it is empty or too long, or what was sent leads to no key, as where it is divided by zero.
    """
    try:
        key = compute()
    except CannotCompute as error:
        raise BadValue("", f"{what} cannot be computed: {error}") from error
    return check_key(key, what)


def step_too_large(size: int, what: str) -> BadValue:
    """Return why data that a step made are refused, which have more than `STEP_BYTES` in rest form."""
    return BadValue(
        "",
        f"{what} has {size:,} bytes, and at most {STEP_BYTES:,} are kept; keep what is large elsewhere, and "
        "only its name here",
    )


def check_note(note: str | None, what: str, *, most: int = LONGEST_NAME) -> None:
    """Refuse what a person says about themselves or their reason, if it cannot be kept or is too long."""
    if note is None:
        return
    try:
        check_text(note)
    except BadValue as error:
        raise BadValue("", f"{what} cannot be kept: {error.message}") from None
    if len(note) > most:
        raise BadValue("", f"{what} has {len(note):,} characters, and at most {most:,} are kept")
