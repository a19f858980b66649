"""Make invisible characters visible: controls, and those that change the direction of a text."""

from __future__ import annotations


def visible(text: str) -> str:
    """Escape what would hide, move or overwrite text, and put everything on one line."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    return " " if sign in "\t\n\r" else sign.encode("unicode_escape", "replace").decode()
