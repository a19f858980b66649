"""Texts from outside made safe to show: control characters are escaped."""

from __future__ import annotations


def safe(text: str) -> str:
    """Escape control and hidden characters, newlines included.

    The text becomes one visible line.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def readable(text: str) -> str:
    """Escape as `safe` does, but keep newlines."""
    return "\n".join(safe(line.replace("\t", "    ")) for line in text.split("\n"))


def _escape(sign: str) -> str:
    short_form = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(sign)
    return short_form or sign.encode("unicode_escape", "replace").decode()
