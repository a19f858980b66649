"""The guarantee sheet: what `explain` tells an operator or an auditor of a contract."""

from __future__ import annotations

from opord.language.sheet.build import explain_sheet
from opord.language.sheet.model import Sheet
from opord.language.sheet.text import render_text

__all__ = ["Sheet", "explain_sheet", "render_text"]
