"""`unanswered`: a bad end after an action that may have taken effect, with no undoing in between.

OP807 is found at the end, where some action undoes it, and OP811 at the action, where none does.
"""

from __future__ import annotations

import pytest

from tests.language.rules.marked import assert_as_marked

CASES = {
    "an undoing that is in doubt": """
contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pay { in doubt report }
initial state A -> B { commit pay(id)
 goto B }
state B -> Done | Stuck { match commit back(id) { ok -> goto Done
  InDoubt -> goto Stuck } }
final state Done failure
final state Stuck failure  #! OP807
""",
    "an undoing that fails": """
contract C(id: str) key id
failure F { No settles }
action pay(id: str) { key id }
action back(id: str) undoes pay fails F { key id }
initial state A -> B { commit pay(id)
 goto B }
state B -> Done | Stuck { match commit back(id) { ok -> goto Done
  No -> goto Stuck } }
final state Done failure
final state Stuck failure  #! OP807
""",
    "an undoing that is skipped in doubt": """
contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pay { in doubt skip }
initial state A -> B { commit pay(id)
 goto B }
state B -> Done { commit back(id)
 goto Done }
final state Done failure  #! OP807
""",
    "an undoing that is repeatable": """
contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pay { repeatable }
initial state A -> B { commit pay(id)
 goto B }
state B -> Done { commit back(id)
 goto Done }
final state Done failure
""",
    "a commit in a handler": """
contract C(id: str) key id
event go
action pay(id: str) { key id }  #! OP811
initial state A -> B | Z { on go { commit pay(id)
   goto B }
  after 1d -> goto Z }
state B -> Z | Y { on go -> goto Z
  after 1d -> goto Y }
final state Z success
final state Y failure
""",
    "a commit in a timer that ends the run": """
contract C(id: str) key id
event go
action pay(id: str) { key id }  #! OP811
initial state A -> Y | Z { on go -> goto Z
  after 1d { commit pay(id)
   goto Y } }
final state Z success
final state Y failure
""",
    "the same action again": """
contract C(id: str) key id
action pay(id: str, n: int) { key "{id}{n}" }  #! OP811
initial state A -> B { commit pay(id, 1)
 goto B }
state B -> Y { commit pay(id, 2)
 goto Y }
final state Y failure
""",
    "two actions, each once": """
contract C(id: str) key id
action a1(id: str) { key id }  #! OP811
action a2(id: str) { key id }  #! OP811
initial state A -> B { commit a1(id)
 goto B }
state B -> Y { commit a2(id)
 goto Y }
final state Y failure
""",
    "undone on both ways, by two actions": """
contract C(id: str) key id
action a1(id: str) { key id }
action u1(id: str) undoes a1 { key id }
action u1b(id: str) undoes a1 { key id }
initial state A -> B | D { commit a1(id)
 if id == "x" { goto D }
 goto B }
state B -> Y { commit u1(id)
 goto Y }
state D -> Y { commit u1b(id)
 goto Y }
final state Y failure
""",
    "a success": """
contract C(id: str) key id
action a1(id: str) { key id }
initial state A -> Y { commit a1(id)
 goto Y }
final state Y success
""",
    "a shared handler takes an acting state before its commit": """
contract C(id: str) key id
action a1(id: str) { key id }  #! OP811
action a2(id: str) { repeatable }
phase P {
  on cancel(r) -> goto Y
  initial state A -> B | Y { commit a1(id)
   goto B }
  state B -> Z | Y { commit a2(id)
   goto Z }
}
final state Z success
final state Y cancelled
""",
    "a shared handler takes the only acting state": """
contract C(id: str) key id
action a1(id: str) { key id }
phase P {
  on cancel(r) -> goto Y
  initial state A -> Z | Y { commit a1(id)
   goto Z }
}
final state Z success
final state Y cancelled
""",
    "a shared handler undoes": """
contract C(id: str) key id
event drop
action a1(id: str) { key id }
action u1(id: str) undoes a1 { key id }
initial state A -> B { commit a1(id)
   goto B }
phase P {
  on drop { commit u1(id)
    goto Y }
  state B -> Z | Y { after 1d -> goto Z }
}
final state Z success
final state Y cancelled
""",
    "undone, done again, and undone": """
contract C(id: str) key id
event redo
action a1(id: str, n: int) { key "{id}/{n}" }
action u1(id: str, n: int) undoes a1 { key "{id}/{n}" }
initial state A(n: int = 0) -> B { commit a1(id, n)
   goto B(n) }
state B(n: int) -> D { commit u1(id, n)
   goto D(n) }
state D(n: int) -> A | Y { on redo -> goto A(n + 1)
  after 1d -> goto Y }
final state Y failure
""",
    "nobody answered in time": """
contract C(id: str) key id
failure F { No settles }
action pay(id: str) fails F { in doubt ask within 1d }  #! OP811
initial state A -> Z | Y | X { match commit pay(id) { ok -> goto Z
  No -> goto X
  InDoubt -> goto Y } }
final state Z success
final state Y failure
final state X failure
""",
    "a doubt that the run goes on with": """
contract C(id: str) key id
failure F { No settles }
action pay(id: str) fails F { in doubt report }  #! OP811
initial state A -> B { commit pay(id) else { No -> goto B
  InDoubt -> goto B }
  goto B }
state B -> Y { after 1d -> goto Y }
final state Y failure
""",
    "an action that stands": """
contract C(id: str) key id
action pay(id: str) stands because "the desk pays it back" { key id }
initial state A -> Y { commit pay(id)
 goto Y }
final state Y failure
""",
    "one that stands and one that does not": """
contract C(id: str) key id
action pay(id: str) stands because "the desk pays it back" { key id }
action book(id: str) { key id }  #! OP811
initial state A -> B { commit pay(id)
 goto B }
state B -> Y { commit book(id)
 goto Y }
final state Y failure
""",
    "an action that is undone stands at no end": """
contract C(id: str) key id
action pay(id: str) stands because "the desk pays it back" { key id }
action back(id: str) undoes pay { key id }
initial state A -> B | Y { commit pay(id)
 if id == "x" { goto B }
 goto Y }
state B -> X { commit back(id)
 goto X }
final state X failure
final state Y failure  #! OP807
""",
    "three bad ends, and one finding at the action": """
contract C(id: str) key id
action pay(id: str) { key id }  #! OP811
initial state A -> W | X | Y | Z { commit pay(id)
 if id == "w" { goto W }
 if id == "x" { goto X }
 if id == "y" { goto Y }
 goto Z }
final state W success
final state X failure
final state Y cancelled
final state Z failure
""",
    "three bad ends, and a finding at each": """
contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pay { key id }
initial state A -> B | X | Y | Z { commit pay(id)
 if id == "w" { goto B }
 if id == "x" { goto X }
 if id == "y" { goto Y }
 goto Z }
state B -> W { commit back(id)
 goto W }
final state W failure
final state X failure  #! OP807
final state Y cancelled  #! OP807
final state Z failure  #! OP807
""",
    "an undoing before the action": """
contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pay { key id }
initial state A -> B { commit back(id)
 goto B }
state B -> Y { commit pay(id)
 goto Y }
final state Y failure  #! OP807
""",
    "an undoing of another action": """
contract C(id: str) key id
action pay(id: str) { key id }  #! OP811
action book(id: str) { key id }
action back(id: str) undoes book { key id }
initial state A -> B { commit pay(id)
 goto B }
state B -> Y { commit back(id)
 goto Y }
final state Y failure
""",
    "an undoing of an unknown action may have been meant": """
contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pya { key id }  #! OP512
initial state A -> B { commit pay(id)
 goto B }
state B -> Y | Z { if id == "x" { goto Y }
 goto Z }
final state Y failure
final state Z success
""",
    "a commit of an unknown action may have been meant": """
contract C(id: str) key id
action pay(id: str) { key id }
action back(id: str) undoes pay { key id }
initial state A -> B { commit pay(id)
 goto B }
state B -> Y { commit bakc(id)  #! OP104
 goto Y }
final state Y failure
""",
    "an end that is never reached after it": """
contract C(id: str) key id
action pay(id: str) { key id }
initial state A -> B | Y { if id == "x" { goto Y }
 goto B }
state B -> Z { commit pay(id)
 goto Z }
final state Y failure
final state Z success
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_unanswered(text: str) -> None:
    assert_as_marked(text, warnings=True, boundary=False)
