"""The guarantee sheet, which `explain` shows to operators and auditors.

It is written as text, Markdown, HTML or data.
"""

from __future__ import annotations

from opord.language.sheet.build import explain_sheet
from opord.language.sheet.html import render_html
from opord.language.sheet.markdown import render_markdown
from opord.language.sheet.model import Sheet
from opord.language.sheet.text import TextKind, render_text

__all__ = [
    "Sheet",
    "TextKind",
    "explain_sheet",
    "guarantee",
    "reasons",
    "render_html",
    "render_markdown",
    "render_text",
]
