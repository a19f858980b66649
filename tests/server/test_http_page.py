"""The page on the HTTP API has every code with its status, and every route."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opord.server.api import ROUTES
from opord.server.problems import KINDS

PAGE = Path(__file__).parent.parent.parent / "docs" / "http.md"
HEAD = "| code | status | meaning |\n| --- | --- | --- |\n"


@pytest.mark.golden
def test_golden_table_of_codes() -> None:
    rows = "".join(f"| `{code}` | {kind.status} | {kind.title} |\n" for code, kind in sorted(KINDS.items()))
    page = PAGE.read_text(encoding="utf-8")
    before, head, after = page.partition(HEAD)
    there = re.match(r"(?:\|.*\n)*", after)
    assert there is not None
    if os.environ.get("OPORD_GOLDEN") == "rewrite":
        PAGE.write_text(before + head + rows + after[there.end() :], encoding="utf-8")
        return
    assert there[0] == rows, "OPORD_GOLDEN=rewrite writes the table anew"


def test_the_page_names_each_route() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [
        f"{one.method} {one.path}"
        for one in ROUTES
        if f"`{one.method} {one.path.removeprefix('/api/v1')}`" not in page
    ]
    assert not missing
