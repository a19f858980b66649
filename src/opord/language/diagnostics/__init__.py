"""Findings as data, the registry of their codes, and the ways to show them."""

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
