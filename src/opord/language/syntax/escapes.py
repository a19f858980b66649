"""Read and write the escapes in a text."""

from __future__ import annotations

import re
from collections.abc import Callable

from opord.language.diagnostics.model import code
from opord.language.syntax.tree import Span

UNKNOWN_ESCAPE = code("OP006", rule="syntax", title="an escape that does not exist")

_ESCAPE = re.compile(r"\\(u\{([^}\n]*)\}?|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "{": "{", "}": "}"}
_WRITTEN = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\", "{": "\\{"}


def escape(text: str) -> str:
    """Write a text as it stands between quotes in a contract.

    The result is one line, with control characters escaped.
    """
    return "".join(
        _WRITTEN.get(sign) or (sign if sign.isprintable() else f"\\u{{{ord(sign):X}}}") for sign in text
    )


def unescape(raw: str, offset: int, report: Callable[[Span, str, str], None]) -> str:
    """Replace the escapes of `raw`, which starts at `offset`.

    Call `report` for each invalid escape.
    """
    if "\\" not in raw:
        return raw

    def replace(match: re.Match[str]) -> str:
        plain = _PLAIN.get(match[1])
        if plain is not None:
            return plain
        span = (offset + match.start(), offset + match.end())
        if match[2] is None:
            report(
                span, f"`{match[0]}` is not an escape", 'the escapes are `\\n \\t \\" \\\\ \\{ \\u{1F600}`'
            )
            return match[0]
        return _code_point(match, span, report)

    return _ESCAPE.sub(replace, raw)


def _code_point(match: re.Match[str], span: Span, report: Callable[[Span, str, str], None]) -> str:
    digits = match[2]
    if not (match[0].endswith("}") and re.fullmatch(r"[0-9A-Fa-f]{1,6}", digits)):
        report(span, f"`{match[0]}` names no character", "write one to six hexadecimal digits: `\\u{1F600}`")
        return match[0]
    number = int(digits, 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF or number == 0:
        reason = "a text cannot hold NUL" if number == 0 else "no character has this number"
        report(span, f"`{match[0]}` names no character: {reason}", "use another character")
        return match[0]
    return chr(number)
