"""`# opord: allow`: what it silences, what it has to name, and what is said of an idle one."""

from __future__ import annotations

import pytest

from opord.language import check_text
from opord.language.diagnostics.model import Diagnostic, Fix
from opord.language.syntax.source import Source

# Two actions are not undone at the end `Late`. One of them has an undoing, and one has none.
BUREAU = """\
contract Bureau(id: str) key id
{ask}
action charge(id: str) -> str {{ key id, timeout 1s }}
action refund(receipt: str) undoes charge {{ key receipt, timeout 1s }}
event yes
initial state Asking -> Charging {{
  commit ask_bureau(id)
  goto Charging
}}
state Charging -> Waiting {{
  let receipt = commit charge(id)
  goto Waiting(receipt)
}}
state Waiting(receipt: str) -> Done | Late | Back {{
  on yes -> goto Done
  on cancel(reason) -> goto Back(receipt)
  after 1d -> goto Late
}}
state Back(receipt: str) -> Late {{
  commit refund(receipt)
  goto Late
}}
final state Done success
{allow}
final state Late failure
"""
STANDS = 'action ask_bureau(id: str) stands because "a question needs no undoing" { key id, timeout 1s }'
ASKED = "action ask_bureau(id: str) { key id, timeout 1s }"


def found(text: str) -> list[str]:
    return [f"{each.code.id}@{each.place.line}" for each in check_text(text).diagnostics]


def bureau(allow: str, ask: str = STANDS) -> str:
    return BUREAU.format(ask=ask, allow=f"# opord: allow {allow}" if allow else "#")


def fixed(text: str, finding: Diagnostic, fix: Fix) -> str:
    source = Source(finding.place.file, text)
    for edit in sorted(fix.edits, key=lambda each: (each.place.line, each.place.column), reverse=True):
        start = source.offset(edit.place.line, edit.place.column)
        end = source.offset(edit.place.end_line, edit.place.end_column)
        text = text[:start] + edit.text + text[end:]
    return text


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        ("", ["OP807@25"]),
        ("unanswered because the desk pays it back", ["OP813@24", "OP807@25"]),
        ("unanswered charge because the desk pays it back", []),
        ("unanswered  charge  because the desk pays it back", []),
        ("unanswered, charge, because the desk pays it back", []),
        ("unanswered ask_bureau because it is a question", ["OP813@24", "OP807@25"]),
        ("unanswered ask_bureau, charge because the desk pays it back", ["OP813@24"]),
        ("unanswered charge ask_bureau because the desk pays it back", ["OP813@24"]),
        ("unanswered nobody because there is none", ["OP813@24", "OP807@25"]),
        ("unanswered Charge because the case is another", ["OP813@24", "OP807@25"]),
        ("waits charge because it is another rule", ["OP813@24", "OP807@25"]),
        ("unused because it is another rule", ["OP813@24", "OP807@25"]),
    ],
)
def test_an_allow_at_an_end_names_its_actions(allow: str, expected: list[str]) -> None:
    assert found(bureau(allow)) == expected


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        ("", ["OP811@2", "OP807@25"]),
        ("unanswered because a question needs no undoing", ["OP811@2", "OP813@24", "OP807@25"]),
        ("unanswered charge because the desk pays it back", ["OP811@2"]),
        ("unanswered ask_bureau because it is a question", ["OP811@2", "OP813@24", "OP807@25"]),
        ("unanswered charge, ask_bureau because both are done by hand", ["OP811@2", "OP813@24"]),
    ],
)
def test_an_action_that_nothing_undoes_is_not_allowed_at_an_end(allow: str, expected: list[str]) -> None:
    assert found(bureau(allow, ASKED)) == expected


def test_only_its_header_allows_an_action_that_nothing_undoes() -> None:
    above = f'# opord: allow unanswered ask_bureau because a "question" is free\n{ASKED}'
    findings = check_text(bureau("unanswered charge because the desk pays it back", above)).diagnostics
    assert [each.code.id for each in findings] == ["OP813", "OP811"]
    assert findings[0].help == (
        r'write `stands because "a \"question\" is free"` in the header of `ask_bureau`, and remove the comment'
    )


