"""The fixes of findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opord.contract import Place
from opord.language import CheckResult, check_text
from opord.language.diagnostics.model import Diagnostic, Edit
from opord.language.diagnostics.suggest import surely_meant
from opord.language.syntax.cursor import EXPECTED
from tests.language.edits import applied

SAMPLE = EXPECTED  # any code would do
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


def test_a_finding_without_a_clear_fix_has_none() -> None:
    assert SAMPLE.at(HERE, "something").fixes == []


def read_cases(path: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield title, bad contract and used files of each section in a file of findings."""
    parts = re.split(r"^## (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        blocks = re.findall(r"^```opord(?: (\S+))?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        files = {name: content for name, content in blocks if name}
        yield f"{path.stem} {title}", next(content for name, content in blocks if not name), files


FINDINGS = Path(__file__).parent / "findings"
CASES = [case for path in sorted(FINDINGS.glob("*.md")) for case in read_cases(path)]


@pytest.mark.parametrize(("title", "text", "files"), CASES, ids=[title for title, _, _ in CASES])
def test_every_fix_mends_its_finding_and_breaks_no_syntax(
    title: str, text: str, files: dict[str, str]
) -> None:
    before = check_text(text, "order.opord", read=reading(files))
    for finding in before.diagnostics:
        for fix in finding.fixes:
            after = check_text(applied(text, fix), "order.opord", read=reading(files))
            assert not [each for each in after.errors if each.rule == "syntax"], fix
            assert _like(after, finding) < _like(before, finding), fix
            if fix.safe:
                assert len(after.errors) <= len(before.errors), fix


def reading(files: dict[str, str]) -> Callable[[str], str]:
    """Return a reader of the files of a case, and of no other files."""

    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    return read


def _like(result: CheckResult, finding: Diagnostic) -> int:
    return sum((each.code, each.message) == (finding.code, finding.message) for each in result.diagnostics)


def mended(text: str, code_id: str) -> str:
    """Apply the first fix of the first finding of a code."""
    finding = next(each for each in check_text(text).diagnostics if each.code.id == code_id)
    return applied(text, finding.fixes[0])


DOOR = """\
contract Door(name: str) key name
failure LockError {{ Jammed(why: str), Gone transient }}
effect unlock(name: str) fails LockError
initial state Shut{header} {{
{body}
}}
final state Open success
final state Broken(why: str) failure
"""


def door(header: str, body: str) -> str:
    return DOOR.format(header=header, body=body)


@pytest.mark.parametrize(
    ("code_id", "header", "body", "after_header", "after_body"),
    [
        (
            "OP305", " -> Open", "  if name == \"x\" { goto Open }\n  goto Broken(name)",
            " -> Open | Broken", "  if name == \"x\" { goto Open }\n  goto Broken(name)",
        ),
        ("OP305", " -> Broken", "  goto Open", " -> Open", "  goto Open"),
        ("OP305", " -> Shut | Broken", "  goto Open", " -> Open | Broken", "  goto Open"),
        ("OP304", " -> Open | Broken", "  goto Open", " -> Open", "  goto Open"),
        ("OP304", " -> Broken | Open", "  goto Open", " -> Open", "  goto Open"),
        ("OP103", " -> Open", "  goto Opne", " -> Open", "  goto Open"),
        (
            "OP401", " -> Open | Broken", "  perform unlock(name)\n  goto Open",
            " -> Open | Broken",
            "  perform unlock(name) else {\n    Jammed(why) -> goto Broken(\"{why}\")\n"
            "    Gone -> goto Broken(\"Gone\")\n  }\n  goto Open",
        ),
        (
            "OP401", " -> Open | Broken",
            "  match perform unlock(name) {\n    ok -> goto Open\n    Gone -> goto Broken(\"gone\")\n  }",
            " -> Open | Broken",
            "  match perform unlock(name) {\n    ok -> goto Open\n    Gone -> goto Broken(\"gone\")\n"
            "    Jammed(why) -> goto Broken(\"{why}\")\n  }",
        ),
        (
            "OP401", " -> Open | Broken",
            "  match perform unlock(name) { ok -> goto Open, Gone -> goto Broken(\"gone\") }",
            " -> Open | Broken",
            "  match perform unlock(name) { ok -> goto Open, Gone -> goto Broken(\"gone\"),"
            " Jammed(why) -> goto Broken(\"{why}\") }",
        ),
        (
            "OP402", " -> Open | Broken", "  match name == \"x\" {\n    true -> goto Open\n  }",
            " -> Open | Broken", "  match name == \"x\" {\n    true -> goto Open\n    false -> goto Open\n  }",
        ),
    ],
)  # fmt: skip
def test_a_fix_is_what_a_person_would_write(
    code_id: str, header: str, body: str, after_header: str, after_body: str
) -> None:
    assert mended(door(header, body), code_id) == door(after_header, after_body)


def test_one_fix_changes_all_headers_that_miss_the_target_of_a_shared_handler() -> None:
    text = (
        "contract Door(id: str) key id\nevent stop\n"
        "phase Open {\n  on stop -> goto Shut\n"
        "  initial state Wide -> Ajar { after 1h -> goto Ajar }\n"
        "  state Ajar -> Broken | Wide { after 1h -> goto Wide }\n}\n"
        "final state Shut success\nfinal state Broken failure\n"
    )
    headers = [line for line in mended(text, "OP305").splitlines() if "-> Ajar" in line or "Ajar ->" in line]
    assert [line.split("{")[0].strip() for line in headers] == [
        "initial state Wide -> Ajar | Shut",
        "state Ajar -> Shut | Wide",
    ]


def test_a_name_in_the_wrong_case_is_changed_everywhere() -> None:
    text = (
        "contract Door(doorName: str) key doorName\n"
        "initial state shut_door -> Open | shut_door {\n"
        '  if doorName == "a" { goto shut_door }\n'
        '  goto Open("{doorName}")\n'
        "}\n"
        "final state Open(why: str) success\n"
    )
    right = text.replace("doorName", "door_name").replace("shut_door", "ShutDoor")
    assert mended(mended(text, "OP110"), "OP110") == right


@pytest.mark.parametrize(
    "more",
    ["record Order { door_name: str }", "enum Way { doorName, other }"],
    ids=["the right name is taken", "another kind of thing has this name rightly"],
)
def test_a_name_is_not_changed_where_a_person_has_to_choose(more: str) -> None:
    text = f"contract Door(doorName: str) key doorName\n{more}\ninitial state A -> B {{ goto B }}\nfinal state B success\n"
    (finding,) = [each for each in check_text(text).diagnostics if each.message.startswith("a parameter")]
    assert finding.fix == ()


@pytest.mark.parametrize(
    ("written", "near", "sure"),
    [
        ("Chargin", ["Charging", "Charged"], True),
        ("Charge", ["Charged", "Charger"], False),
        ("chargeCard", ["charge_card", "refund_card"], True),
        ("idd", ["id"], False),
        ("Chraging", ["Charging"], True),
    ],
)
def test_a_name_one_slip_away_from_only_one_name_is_safe_to_fix(
    written: str, near: list[str], sure: bool
) -> None:
    assert surely_meant(written, near[0], near) is sure


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("after 48 hours -> goto Open", "after 48h -> goto Open"),
        ("after 2 Days -> goto Open", "after 2d -> goto Open"),
        ("after 48h goto Open", "after 48h -> goto Open"),
        ("after 48h => goto Open", "after 48h -> goto Open"),
        ("after 48h -> Open", "after 48h -> goto Open"),
        ("if name == 'a' && true { goto Open }", 'if name == "a" and true { goto Open }'),
    ],
)  # fmt: skip
def test_habits_of_other_languages_are_mended(wrong: str, right: str) -> None:
    text = door(" -> Open", f"  {wrong}")
    for _ in range(wrong.count("'") + wrong.count("&") + 1):
        syntax = [each for each in check_text(text).errors if each.rule == "syntax" and each.fixes]
        if syntax:
            assert syntax[0].fixes[0].safe
            text = applied(text, syntax[0].fixes[0])
    assert text == door(" -> Open", f"  {right}")


def test_a_clause_that_begins_a_line_is_put_into_its_header() -> None:
    text = """contract Door(id: str)
  key id
event knock(at: datetime)
  keep
initial state Shut -> Open { on knock -> goto Open
  after 1h -> goto Open }
final state Open success
"""
    for _ in range(2):
        text = applied(text, check_text(text).errors[0].fixes[0])
    assert text.split("\n")[:2] == ["contract Door(id: str) key id", "event knock(at: datetime) keep"]
    assert check_text(text).diagnostics == []


def test_a_call_without_a_verb_gets_the_right_one() -> None:
    body = '  match {}unlock(name) {{ ok -> goto Open, Jammed | Gone -> goto Broken("x") }}'
    assert mended(door(" -> Open | Broken", body.format("")), "OP113") == door(
        " -> Open | Broken", body.format("perform ")
    )


def test_a_declaration_in_the_wrong_case_is_one_finding_and_becomes_what_its_uses_say() -> None:
    text = door(" -> Open | Broken", '  if name == "x" { goto Broken(name) }\n  goto Open')
    wrong = text.replace("state Broken", "state broken")
    found = check_text(wrong).errors
    assert [(each.code.id, each.place.line) for each in found] == [("OP110", 9)]
    assert mended(wrong, "OP110") == text


def test_each_type_that_a_bare_variant_may_belong_to_is_offered() -> None:
    body = "  match perform unlock(name) { ok -> goto Open, Jammed -> goto Open, Gone -> goto Open }"
    text = door(" -> Open", body).replace(
        "contract", "enum Way { Gone, There }\nrecord Plan { way: Way }\ncontract"
    )
    text = text.replace("unlock(name: str)", "unlock(name: str, way: Way)").replace(
        "unlock(name)", "unlock(name, Gone)"
    )
    (finding,) = [each for each in check_text(text).errors if each.code.id == "OP112"]
    assert [(fix.title, fix.safe) for fix in finding.fixes] == [
        ("write `Way.Gone`", False), ("write `LockError.Gone`", False),
    ]  # fmt: skip
    assert "unlock(name, Way.Gone)" in applied(text, finding.fixes[0])


def test_an_initial_state_is_offered_and_not_chosen_automatically() -> None:
    text = door(" -> Open", "  goto Open").replace("initial state", "state")
    (finding,) = [each for each in check_text(text).diagnostics if each.code.id == "OP308"]
    assert [fix.safe for fix in finding.fixes] == [False]
    assert applied(text, finding.fixes[0]) == door(" -> Open", "  goto Open")


@pytest.mark.parametrize(
    ("params", "args", "name"),
    [("", "", "order"), ("order: str, by: str", "house, order", "by")],
    ids=["an input", "an input that a parameter hides"],
)
def test_a_shared_key_is_offered_what_is_missing_or_a_reason(params: str, args: str, name: str) -> None:
    text = f"""contract Door(order: str, house: str) key order
action unlock({params}) {{ key house for 1d, timeout 5s }}
initial state Shut -> Open {{
  commit unlock({args})
  goto Open
}}
final state Open success
"""
    (finding,) = check_text(text).diagnostics
    assert [applied(text, fix).split("\n")[1] for fix in finding.fixes] == [
        f'action unlock({params}) {{ key "{{house}}/{{{name}}}" for 1d, timeout 5s }}',
        f'action unlock({params}) {{ key house for 1d shared because "say why", timeout 5s }}',
    ]
    for fix in finding.fixes:
        assert not fix.safe
        assert check_text(applied(text, fix)).diagnostics == []


def test_a_reason_for_a_key_that_is_not_shared_can_be_removed() -> None:
    text = """contract Door(order: str) key order
action unlock() { key order for 1d shared because "a house has one door", timeout 5s }
initial state Shut -> Open {
  commit unlock()
  goto Open
}
final state Open success
"""
    (finding,) = check_text(text).diagnostics
    (fix,) = finding.fixes
    assert (fix.title, fix.safe) == ("remove `shared because`", False)
    assert applied(text, fix).split("\n")[1] == "action unlock() { key order for 1d, timeout 5s }"


def test_each_final_failure_is_offered_to_settle() -> None:
    text = """contract Door(name: str) key name
failure LockError { Jammed(why: str), Gone transient, Lost }
action unlock(name: str) fails LockError { key name }
initial state Shut -> Open | Broken {
  commit unlock(name) else -> goto Broken
  goto Open
}
final state Open success
final state Broken failure
"""
    (finding,) = (each for each in check_text(text).diagnostics if each.code.id == "OP808")
    assert [applied(text, fix).split("\n")[1] for fix in finding.fixes] == [
        "failure LockError { Jammed(why: str) settles, Gone transient, Lost }",
        "failure LockError { Jammed(why: str), Gone transient, Lost settles }",
    ]
    assert not any(fix.safe for fix in finding.fixes)
    assert not any(
        each.code.id == "OP808" for each in check_text(applied(text, finding.fixes[0])).diagnostics
    )
