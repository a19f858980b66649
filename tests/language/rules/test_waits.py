"""`waits`: a wait that nothing ends if the event never comes."""

from __future__ import annotations

import pytest

from tests.language.rules.marked import assert_as_marked

CASES = {
    "no timer": """
contract C(id: str) key id
event go
initial state A -> B { on go -> goto B }  #! OP802
state B -> D { on go -> goto D  #! OP802
  on cancel(r) -> goto D }
state D -> E { after 1d -> goto E }
final state E success
""",
    "the only timer of the phase has fired": """
contract C(id: str) key id
event go
phase P {
  after 1d -> goto Escalated
  initial state Open -> Escalated | E { on go -> goto E }
  state Escalated -> E | Escalated { on go -> goto E }  #! OP802
}
final state E success
""",
    "an empty state of a phase without a timer": """
contract C(id: str) key id
event go
phase P {
  on go -> goto E
  initial state Open -> E { }  #! OP802
}
final state E success
""",
    "an empty state of a phase with a timer": """
contract C(id: str) key id
event go
phase P {
  on go -> goto E
  after 1d -> goto E
  initial state Open -> E { }
}
final state E success
""",
    "an empty state that only the phase's timer leads to, and no event leaves": """
contract C(id: str) key id
event go
phase P {
  after 1d -> goto Escalated
  initial state Open -> Escalated | E { on go -> goto E }
  state Escalated -> Escalated { }  #! OP307 OP802
}
final state E success
""",
    "one of two timers of the phase has fired": """
contract C(id: str) key id
event go
phase P {
  after 1d -> goto Escalated
  after 3d -> goto E
  initial state Open -> Escalated | E { on go -> goto E }
  state Escalated -> E | Escalated { on go -> goto E }
}
final state E success
""",
    "entered before the timer of the phase as well": """
contract C(id: str) key id
event go
event up
phase P {
  after 1d -> goto Escalated
  initial state Open -> Escalated | E { on go -> goto E
   on up -> goto Escalated }
  state Escalated -> E | Escalated { on go -> goto E }
}
final state E success
""",
    "entered again after the phase was left": """
contract C(id: str) key id
event go
phase P {
  after 1d -> goto Out
  initial state Open -> Out | E { on go -> goto E }
  state Again -> Out | E { on go -> goto E }
}
state Out -> Again { after 1d -> goto Again }
final state E success
""",
    "an instant": """
contract C(id: str, end: datetime) key id
event go
initial state A -> E { on go -> goto E
  at end -> goto E }
final state E success
""",
    "an event that is ignored is no end": """
contract C(id: str) key id
event go
event no
initial state A -> E { on no ignore  #! OP802
   on go -> goto E }
final state E success
""",
    "shared handlers are no timer": """
contract C(id: str) key id
event go
phase P {
  on cancel(r) -> goto E
  initial state A -> E { on go -> goto E }  #! OP802
}
final state E success
""",
    "an instant of the phase": """
contract C(id: str, end: datetime) key id
event go
phase P {
  at end -> goto E
  initial state A -> E { on go -> goto E }
}
final state E success
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_waits(text: str) -> None:
    assert_as_marked(text, warnings=True, boundary=False)