def test_the_header_gets_the_reason_of_the_comment_above_it() -> None:
    above = f'# opord: allow unanswered because a "question" is free\n{ASKED}'
    text = bureau("unanswered charge because the desk pays it back", above)
    finding = next(each for each in check_text(text).diagnostics if each.code.id == "OP811")
    (fix,) = finding.fixes
    assert not fix.safe
    mended = fixed(text, finding, fix)
    assert (
        r'action ask_bureau(id: str) stands because "a \"question\" is free" { key id, timeout 1s }' in mended
    )
    assert found(mended) == ["OP813@2"]


@pytest.mark.parametrize(
    "header",
    [
        "action pay(id: str)",
        "action pay(id: str) -> map[str, int]",
        r'action pay(id: str = "\{") { key id }',
        "action pay(id: str) -> str? fails F {\n  key id\n}",
        "action pay(id: str) fails F|G{key id}  # { a comment",
        "action pay( # {\n  id: str\n) { key id }",
    ],
)
def test_a_reason_is_written_behind_the_header(header: str) -> None:
    text = f"""\
contract C(id: str) key id
failure F {{ No settles }}
failure G {{ Never settles }}
{header}
initial state A -> Y {{ commit pay(id) else -> goto Y
  goto Y }}
final state Y failure
"""
    if "fails" not in header:
        text = text.replace(" else -> goto Y", "")
    finding = next(each for each in check_text(text).diagnostics if each.code.id == "OP811")
    mended = fixed(text, finding, finding.fixes[0])
    (action,) = check_text(mended).model.actions
    assert action.stands == "say why"
    assert "OP811" not in {each.code.id for each in check_text(mended).diagnostics}


def test_the_names_are_added_as_a_safe_fix() -> None:
    text = bureau("unanswered because the desk pays it back")
    finding = next(each for each in check_text(text).diagnostics if each.code.id == "OP813")
    assert finding.help == "write `# opord: allow unanswered charge because the desk pays it back`"
    (fix,) = finding.fixes
    assert fix.safe
    mended = fixed(text, finding, fix)
    assert "# opord: allow unanswered charge because the desk pays it back\n" in mended
    assert found(mended) == []


@pytest.mark.parametrize(
    ("allow", "left"),
    [
        ("unanswered charge, ask_bureau because x", "# opord: allow unanswered charge because x"),
        ("unanswered ask_bureau, charge because x", "# opord: allow unanswered, charge because x"),
        ("unanswered ask_bureau because x", "final state Done success\nfinal state Late failure"),
    ],
)
def test_what_silences_nothing_can_be_removed(allow: str, left: str) -> None:
    text = bureau(allow)
    finding = next(each for each in check_text(text).diagnostics if each.code.id == "OP813")
    (fix,) = finding.fixes
    assert not fix.safe
    mended = fixed(text, finding, fix)
    assert left in mended
    assert not any(each.startswith("OP813") for each in found(mended))


AGAIN = """\
contract Again(id: str, day: str) key id
event go
{above}
action pay(id: str) {{ key id }}
{allow}
initial state A -> B {{ commit pay(id)
  goto B }}
state B -> A | Z {{ on go -> goto Z
  after 1d -> goto A }}
final state Z success
"""


@pytest.mark.parametrize(
    ("above", "allow", "expected"),
    [
        ("", "", ["OP809@6"]),
        ("", "samekey pay because it is paid once", []),
        ("", "samekey because it is paid once", ["OP813@5", "OP809@6"]),
        ("", "samekey go because it is paid once", ["OP813@5", "OP809@6"]),
        ("samekey pay because it is paid once", "", ["OP813@3", "OP809@6"]),
    ],
)
def test_an_allow_of_samekey_names_its_action(above: str, allow: str, expected: list[str]) -> None:
    text = AGAIN.format(
        above=f"# opord: allow {above}" if above else "#", allow=f"# opord: allow {allow}" if allow else "#"
    )
    assert found(text) == expected


