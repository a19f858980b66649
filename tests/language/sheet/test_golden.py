"""Whole sheets in every form, for the order contract and for one with texts like markup."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from opord.language.sheet import Sheet, render_html, render_markdown, render_text
from tests.language.sheet.kit import HERE, ODD, ORDER, TRIP, sheet_of

FORMS: dict[str, Callable[[Sheet], str]] = {
    "txt": lambda sheet: render_text(sheet, 100),
    "md": render_markdown,
    "html": render_html,
    "json": lambda sheet: json.dumps(sheet.to_plain(), indent=1, ensure_ascii=False) + "\n",
}
CASES = [("order", ORDER, form) for form in FORMS]
CASES += [("odd", ODD, form) for form in FORMS]
CASES += [("travel_saga", TRIP, "txt")]


@pytest.mark.golden
@pytest.mark.parametrize(
    ("name", "contract", "form"), CASES, ids=[f"{name}.{form}" for name, _, form in CASES]
)
def test_golden_sheet(name: str, contract: Path, form: str) -> None:
    golden = HERE / "golden" / f"{name}.{form}"
    text = FORMS[form](sheet_of(contract))
    if os.environ.get("OPORD_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
