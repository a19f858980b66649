"""Each finding of `syntax` has a page, and its examples have the listed findings."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

import opord.language.syntax.parser  # noqa: F401 - importing it declares the codes
from opord.language.diagnostics.model import Code, registered_codes
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source

SYNTAX = [each for each in registered_codes() if each.rule == "syntax"]
# The faults of these files cannot be shown on a page of text.
WITHOUT_EXAMPLE = {"OP001", "OP002", "OP003", "OP039"}


def page_of(code: Code) -> str:
    return files("opord.language.diagnostics").joinpath(f"pages/{code.id}.md").read_text("utf-8")


def examples_on(page: str) -> list[str]:
    return re.findall(r"```opord\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("code", SYNTAX, ids=lambda code: code.id)
def test_a_page_opens_with_code_rule_and_title(code: Code) -> None:
    assert page_of(code).startswith(f"# {code.id} syntax: {code.title}\n")


@pytest.mark.parametrize(
    "code", [each for each in SYNTAX if each.id not in WITHOUT_EXAMPLE], ids=lambda code: code.id
)
def test_the_bad_example_has_this_finding_and_the_good_one_has_none(code: Code) -> None:
    bad, good = examples_on(page_of(code))
    assert {each.code.id for each in parse(Source("bad", bad))[1]} == {code.id}
    assert parse(Source("good", good))[1] == []
