"""Warnings: legal, and seldom meant."""

from __future__ import annotations

import pytest

from opord.language.compile import check_text
from tests.language.rules.marked import assert_as_marked

UNUSED = """contract Case(order: Order, paint: Colour = Colour.Red) key order.id
record Order { id: str, lines: list[Line], later: map[str, Deep]? }
record Line { sku: str }
record Deep { x: int }
record Made { x: int }
record Alone { again: list[Alone] }  #! OP801
enum Colour { Red, Green }
enum Shade { Dark, Light }
enum Forgotten { One }  #! OP801
failure Known { No }
failure Unknown { No }  #! OP801
role boss
role nobody  #! OP801
event go by boss
event never  #! OP801
event kept_and_never keep  #! OP803
pure think(order: Order) -> int
pure dream() -> int  #! OP801
effect look(id: str) -> bool
effect asked(id: str) -> bool
effect idle(id: str) -> bool  #! OP801
action act(id: str) fails Known { in doubt check asked(id) }
action undo(id: str) undoes act  #! OP801
initial state A -> B | Z {
  let made = Made { x: think(order) }
  let there = perform look(order.id)
  if made.x > 1 and there { goto B(Shade.Dark) }
  goto Z
}
state B(shade: Shade) -> Z {
  on go { commit act(order.id) else -> goto Z
    goto Z }
  after 1h -> goto Z
}
final state Z success
"""


def test_unused_declarations() -> None:
    result = check_text(UNUSED)
    marked = [number for number, line in enumerate(UNUSED.split("\n"), 1) if "#! " in line]
    assert [each.place.line for each in result.diagnostics] == marked


def test_an_allow_above_a_declaration_silences_its_warning() -> None:
    silenced = UNUSED.replace(
        "role nobody  #! OP801", "# opord: allow unused because they come in spring\nrole nobody"
    )
    assert not any("nobody" in each.message for each in check_text(silenced).diagnostics)


