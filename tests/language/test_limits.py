"""The limits of a check, and their findings: too many moves, and floods of findings."""

from __future__ import annotations

import sys

import pytest

from opord.language import check_text
from opord.language.diagnostics.model import FINDINGS_MAX_IN_ALL
from opord.language.diagnostics.wording import WAYS_SHOWN_MAX
from opord.language.ensure.decide import STORIES_MAX
from opord.language.flow.graph import MOVES_MAX
from tests.fuzz.families import FAMILIES

ENDS = "final state Over failure\n"


def shared(states: int, handlers: int) -> str:
    """Write a phase in which each state shares each handler."""
    events = "\n".join(f"event e{i}" for i in range(handlers))
    inside = "\n".join(f"on e{i} -> goto Over" for i in range(handlers))
    names = [f"S{i}" for i in range(states)]
    rest = "\n".join(
        f"state {name} -> {after} | Over {{\nafter 1s -> goto {after}\n}}"
        for name, after in zip(names, [*names[1:], names[0]], strict=True)
    )
    return f"contract C()\n{events}\nphase P {{\n{inside}\ninitial {rest}\n}}\n{ENDS}"


def test_a_phase_that_shares_too_much_is_one_finding_and_other_rules_still_run() -> None:
    found = check_text(shared(states=600, handlers=MOVES_MAX // 600) + "record Nobody { a: int }\n")
    assert [each.code.id for each in found.errors] == ["OP312"]
    assert found.errors[0].place.line > 1000
    assert "OP801" in {each.code.id for each in found.diagnostics}


def test_a_phase_that_shares_slightly_less_is_checked() -> None:
    assert check_text(shared(states=300, handlers=300)).errors == []


def test_a_step_with_too_many_ways_to_commit_is_refused_with_its_second_commits() -> None:
    commits = "".join(f"if a > {i} {{ commit tell({i})\n}}\n" for i in range(1200))
    text = (
        f"contract C(a: int)\naction tell(i: int) {{ repeatable }}\n"
        f"initial state A -> Over {{\n{commits}goto Over\n}}\n{ENDS}"
    )
    assert {each.code.id for each in check_text(text).errors} == {"OP312", "OP501"}


def test_a_flood_of_errors_is_cut_and_counted() -> None:
    lets = "".join(f"let x{i} = y{i}\n" for i in range(FINDINGS_MAX_IN_ALL + 500))
    found = check_text(
        f"contract C(a: int)\ninitial state A -> Over {{\n{lets}goto Over\n}}\n{ENDS}"
    ).diagnostics
    assert len(found) == FINDINGS_MAX_IN_ALL + 1
    assert found[-1].code.id == "OP039"
    assert found[-1].message == "there are 500 more findings, 500 of them errors"
    assert found[-1].place.line == FINDINGS_MAX_IN_ALL + 3


def test_a_flood_of_warnings_does_not_hide_an_error() -> None:
    records = "".join(f"record R{i} {{ a: int }}\n" for i in range(FINDINGS_MAX_IN_ALL + 500))
    text = f"contract C(a: int)\n{records}initial state A -> Over {{\ngoto Nowhere\n}}\n{ENDS}"
    found = check_text(text)
    assert {"OP103"} == {each.code.id for each in found.errors}
    assert len(found.diagnostics) == FINDINGS_MAX_IN_ALL + 1
    assert "none of them an error" in found.diagnostics[-1].message


def test_findings_within_the_limit_have_no_note_about_more() -> None:
    records = "".join(f"record R{i} {{ a: int }}\n" for i in range(FINDINGS_MAX_IN_ALL - 1))
    text = f"contract C(a: int)\n{records}initial state A -> Over {{\ngoto Over\n}}\n{ENDS}"
    codes = [each.code.id for each in check_text(text).diagnostics]
    assert codes.count("OP801") == FINDINGS_MAX_IN_ALL - 1
    assert "OP039" not in codes


def test_broken_promises_beyond_the_limit_have_no_story() -> None:
    promises = "".join(f"ensure Over only after S{i}\n" for i in range(STORIES_MAX + 5))
    states = "".join(f"state S{i} -> Over {{\ngoto Over\n}}\n" for i in range(STORIES_MAX + 5))
    names = "".join(f"if a == {i} {{ goto S{i} }}\n" for i in range(STORIES_MAX + 5))
    targets = " | ".join(f"S{i}" for i in range(STORIES_MAX + 5))
    start = f"initial state A -> {targets} | Over {{\n{names}goto Over\n}}\n"
    found = check_text(f"contract C(a: int)\n{start}{states}{ENDS}{promises}").errors
    assert [each.code.id for each in found] == ["OP702"] * (STORIES_MAX + 5)
    assert [bool(each.story) for each in found] == [True] * STORIES_MAX + [False] * 5


def test_promises_that_cannot_be_decided_in_time_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["opord.language.ensure.decide"], "MOVES_MAX", 5)
    text = (
        "contract C()\ninitial state A -> B | Over {\nafter 1s -> goto B\nafter 2s -> goto Over\n}\n"
        f"state B -> B {{\nafter 1s -> goto B\n}}\n{ENDS}"
    )
    promise = "ensure after A eventually Over\n"
    assert {each.code.id for each in check_text(text + promise).errors} == {"OP307", "OP704"}
    assert {each.code.id for each in check_text(text + promise * 2).errors} == {"OP307", "OP312"}


def test_restarted_timers_beyond_the_limit_have_no_way() -> None:
    diagnostics = check_text(FAMILIES["restarting by a chain"](WAYS_SHOWN_MAX + 5)).diagnostics
    found = [each for each in diagnostics if each.code.id == "OP804"]
    assert [each.label.startswith("comes back by `W") for each in found] == [True] * WAYS_SHOWN_MAX + [
        False
    ] * 5
