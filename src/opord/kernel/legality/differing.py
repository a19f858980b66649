"""Report a stored value that differs from the journal, readable and without secrets."""

from __future__ import annotations

from typing import Any

from opord.kernel.legality.fold import Fold
from opord.kernel.sealing import SEALED, SECRET, comparable
from opord.values.canonical import dumps
from opord.values.secret import SHOWN
from opord.values.vault import UNOPENED

_CHARACTERS = 120


def compare(fold: Fold, column: str, value: Any, journal: Any) -> None:
    """Report a column of the stored run that differs from its journal. Both are plain data."""
    if not same(value, journal):
        differs(fold, column, value, journal)


def differs(fold: Fold, column: str, value: Any, journal: Any) -> None:
    """Report that a column differs from the journal."""
    fold.stored_problem(column, f"it says {short_text(value)}, its journal adds up to {short_text(journal)}")


def same(one: Any, other: Any) -> bool:
    """Say whether plain data are the same, as far as their secrets can be opened."""
    return one is other or _text(one) == _text(other)


def short_text(value: Any) -> str:
    """Return plain data as a short text without secrets."""
    text = dumps(_shown(value))
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"


def unopened(value: Any) -> bool:
    """Say whether plain data hold a secret that could not be opened."""
    if isinstance(value, dict):
        return value.get(SECRET) is UNOPENED or any(map(unopened, value.values()))
    return isinstance(value, list) and any(map(unopened, value))


def _text(value: Any) -> str:
    return dumps(comparable(value))


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        if SECRET in value or SEALED in value:
            return SHOWN
        return {name: _shown(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(member) for member in value]
    return value
