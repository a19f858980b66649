"""Write lines of Python that a formatter leaves unchanged, and texts as literals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from opord.values.visible import readable

WIDTH: Final = 110
"""Columns of a line, including its comment."""

_HEAD: Final = re.compile(r"if |elif |return |\w+(: [^=]+)? = ")
_OPEN: Final = "([{"
_CLOSE: Final = ")]}"


def lay_out(code: str, depth: int, comment: str = "") -> list[str]:
    """Indent one statement. If it is too long, break it at its last bracket, then at its commas."""
    margin = "    " * depth
    tail = f"  # {comment}" if comment else ""
    if len(margin) + len(code) + len(tail) <= WIDTH or "\n" in code:
        return [margin + code + tail]
    loose = _loose(code)
    if loose is not None:
        opening, parts, closing = loose
        value = " ".join(parts)
        within = [value] if len(margin) + 4 + len(value) <= WIDTH else parts
        return [
            f"{margin}{opening}(",
            *(f"{margin}    {part}" for part in within),
            f"{margin}){closing}{tail}",
        ]
    split = _last_bracket(code.partition(" -> ")[0] if code.startswith(("def ", "async def ")) else code)
    if split is None:
        return [margin + code + tail]
    start, end = split
    head, body, rest = code[: start + 1], code[start + 1 : end], code[end:]
    items = list(_items(body))
    inner = margin + "    "
    if len(inner) + len(body) <= WIDTH and not body.endswith(","):
        lines = [inner + body]
    else:
        lines = []
        for item in items:
            lines += _with_comma(lay_out(item, depth + 1))
    return [margin + head, *lines, margin + rest + tail]


def quoted(text: str) -> str:
    """Write a text as a Python literal, with the quotes that need fewer escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + escaped(text, quote) + quote


def escaped(text: str, quote: str) -> str:
    """Escape a text for a literal with these quotes; printable characters stay as they are."""
    return "".join(_escape(character, quote) for character in text)


def docstring(text: str, depth: int) -> list[str]:
    """Write a docstring of one or several lines."""
    margin = "    " * depth
    whole = readable(text).strip().replace("\\", "\\\\")
    before_quotes = whole.rstrip('"')
    code = before_quotes.replace('"""', '\\"' * 3) + '\\"' * (len(whole) - len(before_quotes))
    lines = [part for line in code.split("\n") for part in _folded(line.rstrip(), WIDTH - len(margin))]
    if not code:
        return []
    if len(lines) == 1:
        return [f'{margin}"""{lines[0]}"""']
    body = [f"{margin}{line}" if line else "" for line in lines[1:]]
    return [f'{margin}"""{lines[0]}', *body, f'{margin}"""']


def _folded(line: str, width: int) -> list[str]:
    """Break a line of prose that is too long; the new lines are indented like the first one."""
    if len(line) <= width - 3:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, width - 3, subsequent_indent=indent, break_long_words=False) or [""]


_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escape(character: str, quote: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character == quote:
        return f"\\{character}"
    if character.isprintable():
        return character
    return repr(character)[1:-1]


def _loose(code: str) -> tuple[str, list[str], str] | None:
    """Split a statement before each `and`, `or` or `if … else` of its value outside of brackets."""
    head_match = _HEAD.match(code)
    if head_match is None:
        return None
    head = head_match[0]
    rest = ":" if head in ("if ", "elif ") else ""
    value = code[len(head) : len(code) - len(rest)]
    for words in ((" if ", " else "), (" or ", " and ")):
        depth, start = 0, 0
        parts = []
        for place, character in _code_characters(value):
            depth += (character in _OPEN) - (character in _CLOSE)
            if depth == 0 and value.startswith(words, place):
                parts.append(value[start:place])
                start = place + 1
        if parts:
            return head, [*parts, value[start:]], rest
    return None


def _with_comma(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1] + ","]


def _last_bracket(code: str) -> tuple[int, int] | None:
    """Return the last pair of outermost brackets that is not empty."""
    bracket = None
    start, depth = 0, 0
    for place, character in _code_characters(code):
        if character in _OPEN:
            if depth == 0:
                start = place
            depth += 1
        elif character in _CLOSE:
            depth -= 1
            if depth == 0 and place > start + 1:
                bracket = start, place
    return bracket


def _items(body: str) -> Iterator[str]:
    start, depth = 0, 0
    for place, character in _code_characters(body):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif character == "," and depth == 0:
            yield body[start:place].strip()
            start = place + 1
    if body[start:].strip():
        yield body[start:].strip()


def _code_characters(code: str) -> Iterator[tuple[int, str]]:
    """Yield the characters outside of string literals, with their positions."""
    quote = ""
    skip = False
    for place, character in enumerate(code):
        if skip:
            skip = False
        elif quote:
            if character == "\\":
                skip = True
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        else:
            yield place, character
