"""Contracts as people write them, good and broken, each with exactly its findings.

The first line of a case lists the findings: `# expect: nothing`, or for instance `# expect: flow
14:9, unused 3`. A finding has its rule, its line, and its column if the exact place is certain. A
broken case has one mistake, unless its name says otherwise, and one mistake must give one finding.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opord.language import check_text
from opord.language.diagnostics.model import Diagnostic

HERE = Path(__file__).parent / "cases"
GOOD = sorted((HERE / "good").glob("*.opord"))
BROKEN = sorted((HERE / "broken").glob("*.opord"))

_EXPECTED = re.compile(r"(\w+) (\d+)(?::(\d+))?")


def expected_of(text: str) -> list[tuple[str, int, int | None]]:
    """Read the first line: rule, line, and column if it is given."""
    said = text.split("\n", 1)[0].removeprefix("# expect: ")
    return [
        (rule, int(line), int(column) if column else None) for rule, line, column in _EXPECTED.findall(said)
    ]


def found_in(path: Path) -> list[Diagnostic]:
    """Check a case. The files that it uses are those of the good cases."""

    def read(name: str) -> str:
        return (HERE / "good" / name).read_text("utf-8")

    result = check_text(path.read_text("utf-8"), path.name, read=read)
    return result.diagnostics


def short(found: list[Diagnostic], expected: list[tuple[str, int, int | None]]) -> list[str]:
    """Write findings in the form of the first line of a case, with columns where it has them."""
    exact = {(rule, line) for rule, line, column in expected if column is not None}
    return sorted(
        f"{each.rule} {each.place.line}"
        + (f":{each.place.column}" if (each.rule, each.place.line) in exact else "")
        for each in found
    )


@pytest.mark.parametrize("path", [*GOOD, *BROKEN], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_case_has_exactly_its_listed_findings(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# expect: ")
    expected = expected_of(text)
    said = sorted(f"{rule} {line}" + (f":{column}" if column else "") for rule, line, column in expected)
    found = found_in(path)
    assert short(found, expected) == said
    assert [each.message for each in found if not each.help] == []  # each finding has a next move


def test_good_cases_list_no_findings_and_broken_ones_list_some() -> None:
    assert all(expected_of(path.read_text("utf-8")) == [] for path in GOOD)
    assert all(expected_of(path.read_text("utf-8")) for path in BROKEN)
    assert len(GOOD) >= 60
    assert len(BROKEN) >= 120


@pytest.mark.parametrize("path", [*GOOD, *BROKEN], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_any_beginning_and_any_end_of_a_case_can_be_checked(path: Path) -> None:
    text = path.read_text("utf-8")
    for cut in range(7, len(text), max(1, len(text) // 5)):
        check_text(text[:cut])
        check_text(text[cut:])


_TOKEN = re.compile(r'"[^"\n]*"|#[^\n]*|\w+|->|\?\?|[<>=!]=|//|\s+|[^\w\s]')


def test_a_lost_token_is_at_most_two_findings_with_a_next_move_each() -> None:
    tokens = _TOKEN.findall((HERE / "good" / "order_fulfilment.opord").read_text("utf-8"))
    worse = {}
    for index, token in enumerate(tokens):
        if token.isspace() or token.startswith("#"):
            continue
        text = "".join([*tokens[:index], " ", *tokens[index + 1 :]])
        found = check_text(text).diagnostics
        if len(found) > 2 or not all(each.help for each in found):
            line = "".join(tokens[:index]).count("\n") + 1
            worse[f"{token} on line {line}"] = [f"{each.code.id} {each.message}" for each in found]
    assert worse == {}
