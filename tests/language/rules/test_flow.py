"""Flow: every path of every step goes somewhere, and every state is on a way from start to end."""

from __future__ import annotations

import pytest

from tests.language.rules.marked import assert_as_marked

CASES = {
    "an if without else": """
initial state A -> Z {
  if n > 1 { goto Z }  #! OP301
}
final state Z success
""",
    "an if whose else leaves, and whose then does not": """
initial state A -> Z {
  if n > 1 {
    let x = 1  #! OP301
  } else { goto Z }
}
final state Z success
""",
    "an if inside an if": """
initial state A -> Z {
  if n > 1 {
    if n > 2 { goto Z }  #! OP301
  } else {
    goto Z
  }
}
final state Z success
""",
    "an else if chain with a last else": """
initial state A -> Z {
  if n > 3 { goto Z } else if n > 2 { goto Z } else { goto Z }
}
final state Z success
""",
    "an else if chain without a last else": """
initial state A -> Z {
  if n > 3 {
    goto Z
  } else if n > 2 {  #! OP301
    goto Z
  }
}
final state Z success
""",
    "a body that ends with a commit": """
initial state A -> Z {
  if n > 1 { goto Z }
  commit skipped(id)  #! OP301
}
final state Z success
""",
    "an arm that goes nowhere": """
initial state A -> Z {
  match ask_colour() {
    Red -> goto Z
    Green(shade) -> { let x = shade }  #! OP301
  }
}
final state Z success
pure ask_colour() -> Colour
""",
    "an empty arm": """
initial state A -> Z {
  match colour {
    Red -> goto Z
    Green -> { }  #! OP301
  }
}
final state Z success
""",
    "arms that go on to a goto below": """
initial state A -> Z {
  match colour {
    Red -> { }
    Green(shade) -> { let x = shade }
  }
  goto Z
}
final state Z success
""",
    "a call without let whose else goes on": """
initial state A -> Z {
  commit bare(id) else { Refused | Busy -> { } }
  goto Z
}
final state Z success
""",
    "a handler's block that ends without goto": """
initial state A -> Z {
  on say(text) { let x = text }  #! OP301
  after 1h -> goto Z
}
final state Z success
""",
    "a timer's block that ends without goto": """
initial state A -> Z {
  on go -> goto Z
  after 1h { if n > 1 { goto Z } }  #! OP301
}
final state Z success
""",
    "a shared handler's block that ends without goto": """
phase P {
  on go { if n > 1 { goto Z } }  #! OP301
  initial state A -> Z { after 1h -> goto Z }
}
final state Z success
""",
    "an else of a let that goes on": """
initial state A -> Z {
  let x = perform look(id) else {
    Refused -> goto Z
    Busy | TimedOut -> { }  #! OP302
  }
  goto Z
}
final state Z success
""",
    "an else of a let that leaves on one path only": """
initial state A -> Z {
  let x = perform look(id) else problem -> {
    if n > 1 { goto Z }  #! OP302
  }
  goto Z
}
final state Z success
""",
    "a statement after goto": """
initial state A -> Z {
  goto Z
  let x = 1  #! OP303
}
final state Z success
""",
    "a goto after goto is reported, and still counts as a way": """
initial state A -> B | Z {
  goto Z
  goto B  #! OP303
}
state B -> Z { goto Z }
final state Z success
""",
    "a statement after an if that leaves both ways": """
initial state A -> Z {
  if n > 1 { goto Z } else { goto Z }
  goto Z  #! OP303
}
final state Z success
""",
    "a statement after a match whose every arm leaves": """
initial state A -> Z {
  match colour {
    Red -> goto Z
    Green -> goto Z
  }
  goto Z  #! OP303
}
final state Z success
""",
    "an incomplete match is reported once": """
initial state A -> Z {
  match colour {  #! OP402
    Red -> goto Z
  }
  goto Z
}
final state Z success
""",
    "a statement after goto in a branch": """
initial state A -> Z {
  if n > 1 {
    goto Z
    commit bare(id)  #! OP303 OP401
  }
  goto Z
}
final state Z success
""",
    "a header that lists too much": """
initial state A
  -> B
  | Y  #! OP304
  | Z {
  if n > 1 { goto B }
  goto Z
}
state B -> Y | Z {
  on go -> goto Y
  after 1h -> goto Z
}
final state Y success
final state Z success
""",
    "a header that lists the state itself": """
initial state A -> A | Z {  #! OP304
  on go -> goto Z
  after 1h -> goto Z
}
final state Z success
""",
    "a header of a waiting state that lists too much": """
initial state A -> Y | Z {  #! OP304
  on go -> goto Z
  after 1h -> goto Z
}
final state Y success
final state Z success
""",
    "a header that misses a state": """
initial state A -> Z {
  if n > 1 {
    goto Y  #! OP305
  }
  goto Z
}
final state Y success
final state Z success
""",
    "a state that the header misses is one finding, at the first goto to it": """
initial state A -> Z {
  after 1d -> goto Y  #! OP305
  on go -> goto Y
  on flag(on) -> goto Y
  after 1h -> goto Z
}
final state Y success
final state Z success
""",
    "a header that lists a wrong state in place of the right one": """
initial state A -> B | Y {
  if n > 1 { goto B }
  goto Z  #! OP305
}
state B -> Y | Z {
  on go -> goto Y
  after 1h -> goto Z
}
final state Y success
final state Z success
""",
    "a header that lists two states too much and misses one": """
initial state A
  -> B
  | Y {  #! OP304
  goto Z  #! OP305
}
state B -> Y | Z {
  on go -> goto Y
  after 1h -> goto Z
}
final state Y success
final state Z success
""",
    "a header in a phase that lists a wrong state in place of a shared target": """
phase P {
  on go -> goto Y  #! OP305
  on flag(on) -> goto Y
  initial state A -> B | Y { after 1h -> goto B }
  state B -> X | Z { after 1h -> goto Z }
}
state X -> Z { goto Z }
final state Y success
final state Z success
""",
    "a shared handler whose target one header misses": """
phase P {
  on go -> goto Y  #! OP305
  initial state A -> B | Y {
    on flag(on) -> goto B
    after 1h -> goto B
  }
  state B -> Z { after 1h -> goto Z }
}
final state Y success
final state Z success
""",
    "a shared handler that a state replaces is not in its header": """
phase P {
  on go -> goto Y
  initial state A -> B | Y { after 1h -> goto B }
  state B -> Z {
    on go -> goto Z
    after 1h -> goto Z
  }
}
final state Y success
final state Z success
""",
    "a shared target in the header of a state that replaces the handler": """
phase P {
  on go -> goto Y
  initial state A -> B | Y { after 1h -> goto B }
  state B -> Y | Z {  #! OP304
    on go -> goto Z
    after 1h -> goto Z
  }
}
final state Y success
final state Z success
""",
    "a shared timer belongs in every header": """
phase P {
  after 1d -> goto Y  #! OP305
  initial state A -> B | Y { on go -> goto B }
  state B -> Z { goto Z }
}
final state Y success
final state Z success
""",
    "a shared handler reaches states from one that acts": """
phase P {
  on cancel(reason) -> goto Y
  initial state A -> Z | Y { goto Z }
}
final state Y cancelled
final state Z success
""",
    "a state that nothing reaches": """
initial state A -> Z { goto Z }
state B -> Z {  #! OP306
  goto Z
}
final state Z success
""",
    "a final state that nothing reaches": """
initial state A -> Z { goto Z }
final state Y failure  #! OP306
final state Z success
""",
    "states that reach only each other": """
initial state A -> Z { goto Z }
state B -> C { goto C }  #! OP306
state C -> B | Z {  #! OP306
  if n > 1 { goto B }
  goto Z
}
final state Z success
""",
    "a state that goes only to itself": """
initial state A -> B | Z {
  on go -> goto B
  after 1h -> goto Z
}
state B(x: int = 0) -> B {  #! OP307
  on go -> goto B(x + 1)
  after 1h -> goto B(x)
}
final state Z success
""",
    "a state that only ignores": """
initial state A -> B | Z {
  on go -> goto B
  after 1h -> goto Z
}
state B {  #! OP307
  on go ignore
}
final state Z success
""",
    "no final state": """
contract Case(id: str, n: int, colour: Colour) key id
initial state A -> B {  #! OP307
  after 1h -> goto B
}
state B -> A { after 1h -> goto A }
""",
    "no initial state": """
contract Case(id: str, n: int, colour: Colour) key id  #! OP308
state A -> Z { goto Z }
final state Z success
""",
    "three initial states": """
initial state A -> Z { goto Z }
initial state B -> Z { goto Z }  #! OP309
initial state C -> Z { goto Z }  #! OP309
final state Z success
""",
    "a goto back to the initial state": """
initial state A(tries: int = 0) -> B | Z {
  if tries > 3 { goto Z }
  goto B(tries)
}
state B(tries: int) -> A { after 1h -> goto A(tries + 1) }
final state Z success
""",
    "statements, then a handler": """
initial state A -> Z {
  let x = 1
  on go -> goto Z  #! OP310
}
final state Z success
""",
    "a timer, then statements": """
initial state A -> Z {
  after 1h -> goto Z
  goto Z  #! OP310
}
final state Z success
""",
    "a shared handler does not make an acting state wait": """
phase P {
  on go -> goto Z
  initial state A -> Z { goto Z }
}
final state Z success
""",
    "an empty body": """
initial state A -> B { goto B }
state B -> Z {  #! OP311
}
final state Z success
""",
    "an empty body in a phase with handlers waits for those": """
phase P {
  on go -> goto Z
  initial state A -> Z { }
}
final state Z success
""",
    "an empty body in a phase with a timer waits for it": """
phase P {
  after 1h -> goto Z
  initial state A -> Z { }
}
final state Z success
""",
    "an empty body in a phase without handlers": """
phase P {
  initial state A -> Z { }  #! OP311
}
final state Z success
""",
    "an empty body in a phase whose handler could not be read": """
phase P {
  on go => goto Z  #! OP036
  initial state A -> Z { }
}
final state Z success
""",
    "the header of an empty state lists too much": """
phase P {
  on go -> goto Z
  initial state A -> Z | B { }  #! OP304
}
state B -> Z { goto Z }
final state Z success
""",
    "the header of an empty state misses a target": """
phase P {
  on go -> goto B  #! OP305
  on say(text) -> goto Z
  initial state A -> Z { }
  state B -> Z | B { on go -> goto Z
    after 1h -> goto B }
}
final state Z success
""",
    "no way out of an empty state": """
phase P {
  on go ignore
  initial state A -> Z { on go -> goto Z
    after 1h -> goto B }  #! OP305
  state B -> Z { }  #! OP304 OP307
}
final state Z success
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_flow(text: str) -> None:
    assert_as_marked(text)
