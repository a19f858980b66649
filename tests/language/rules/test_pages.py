"""Every finding of these rules has a page with examples.

The bad contract on it has exactly that finding, and the good one has none.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import opord.language.rules
from opord.language import diagnostics
from opord.language.compile import check_text
from opord.language.diagnostics.model import Code, registered_codes

assert opord.language.rules.RULES
PAGES = Path(diagnostics.__file__).parent / "pages"
# A contract with so many moves is too long for a page.
WITHOUT_EXAMPLE = {"OP312"}
CODES = [each for each in registered_codes() if each.id[2] in "3458" and each.id not in WITHOUT_EXAMPLE]


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.id)
def test_a_page_shows_its_finding_and_the_mended_contract(code: Code) -> None:
    text = (PAGES / f"{code.id}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code.id} {code.rule}: {code.title}\n")
    bad, good = re.findall(r"```opord\n(.*?)```", text, re.DOTALL)
    assert {each.code.id for each in check_text(bad).diagnostics} == {code.id}
    assert check_text(good).diagnostics == []
