"""`restarts`: an event that leads back to a state and starts its own `after` again."""

from __future__ import annotations

import pytest

from tests.language.rules.marked import assert_as_marked

CASES = {
    "on one way of two": """
contract C(id: str) key id
event say(n: int)
initial state A(k: int = 0) -> A | E {
  on say(n) {  #! OP804
    if n > 3 { goto E }
    goto A(n) }
  after 1d -> goto E }
final state E success
""",
    "a shared handler": """
contract C(id: str) key id
event say(n: int)
event go
phase P {
  on say(n) -> goto A  #! OP804
  initial state A -> A | B | E {
    on go -> goto B
    after 1d -> goto E }
  state B -> A | E { on go -> goto E
   at run.started_at + 1d -> goto E }
}
final state E success
""",
    "a shared handler that the state replaces": """
contract C(id: str) key id
event say(n: int)
event go
phase P {
  on say(n) -> goto A
  initial state A -> B | E {
    on go -> goto B
    on say(_) ignore
    after 1d -> goto E }
  state B -> A | E { on go -> goto E
   at run.started_at + 1d -> goto E }
}
final state E success
""",
    "two events": """
contract C(id: str) key id
event say(n: int)
event tell
initial state A(k: int = 0) -> A | E {
  on say(n) -> goto A(n)  #! OP804
  on tell -> goto A(k + 1)  #! OP804
  after 1d -> goto E }
final state E success
""",
    "one of two handlers of an event": """
contract C(id: str) key id
event say(n: int)
initial state A(k: int = 0) -> A | E {
  on say(n) if n > 3 -> goto A(n)  #! OP804
  on say(n) if n < 3 -> goto E
  after 1d -> goto E }
final state E success
""",
    "through a state that acts": """
contract C(id: str) key id
failure F { No }
event say(n: int)
effect log(n: int) fails F
initial state A(k: int = 0) -> B | E {
  on say(n) -> goto B(n)  #! OP804
  after 1d -> goto E }
state B(n: int) -> A | E { perform log(n) else { No -> goto E }
  goto A(n) }
final state E success
""",
    "through a state that commits": """
contract C(id: str) key id
failure F { No }
event say(n: int)
action log(n: int) fails F { repeatable }
initial state A(k: int = 0) -> B | E {
  on say(n) -> goto B(n)
  after 1d -> goto E }
state B(n: int) -> A | E { commit log(n) else { No -> goto E }
  goto A(n) }
final state E success
""",
    "through a state that commits on one of two ways": """
contract C(id: str) key id
event say(n: int)
action log(n: int) { repeatable }
effect ask(n: int) -> bool
initial state A(k: int = 0) -> B | E {
  on say(n) -> goto B(n)  #! OP804
  after 1d -> goto E }
state B(n: int) -> A { let yes = perform ask(n)
  if yes { goto A(n) }
  commit log(n)
  goto A(n) }
final state E success
""",
    "a count of tries": """
contract C(id: str) key id
event pin(right: bool)
initial state A(tries: int = 0) -> A | E | F {
  on pin(right) {
    if right { goto E }
    if tries >= 3 { goto F }
    goto A(tries + 1) }
  after 1d -> goto F }
final state E success
final state F failure
""",
    "a count that a guard reads": """
contract C(id: str) key id
event more
initial state A(k: int = 0) -> A | E {
  on more if k < 3 -> goto A(k + 1)
  after 1d -> goto E }
final state E success
""",
    "a count that another state reads, under its own name": """
contract C(id: str) key id
event more
initial state A(k: int = 0) -> B | E {
  on more -> goto B(k)
  after 1d -> goto E }
state B(rounds: int) -> A | E { if rounds > 3 { goto E }
  goto A(rounds + 1) }
final state E success
""",
    "a guard reads another field than the one that changes": """
contract C(id: str) key id
event more
initial state A(k: int = 0, m: int = 0) -> A | E {
  on more if m < 3 -> goto A(k + 1, m)  #! OP804
  after 1d -> goto E }
final state E success
""",
    "a literal with which the guard holds": """
contract C(id: str) key id
event more
initial state A(k: int = 0) -> A | E {
  on more if k < 3 -> goto A(0)  #! OP804
  after 1d -> goto E }
final state E success
""",
    "a literal with which it does not": """
contract C(id: str) key id
event more
initial state A(k: int = 0) -> A | E {
  on more if k < 3 -> goto A(3)
  after 1d -> goto E }
final state E success
""",
    "a handler that commits": """
contract C(id: str) key id
event say(n: int)
action log(n: int) { repeatable }
initial state A(k: int = 0) -> A | E {
  on say(n) { commit log(n)
    goto A(n) }
  after 1d -> goto E }
final state E success
""",
    "neither a phase's timer nor an instant starts again": """
contract C(id: str, end: datetime) key id
event say(n: int)
phase P {
  after 1d -> goto E
  initial state A(k: int = 0) -> A | E {
    on say(n) -> goto A(n)
    at end -> goto E }
}
final state E success
""",
    "an instant beside the timer": """
contract C(id: str, end: datetime) key id
event say(n: int)
initial state A(k: int = 0) -> A | E {
    on say(n) -> goto A(n)  #! OP804
    after 1h -> goto E
    at end -> goto E }
final state E success
""",
    "a duration that the run counts down": """
contract C(id: str) key id
event say(n: int)
initial state A(left: duration = 1d, since: datetime = now) -> A | E {
    on say(n) -> goto A(left - (now - since), now)
    after left -> goto E }
final state E success
""",
    "the built-in event": """
contract C(id: str) key id
initial state A(n: int = 0) -> A | E {
    on cancel(r) -> goto A(n + 1)  #! OP804
    after 1d -> goto E }
final state E success
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_restarts(text: str) -> None:
    assert_as_marked(text, warnings=True, boundary=False)
