"""Make invisible characters visible: controls, and those that change the direction of a text."""

from __future__ import annotations

from opord.values.visible import safe

_BLANKS = str.maketrans("\t\n\r", "   ")


def visible(text: str) -> str:
    """Escape what would hide, move or overwrite text, and put everything on one line."""
    return safe(text.translate(_BLANKS))