def test_only_behind_the_key_a_reason_allows_sharedkey() -> None:
    text = AGAIN.format(
        above="# opord: allow sharedkey because one a day", allow="# opord: allow samekey pay because x"
    )
    text = (
        text.replace("key id }", "key day }")
        .replace("pay(id: str)", "pay(day: str)")
        .replace("pay(id)", "pay(day)")
    )
    findings = check_text(text).diagnostics
    assert [each.code.id for each in findings] == ["OP813", "OP810"]
    assert findings[0].help == (
        'write `shared because "one a day"` behind the key of `pay`, and remove the comment'
    )
    mended = text.replace("key day }", 'key day shared because "one a day" }')
    assert found(mended.replace("# opord: allow sharedkey because one a day", "#")) == []


DOOR = """\
contract Door(name: str) key name
event open_it
{comment}
initial state Shut -> Open {{
  on open_it -> goto Open{timer}
}}
final state Open success
"""


@pytest.mark.parametrize(
    ("comment", "timer", "expected"),
    [
        ("allow waits because doors may stay shut", False, []),
        ("allow waits because doors may stay shut", True, ["OP813@3"]),
        ("allow waits Shut because doors may stay shut", False, ["OP813@3"]),
        ("allow flow because the end is to come", True, ["OP813@3"]),
        ("allow unused because it is for later", True, ["OP813@3"]),
        ("allow unanswered because nothing is done", True, ["OP813@3"]),
        ("allow unsettled because nothing is done", True, ["OP813@3"]),
        ("allow wait because of a slip", True, ["OP118@3"]),
    ],
)
def test_an_allow_that_silences_nothing_is_reported(comment: str, timer: bool, expected: list[str]) -> None:
    text = DOOR.format(comment=f"# opord: {comment}", timer="\n  after 1h -> goto Open" if timer else "")
    assert found(text) == expected


@pytest.mark.parametrize(
    "mistake",
    ["-> Open | Shut {", "-> Open | {", "-> Opn {"],
    ids=["a target too many", "a forgotten name", "an unknown name"],
)
def test_nothing_is_said_of_idle_comments_while_there_are_errors(mistake: str) -> None:
    text = DOOR.format(comment="# opord: allow waits because x", timer="\n  after 1h -> goto Open")
    findings = check_text(text.replace("-> Open {", mistake, 1)).diagnostics
    assert any(each.severity == "error" for each in findings)
    assert "OP813" not in {each.code.id for each in findings}


def test_nothing_is_said_of_idle_comments_in_a_file_of_types() -> None:
    """The contract that uses the file is checked, and not this file alone."""
    assert found("# opord: allow unused because of the next version\nrecord Lock { id: str }\n") == []


def test_two_comments_above_one_declaration() -> None:
    both = "allow waits because doors may stay shut\n# opord: allow unused because x"
    assert found(DOOR.format(comment=f"# opord: {both}", timer="")) == ["OP813@4"]


@pytest.mark.parametrize(
    ("phase", "state", "expected"),
    [
        ("waits because doors stay shut", "", []),
        ("waits because doors stay shut", "waits because it is heavy", []),
        ("", "waits because it is heavy", ["OP802@5"]),
        ("", "", ["OP802@5", "OP802@7"]),
        ("kept because doors stay shut", "waits because it is heavy", ["OP813@3", "OP802@5"]),
    ],
)
def test_a_comment_above_a_phase_is_for_the_states_in_it(phase: str, state: str, expected: list[str]) -> None:
    text = f"""\
contract Door(name: str) key name
event open_it
# {phase and "opord: allow "}{phase}
phase Shutting {{
  initial state Shut -> Half | Open {{ on open_it -> goto Half }}
  # {state and "opord: allow "}{state}
  state Half -> Open {{ on open_it -> goto Open }}
  on cancel(reason) -> goto Open
}}
final state Open success
"""
    assert found(text) == expected
