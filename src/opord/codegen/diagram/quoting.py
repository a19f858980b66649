"""Quote texts for the languages of other tools."""

from __future__ import annotations


def dot_quoted(text: str) -> str:
    """Write a text as a name of DOT."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def dot_label(lines: list[str], *, end: str = "\\n") -> str:
    """Write lines as a label of DOT.

    A backslash and `&` are escaped. `end` ends each line and sets its alignment.
    """
    safe = (line.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    text = end.join(safe)
    return f'"{text}{end}"' if end != "\\n" and lines else f'"{text}"'


def mermaid_text(lines: list[str]) -> str:
    """Write lines as a quoted text of Mermaid, which reads the text as HTML."""
    return '"' + "<br/>".join(_mermaid_line(line) for line in lines) + '"'


def _mermaid_line(line: str) -> str:
    return "".join(sign if _is_plain(sign) else f"#{ord(sign)};" for sign in line)


def _is_plain(sign: str) -> bool:
    return sign.isalnum() or sign in " _.,·●○…()+-=/?!'" or ord(sign) > 0x2000
