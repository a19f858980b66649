"""The name that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_name(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like `name`; None if none is like it."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)
