"""Measure the width of a text without a font, a little on the wide side.

Texts are set in Helvetica, Arial or a font with the same widths, and calls in a monospaced font.
The font that a reader has is not known, so each width is rounded up, and boxes leave a margin.
"""

from __future__ import annotations

from unicodedata import combining, east_asian_width

# Widths of Helvetica and Arial in thousandths of the font size, for the signs from space to tilde.
_WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667,
    556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556,
    556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722,
    500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
_OTHER, _WIDE, _MONO = 640, 1020, 602
_MARGIN = 1.03
_BOLD = 1.09


def width(text: str, size: float, *, bold: bool = False, mono: bool = False) -> float:
    """Return the width of a text in pixels at a font size in pixels."""
    units = sum(_units(sign, mono) for sign in text)
    return units * size / 1000 * _MARGIN * (_BOLD if bold and not mono else 1)


def fold(text: str, size: float, most: float) -> list[str]:
    """Break a text between words into lines of at most `most` pixels; a longer word stays whole."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and width(longer, size) > most:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def _units(sign: str, mono: bool) -> int:
    code = ord(sign)
    if 32 <= code < 127:
        return _MONO if mono else _WIDTHS[code - 32]
    if combining(sign):
        return 0
    return _WIDE if east_asian_width(sign) in "WF" else _OTHER
