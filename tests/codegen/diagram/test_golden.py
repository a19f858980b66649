"""Whole diagrams as text beside their contracts, and the picture in the documents.

`make golden` rewrites them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opord.codegen.diagram import to_dot, to_mermaid, to_svg
from tests.codegen.diagram.kit import CLAIM, GOLDEN, ORDER, ROOT, contract_of


def hold(path: Path, text: str) -> None:
    if os.environ.get("OPORD_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [ORDER, CLAIM], ids=lambda path: path.stem)
def test_a_golden_dot_is_what_its_contract_gives(path: Path) -> None:
    hold(GOLDEN / f"{path.stem}.dot", to_dot(contract_of(path)))


@pytest.mark.parametrize("path", [ORDER, CLAIM], ids=lambda path: path.stem)
def test_a_golden_mermaid_is_what_its_contract_gives(path: Path) -> None:
    # Mermaid's own parser read each of these when it was written.
    hold(GOLDEN / f"{path.stem}.mmd", to_mermaid(contract_of(path)))


def test_the_golden_picture_of_the_documents_is_what_the_order_gives() -> None:
    hold(ROOT / "docs" / "images" / "order.svg", to_svg(contract_of(ORDER), legend=True))
