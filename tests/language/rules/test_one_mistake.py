"""A name that is like no other is one finding, without another finding for each use of it."""

from __future__ import annotations

import pytest

from opord.language import check_text

CASES = {
    "a target in a header": """contract C(id: str, n: int) key id
initial state S -> Elsewhere | Bad {  #! OP103
  if n > 1 { goto Fine }
  if n > 2 { goto Fine }
  goto Bad
}
final state Fine success
final state Bad failure
""",
    "a target in a header that misses another": """contract C(id: str, n: int) key id
initial state S -> Elsewhere {  #! OP103
  if n > 1 { goto Fine }  #! OP305
  goto Bad  #! OP305
}
final state Fine success
final state Bad failure
""",
    "a target in a header beside the one that it is like": """contract C(id: str, n: int) key id
initial state S -> Finee | Fine | Bad {  #! OP103
  if n > 1 { goto Fine }
  goto Bad
}
final state Fine success
final state Bad failure
""",
    "a target in a header that is like one that nothing goes to": """contract C(id: str, n: int) key id
initial state S -> S2 | Fine { goto Fine }  #! OP103
final state Fine success
""",
    "a target in the headers of a phase": """contract C(id: str) key id
event stop
phase P {
  on stop -> goto Elsewhere  #! OP103
  initial state S -> Fine | Bad { after 1d -> goto Fine }
}
final state Fine success
final state Bad failure
""",
    "an arm for a doubt, and the state of it": """contract C(id: str) key id
failure Trouble { No settles }
action pay(id: str) fails Trouble stands because "a person pays it back" { key id, timeout 10s, in doubt report }
initial state S -> Fine | Bad | Unclear {
  match commit pay(id) {  #! OP401
    ok -> goto Fine
    No -> goto Bad
  }
}
final state Fine success
final state Bad failure
final state Unclear failure
""",
    "an arm for a doubt, and all of its state": """contract C(id: str) key id
action pay(id: str) stands because "a person pays it back" { key id, timeout 10s, in doubt report }
initial state S -> Fine {
  match commit pay(id) {  #! OP401
    ok -> goto Fine
  }
}
state Asking -> Fine | Unclear {
  on cancel(reason) -> goto Unclear
  after 1d -> goto Fine
}
final state Fine success
final state Unclear failure
""",
    "the last line of a body": """contract C(id: str, cents: int) key id
initial state S -> Big | Small {
  if cents > 100 { goto Big }  #! OP301
}
final state Big success
final state Small success
""",
    "an arm of a match": """contract C(id: str, kind: Kind) key id
enum Kind { A, B, C }
initial state S -> Fine | Other | Third {
  match kind {  #! OP402
    A -> goto Fine
    B -> goto Other
  }
}
final state Fine success
final state Other success
final state Third success
""",
    "an arm of a shared handler": """contract C(id: str) key id
event stop(why: bool)
phase P {
  on stop(why) {
    match why { true -> goto Bad }  #! OP402
  }
  initial state S -> Fine | Bad | Worse { after 1d -> goto Fine }
}
final state Fine success
final state Bad failure
final state Worse failure
""",
    "an else that is meant for one variant": """contract C(id: str) key id
failure Trouble { No, Busy transient }
effect f(id: str) -> int fails Trouble { timeout 1s }
initial state S -> Fine | Bad | Late {
  let n = perform f(id) else TimedOut -> goto Late  #! OP209
  match perform f(id) {
    ok -> goto Fine(n)
    else No -> goto Bad  #! OP209
  }
}
final state Fine(n: int) success
final state Bad failure
final state Late failure
""",
    "a failure": """contract C(id: str) key id
failure Trouble { No, Busy transient }
effect f(id: str) -> int fails Nothing { retry 2 times }  #! OP101
effect g(id: str) -> int fails Trouble
initial state S -> T | Bad {
  match perform f(id) {
    ok n -> goto T(n)
    No -> goto Bad("no")
    else problem -> goto Bad("{problem}")
  }
}
state T(n: int) -> Fine | Bad {
  let more = perform f(id) else { Busy | No -> goto Bad("busy") }
  let last = perform g(id) else { Busy | No -> goto Bad("busy") }
  goto Fine(n + more + last)
}
final state Fine(n: int) success
final state Bad(why: str) failure
""",
    "what an action undoes": """contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes something { key id }  #! OP512
action give(id: str) undoes pay { key id }
initial state S -> T | U { commit pay(id)
  if id == "x" { goto U }
  goto T }
state T -> Bad { commit back(id)
  goto Bad }
state U -> Bad { commit give(id)
  goto Bad }
final state Bad failure
""",
    "the action that would undo": """contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pay { key id }
initial state S -> T | U { commit pay(id)
  if id == "x" { goto U }
  goto T }
state T -> Bad { commit return_it(id)  #! OP104
  goto Bad }
state U -> Bad { commit back(id)
  goto Bad }
final state Bad failure
""",
    "the type of a variant": """contract C(id: str) key id
enum Shape { Circle(radius: float), Point }
initial state S(a: Shape = Point) -> Fine { goto Fine(a, Figure.Circle(1.0)) }  #! OP102
final state Fine(a: Shape, b: Shape?) success
""",
    "a state that a counting cycle goes to": """contract C(id: str) key id
effect f(id: str) -> bool
initial state Asking(n: int = 0) -> Asking | Fine {
  let there = perform f(id)
  if there or n > 3 { goto Fine }
  goto Askin(n + 1)  #! OP103
}
final state Fine success
""",
    "a field that a cycle counts": """contract C(id: str) key id
effect f(id: str) -> bool
initial state Asking(n: int = 0) -> Asking | Fine {
  let there = perform f(id)
  if there or n > 3 { goto Fine }
  goto Asking(elsewhere + 1)  #! OP102
}
final state Fine success
""",
    "the flag that ends a cycle": """contract C(id: str) key id
effect f(id: str) -> bool
initial state Asking(again: bool = false) -> Asking | Fine {
  let there = perform f(id)
  if there or elsewhere { goto Fine }  #! OP102
  if again { goto Fine }
  goto Asking(true)
}
final state Fine success
""",
    "a name that a used file does not have, and one that is like it": """contract C(id: str, to: Address) key id
use "types.opord" { Adress }  #! OP115
initial state S -> Fine { goto Fine(to.city) }
final state Fine(city: str) success
""",
    "a pure in the default of a record": """contract C(id: str) key id
record R { a: int = make(1) }  #! OP208
pure make(n: int) -> int
initial state S(r: R?) -> Fine { goto Fine(r) }
final state Fine(r: R?) success
""",
    "alternatives that bind": """contract C(id: str, e: En) key id
enum En { A(x: int), B(x: int) }
initial state S -> Fine { match e { A(x) | B(x) -> goto Fine(x) } }  #! OP029
final state Fine(x: int) success
""",
    "a record in a phase": """contract C(id: str) key id
event go(r: R)
phase P {
  record R { a: int }  #! OP027
  initial state S -> Fine { on go(r) -> goto Fine(r)
    after 1d -> goto Fine(none) }
}
final state Fine(r: R?) success
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_one_mistake_is_one_finding(text: str) -> None:
    found = check_text(text, read=lambda _: "record Address { city: str }\n").diagnostics
    marked = [
        f"{word}@{number}"
        for number, line in enumerate(text.split("\n"), 1)
        for word in line.partition("#! ")[2].split()
    ]
    # The declaration that an unknown name was meant to use is unused. That finding is true.
    assert sorted(f"{each.code.id}@{each.place.line}" for each in found if each.rule != "unused") == sorted(
        marked
    )


@pytest.mark.parametrize(
    ("name", "next_move"),
    [
        ("an arm for a doubt, and the state of it", "add the arm `InDoubt -> goto Unclear`"),
        ("the last line of a body", "add an `else` that ends in `goto Small`, or a `goto Small` below"),
    ],
)
def test_the_next_move_names_the_state_that_nothing_goes_to(name: str, next_move: str) -> None:
    [found] = check_text(CASES[name]).diagnostics
    assert found.help == next_move


def test_an_else_with_the_name_of_a_variant_is_not_renamed() -> None:
    found = check_text(CASES["an else that is meant for one variant"]).diagnostics
    assert not any(each.fixes for each in found)
    assert "write the arm `TimedOut -> …`, behind a call in braces: `else { TimedOut -> … }`" in found[0].help


def test_a_fix_goes_to_the_state_that_nothing_goes_to() -> None:
    [found] = check_text(CASES["an arm for a doubt, and the state of it"]).diagnostics
    [fix] = found.fixes
    assert "InDoubt -> goto Unclear" in fix.edits[0].text
