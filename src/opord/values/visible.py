"""Make invisible characters visible: controls, and those that hide text or change its direction.

Whatever shows a text of somebody else uses this: a contract's comments, what handlers raise, data.
"""

from __future__ import annotations


def safe(text: str) -> str:
    """Escape control and hidden characters, newlines included.

    The text becomes one visible line.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def readable(text: str) -> str:
    """Escape as `safe` does, but keep newlines, and write a tab as four spaces."""
    return "\n".join(safe(line.replace("\t", "    ")) for line in text.split("\n"))


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape", "replace").decode()
