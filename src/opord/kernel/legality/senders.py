"""Check who sent an event: somebody whom the contract does not exclude by `except`."""

from __future__ import annotations

from opord.kernel.excluding import Exclusion, excluded_at_once, excluded_in_state
from opord.kernel.legality.fold import Fold
from opord.kernel.program import EventProgram
from opord.values.types import Instant


def wrong_sender(fold: Fold, event: EventProgram, at: Instant, actor: str) -> str | None:
    """Say what is wrong with the sender of an event in every state; None if nothing is."""
    if fold.input is None:
        return None  # it could not be read, which is a finding of its own
    return _told(event, excluded_at_once(event, fold.frame(at, actor)), actor)


def wrong_sender_here(fold: Fold, event: EventProgram, at: Instant, actor: str) -> str | None:
    """Say what is wrong with the sender in the present state, which handles the event."""
    if fold.fields is None:
        return None
    return _told(event, excluded_in_state(event, fold.fields, fold.frame(at, actor)), actor)


def _told(event: EventProgram, excluded: Exclusion | None, actor: str) -> str | None:
    if excluded is None:
        return None
    name = event.declaration.name
    if not excluded.path:
        return f"{name} came from somebody without a name, and the contract excludes some by name"
    return f"{name} came from {actor}, whom `except {excluded.path}` excludes"
