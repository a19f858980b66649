"""A `stands because` that nothing asks for is `unused` (OP812); another one is not."""

from __future__ import annotations

import pytest

from opord.language.compile import check_text

STANDS = 'stands because "it may"'

CASES = {
    "a bad end after it": f"""
action pay(id: str) {STANDS} {{ key id }}
initial state A -> Y {{ commit pay(id)
  goto Y }}
final state Y failure
""",
    "a success after it": f"""
action pay(id: str) {STANDS} {{ key id }}  #! OP812 no run ends
initial state A -> Z {{ commit pay(id)
  goto Z }}
final state Z success
""",
    "a bad end only where it certainly failed": f"""
failure F {{ No settles }}
action pay(id: str) fails F {STANDS} {{ key id }}  #! OP812 no run ends
initial state A -> Y | Z {{ match commit pay(id) {{
    ok -> goto Z
    No -> goto Y
}} }}
final state Y failure
final state Z success
""",
    "a bad end only where it is in doubt": f"""
action pay(id: str) {STANDS} {{ in doubt report }}
initial state A -> Y | Z {{ match commit pay(id) {{
    ok -> goto Z
    InDoubt -> goto Y
}} }}
final state Y failure
final state Z success
""",
    "an action that undoes": f"""
action pay(id: str) {{ key id }}
action back(id: str) undoes pay {STANDS} {{ key id }}  #! OP812 undoes `pay`
initial state A -> B {{ commit pay(id)
  goto B }}
state B -> Y {{ commit back(id)
  goto Y }}
final state Y failure
""",
    "an action that another undoes": f"""
action pay(id: str) {STANDS} {{ key id }}  #! OP812 `back` undoes it
action back(id: str) undoes pay {{ key id }}
initial state A -> B {{ commit pay(id)
  goto B }}
state B -> Y {{ commit back(id)
  goto Y }}
final state Y failure
""",
    "a repeatable action": f"""
action pay(id: str) {STANDS} {{ repeatable }}  #! OP812 `repeatable`
initial state A -> Y {{ commit pay(id)
  goto Y }}
final state Y failure
""",
    "an action that is skipped in doubt": f"""
action pay(id: str) {STANDS} {{ in doubt skip }}  #! OP812 skipped
initial state A -> Y {{ commit pay(id)
  goto Y }}
final state Y failure
""",
    "an action that nothing commits": f"""
action pay(id: str) {STANDS} {{ key id }}  #! OP801 not used
initial state A -> Y {{ after 1d -> goto Y }}
final state Y failure
""",
    "an unknown state may be the bad end": f"""
action pay(id: str) {STANDS} {{ key id }}
initial state A -> Z {{ commit pay(id)
  if id == "x" {{ goto Unknown }}  #! OP103 `Unknown`
  goto Z }}
final state Z success
""",
    "an unknown action may undo it": f"""
action pay(id: str) {STANDS} {{ key id }}
initial state A -> B {{ commit pay(id)
  goto B }}
state B -> Y {{ commit back(id)  #! OP104 `back`
  goto Y }}
final state Y failure
""",
    "a state that could not be read may lead to a bad end": f"""
action pay(id: str) {STANDS} {{ key id }}
initial state A -> B {{ commit pay(id)
  goto B }}
state B -> Z | Y {{
  if id === "x" {{ goto Y }}  #! OP036 ===
  goto Z
}}
final state Y failure
final state Z success
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_a_reason_that_nothing_asks_for(text: str) -> None:
    whole = "contract C(id: str) key id" + text
    marked = [
        (number, *line.partition("#! ")[2].split(" ", 1))
        for number, line in enumerate(whole.split("\n"), 1)
        if "#! " in line
    ]
    found = check_text(whole).diagnostics
    assert [(each.place.line, each.code.id) for each in found] == [(line, code) for line, code, _ in marked]
    assert all(words in each.message for each, (_, _, words) in zip(found, marked, strict=True))


def test_removing_the_reason_is_offered_and_never_made() -> None:
    text = "contract C(id: str) key id" + CASES["a success after it"]
    (finding,) = check_text(text).diagnostics
    (fix,) = finding.fixes
    (edit,) = fix.edits
    line = text.split("\n")[edit.place.line - 1]
    assert not fix.safe
    assert line[edit.place.column - 1 : edit.place.end_column - 1] == f" {STANDS}"
    assert edit.text == ""
