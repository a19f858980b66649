"""Texts from outside made safe to show: nothing that a terminal would obey."""

from __future__ import annotations


def safe(text: str) -> str:
    """Escape what a terminal would obey or hide, newlines included: the text becomes one visible line."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def readable(text: str) -> str:
    """Escape as `safe` does, but keep lines apart."""
    return "\n".join(safe(line.replace("\t", "    ")) for line in text.split("\n"))


def _escape(sign: str) -> str:
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(sign)
    return known or sign.encode("unicode_escape", "replace").decode()
