"""What a finding says about its own mend."""

from __future__ import annotations

from opord.contract import Place
from opord.language.diagnostics.model import Edit, code

SAMPLE = code("OP010", rule="syntax", title="something else was expected here")
HERE = Place("door.opord", 1, 1, 1, 2)
THERE = Place("door.opord", 2, 1, 2, 2)


def test_edits_of_one_title_are_one_fix_and_safe_only_as_a_whole() -> None:
    finding = SAMPLE.at(
        HERE,
        "something",
        fix=(
            Edit(HERE, "a", "call it `a`"),
            Edit(HERE, "b", "call it `b`"),
            Edit(THERE, "b", "call it `b`", False),
        ),
    )
    assert [(fix.title, len(fix.edits), fix.safe) for fix in finding.fixes] == [
        ("call it `a`", 1, True),
        ("call it `b`", 2, False),
    ]


def test_a_finding_without_a_clear_mend_has_none() -> None:
    assert SAMPLE.at(HERE, "something").fixes == []
