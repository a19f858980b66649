"""Define findings as data, the registry of their codes, and their renderings."""

from __future__ import annotations

from opord.language.diagnostics.model import Code, Diagnostic, Edit, Fix, Label, Rule, Severity, code

__all__ = [
    "Code",
    "Diagnostic",
    "Edit",
    "Fix",
    "Label",
    "Rule",
    "Severity",
    "code",
    "model",
    "render",
    "suggest",
]