CASES = {
    "a wait without a time limit": """
initial state A -> Z {  #! OP802
  on go -> goto Z
}
final state Z success
""",
    "a wait with `at`": """
initial state A -> Z {
  on go -> goto Z
  at run.started_at + 3d -> goto Z
}
final state Z success
""",
    "a wait whose phase has a timer": """
phase P {
  after 3d -> goto Z
  initial state A -> Z { on go -> goto Z }
}
final state Z success
""",
    "a wait whose phase has handlers only": """
phase P {
  on cancel(reason) -> goto Z
  initial state A -> Z { on go -> goto Z }  #! OP802
}
final state Z success
""",
    "a kept event that is ignored somewhere is handled": """
initial state A -> Z {
  on kept_one ignore
  after 1h -> goto Z
}
final state Z success
event kept_one keep
""",
    "cancel declared and never handled": """
initial state A -> Z { after 1h -> goto Z }
final state Z success
event cancel(reason: str) by boss  #! OP803
""",
    "an event back to its own state": """
initial state A(said: int = 0) -> A | Z {
  on say(text) -> goto A(said + 1)  #! OP804
  after 1h -> goto Z
}
final state Z success
""",
    "an event back through a state that acts": """
initial state A(said: int = 0) -> B | Z {
  on say(text) -> goto B(said)  #! OP804
  after 1h -> goto Z
}
state B(said: int) -> A {
  goto A(said + 1)
}
final state Z success
""",
    "an event back only through another wait": """
initial state A(said: int = 0) -> B | Z {
  on say(text) -> goto B(said)
  after 1h -> goto Z
}
state B(said: int) -> A {
  after 1h -> goto A(said + 1)
}
final state Z success
""",
    "an event back to a state that waits until an instant": """
initial state A(said: int = 0) -> A | Z {
  on say(text) -> goto A(said + 1)
  at run.started_at + 3d -> goto Z
}
final state Z success
""",
    "an event back to a state whose phase has the timer": """
phase P {
  after 3d -> goto Z
  initial state A(said: int = 0) -> A | Z { on say(text) -> goto A(said + 1) }
}
final state Z success
""",
    "a timer back to its own state": """
initial state A(asked: int = 0) -> A | Z {
  on go -> goto Z
  after 1h -> goto A(asked + 1)
}
final state Z success
""",
    "an ignored event": """
initial state A -> Z {
  on say(text) ignore
  after 1h -> goto Z
}
final state Z success
""",
    "a state that goes to itself as it is": """
initial state A -> A | Z {  #! OP805
  let there = perform peek(id)
  if there { goto Z }
  goto A
}
final state Z success
""",
    "two states that hand on their fields": """
initial state A(x: int = 0) -> B {  #! OP805
  goto B(x)
}
state B(y: int) -> A | Z {
  let there = perform peek(id)
  if there { goto Z }
  goto A(y)
}
final state Z success
""",
    "a cycle that counts": """
initial state A(x: int = 0) -> B { goto B(x + 1) }
state B(x: int) -> A | Z {
  if x > 3 { goto Z }
  goto A(x)
}
final state Z success
""",
    "a cycle that keeps what it learns": """
initial state A(seen: str? = none) -> A | Z {
  if seen == "x" { goto Z }
  let next = perform ask(id)
  goto A(next)
}
final state Z success
""",
    "a cycle with a wait": """
initial state A -> B { goto B }
state B -> A | Z {
  on go -> goto Z
  after 1h -> goto A
}
final state Z success
""",
    "a cycle that only an event closes": """
phase P {
  on go -> goto A
  initial state A -> A | Z { goto Z }
}
final state Z success
""",
    "a failure after what no action undoes": """
initial state A -> B { commit only(id)
  goto B }
state B -> Z | Y { if n > 1 { goto Z }
  goto Y }
final state Z success
final state Y failure
action only(id: str)  #! OP811
""",
    "a cancellation after what no action undoes": """
initial state A -> B { commit only(id)
  goto B }
state B -> Z | Y {
  on cancel(reason) -> goto Y
  after 1h -> goto Z
}
final state Z success
final state Y cancelled
action only(id: str)  #! OP811
""",
    "a declared failure is no effect": """
initial state A -> Z | Y {
  match commit bare(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
""",
    "InDoubt may be an effect": """
initial state A -> Z | Y {
  match commit heard(id) {
    ok -> goto Z
    InDoubt -> goto Y
    else -> goto Z
  }
}
final state Z success
final state Y failure
action heard(id: str) fails Trouble { in doubt report }  #! OP811
""",
    "an effect undone in between": """
initial state A -> B | Y { commit act(id) else -> goto Y
  goto B }
state B -> Y { commit undo(id)
  goto Y }
final state Y failure
""",
    "an effect undone on one way only": """
initial state A -> B | Y { commit act(id) else -> goto Y
  goto B }
state B -> C | Y { if n > 1 { goto C }
  goto Y }
state C -> Y { commit undo(id)
  goto Y }
final state Y failure  #! OP807
""",
    "another action is no answer to what something could undo": """
initial state A -> B | Y { commit act(id) else -> goto Y
  goto B }
state B -> Y { commit other(id)
  goto Y }
final state Y failure  #! OP807
action other(id: str)  #! OP811
""",
    "a later action that undoes another is no answer": """
initial state A -> B { commit only(id)
  goto B }
state B -> Y { commit undo(id)
  goto Y }
final state Y failure
action only(id: str)  #! OP811
""",
    "a later action is no answer, and is asked about itself": """
initial state A -> B { commit only(id)
  goto B }
state B -> Y { commit other(id)
  goto Y }
final state Y failure
action only(id: str)  #! OP811
action other(id: str)  #! OP811
""",
    "a later action that fails is no answer": """
initial state A -> B { commit only(id)
  goto B }
state B -> Z | Y { match commit bare(id) {
    ok -> goto Z
    else -> goto Y
  } }
final state Z success
final state Y failure
action only(id: str)  #! OP811
""",
    "repeatable and skipped actions are no answers, and are not asked about": """
initial state A -> B { commit only(id)
  goto B }
state B -> C { commit nudge(id)
  goto C }
state C -> Y { commit skipped(id)
  goto Y }
final state Y failure
action only(id: str)  #! OP811
""",
    "only repeatable and skipped actions": """
initial state A -> B { commit nudge(id)
  goto B }
state B -> Y { commit skipped(id)
  goto Y }
final state Y failure
""",
    "an action that takes effect before a shared handler interrupts": """
phase P {
  on cancel(reason) -> goto Y
  initial state A -> B | Y { commit only(id)
    goto B }
  state B -> Z | Y { goto Z }
}
final state Z success
final state Y cancelled
action only(id: str)  #! OP811
""",
    "a shared handler cuts in before the commit only": """
phase P {
  on cancel(reason) -> goto Y
  initial state A -> Z | Y { commit only(id)
    goto Z }
}
final state Z success
final state Y cancelled
action only(id: str)
""",
    "a repeat in doubt with final failures that do not settle": """
initial state A -> Z | Y { match commit pay(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
failure Bank { Refused, TokenExpired, Busy transient }
action pay(id: str) fails Bank { key id }  #! OP808
""",
    "a repeat that is said": """
initial state A -> Z | Y { match commit pay(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
failure Bank { Refused }
action pay(id: str) fails Bank { key, in doubt repeat }  #! OP808
""",
    "one failure that settles is enough": """
initial state A -> Z | Y { match commit pay(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
failure Bank { Refused settles, TokenExpired }
action pay(id: str) fails Bank { key id }
""",
    "one of another type is enough": """
initial state A -> Z | Y { match commit pay(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
failure Bank { Refused settles }
failure Token { Expired }
action pay(id: str) fails Bank | Token { key id }
""",
    "transient failures alone": """
initial state A -> Z | Y { match commit pay(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
failure Bank { Busy transient }
action pay(id: str) fails Bank { key id }
""",
    "what is asked about in doubt": """
initial state A -> Z | Y { match commit pay(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
failure Bank { Refused }
action pay(id: str) fails Bank { key id, in doubt ask }
""",
    "what has no key": """
initial state A -> Z | Y { match commit pay(id) {
    ok -> goto Z
    else -> goto Y
  }
}
final state Z success
final state Y failure
failure Bank { Refused }
action pay(id: str) fails Bank
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_a_warning(text: str) -> None:
    assert_as_marked(text, warnings=True)


def test_a_contract_with_an_action_and_no_key() -> None:
    text = "contract Case(id: str)  #! OP806\ninitial state A -> Z { commit a(id)\n  goto Z }\nfinal state Z success\naction a(id: str)\n"
    assert_as_marked(text, warnings=True, boundary=False)
    assert_as_marked(
        text.replace("(id: str)  #! OP806", "(id: str) key id", 1), warnings=True, boundary=False
    )


def test_a_contract_without_actions_needs_no_key() -> None:
    text = "contract Case(id: str)\ninitial state A -> Z { goto Z }\nfinal state Z success\n"
    assert_as_marked(text, warnings=True, boundary=False)
