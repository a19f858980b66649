"""Commitment: what happens once is kept apart from what may be repeated."""

from __future__ import annotations

import pytest

from opord.language.compile import check_text
from tests.language.rules.marked import assert_as_marked

END = "\nfinal state Z success\n"

BODIES = {
    "two commits in a row": "commit skipped(id)\n  commit nudge(id)  #! OP501\n  goto Z",
    "the same action twice": "commit skipped(id)\n  commit skipped(id)  #! OP501\n  goto Z",
    "a commit in each branch": "if n > 1 { commit skipped(id) } else { commit nudge(id) }\n  goto Z",
    "a commit after a branch with one": (
        "if n > 1 { commit skipped(id) }\n  commit nudge(id)  #! OP501\n  goto Z"
    ),
    "a commit after a branch with one that leaves": (
        "if n > 1 {\n    commit skipped(id)\n    goto Z\n  }\n  commit nudge(id)\n  goto Z"
    ),
    "a commit in an arm of a commit": (
        "match commit act(id) {\n    ok -> goto Z\n    else -> {\n      commit nudge(id)  #! OP501\n      goto Z\n    }\n  }"
    ),
    "a commit in the else of a commit": (
        "commit act(id) else -> {\n    commit nudge(id)  #! OP501\n    goto Z\n  }\n  goto Z"
    ),
    "a perform after a commit": "commit skipped(id)\n  let x = perform peek(id)  #! OP502\n  goto Z",
    "a perform before a commit": "let x = perform peek(id)\n  commit skipped(id)\n  goto Z",
    "a pure after a commit": "commit skipped(id)\n  let x = think(n)\n  goto Z",
    "a perform in an arm of a commit": (
        "match commit act(id) {\n    ok -> goto Z\n    else -> {\n      let x = perform peek(id)  #! OP502\n      goto Z\n    }\n  }"
    ),
    "a perform beside a commit": (
        "if n > 1 { commit skipped(id) } else { let x = perform peek(id) }\n  goto Z"
    ),
    "a perform after a branch that commits": (
        "if n > 1 { commit skipped(id) }\n  let x = perform peek(id)  #! OP502\n  goto Z"
    ),
    "perform of an action": "perform skipped(id)  #! OP503\n  goto Z",
    "a match of a performed action": "match perform act(id) {  #! OP503\n    ok -> goto Z\n    else -> goto Z\n  }",
    "commit of an effect": "let x = commit peek(id)  #! OP504\n  goto Z",
    "commit of a pure": "let x = commit think(n)  #! OP504\n  goto Z",
    "perform of a pure": "let x = perform think(n)  #! OP504\n  goto Z",
    "commits of effects do not count": "let x = commit peek(id)  #! OP504\n  commit skipped(id)\n  goto Z",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_step(body: str) -> None:
    assert_as_marked(f"initial state A -> Z {{\n  {body}\n}}{END}")


def test_every_handler_is_a_step_of_its_own() -> None:
    assert_as_marked(
        """
initial state A -> Z {
  on go { commit skipped(id)
    goto Z }
  on flag(on) { commit skipped(id)
    commit nudge(id)  #! OP501
    goto Z }
  after 1h { commit skipped(id)
    goto Z }
}
final state Z success
"""
    )


AGAIN = {
    "a cycle after ok": """
initial state A -> B | Z {
  commit bare(id) else -> goto Z  #! OP505
  goto B
}
state B -> A { after 1h -> goto A }
final state Z success
""",
    "a cycle after declared failures only": """
initial state A -> B | Z {
  match commit bare(id) {
    ok -> goto Z
    Refused | Busy -> goto B
  }
}
state B -> A { after 1h -> goto A }
final state Z success
""",
    "a cycle after else only": """
initial state A -> B | Z {
  match commit bare(id) {
    ok -> goto Z
    else -> goto B
  }
}
state B -> A { after 1h -> goto A }
final state Z success
""",
    "a cycle after InDoubt": """
initial state A -> B | Z {
  match commit told(id) {  #! OP505
    ok -> goto Z
    Refused | Busy -> goto Z
    InDoubt -> goto B
  }
}
state B -> A { after 1h -> goto A }
final state Z success
""",
    "a cycle after what was skipped": """
initial state A -> B {
  commit skipped(id)  #! OP505
  goto B
}
state B -> A | Z {
  on go -> goto Z
  after 1h -> goto A
}
final state Z success
""",
    "a state that commits and comes back at once": """
initial state A(left: int = 3) -> A | Z {
  if left == 0 { goto Z }
  commit skipped(id)  #! OP505
  goto A(left - 1)
}
final state Z success
""",
    "a repeatable action": """
initial state A(left: int = 3) -> A | Z {
  if left == 0 { goto Z }
  commit nudge(id)
  goto A(left - 1)
}
final state Z success
""",
    "an action with a key over an expression": """
initial state A(left: int = 3) -> A | Z {
  if left == 0 { goto Z }
  commit act(id) else -> goto Z
  goto A(left - 1)
}
final state Z success
""",
    "a key without a value is new each time": """
initial state A(left: int = 3) -> A | Z {
  if left == 0 { goto Z }
  commit keyed(id)  #! OP505
  goto A(left - 1)
}
final state Z success
action keyed(id: str) { key }
""",
    "a cycle through a shared handler": """
phase P {
  on go -> goto A
  initial state A -> B | A {
    commit skipped(id)  #! OP505
    goto B
  }
  state B -> A | Z { after 1h -> goto Z }
}
final state Z success
""",
    "a shared handler cuts in before the intent, never between it and the goto": """
phase P {
  on go -> goto A
  initial state A -> A | Z {
    commit skipped(id)
    goto Z
  }
}
final state Z success
""",
    "a shared handler that commits is reported once": """
phase P {
  on go {
    commit skipped(id)  #! OP505
    goto B
  }
  initial state A -> B { after 1h -> goto B }
  state B -> B | Z { after 1h -> goto Z }
}
final state Z success
""",
    "two states of one cycle": """
initial state A -> B {
  commit skipped(id)  #! OP505
  goto B
}
state B -> A | Z {
  commit skipped(id)  #! OP505
  if n > 1 { goto Z }
  goto A
}
final state Z success
""",
    "two states on one way": """
initial state A -> B {
  commit skipped(id)
  goto B
}
state B -> Z {
  commit skipped(id)
  goto Z
}
final state Z success
""",
    "two states that commit other things": """
initial state A -> B {
  commit mailed(id, "start")
  goto B
}
state B -> Z {
  commit mailed(id, "end")
  goto Z
}
final state Z success
action mailed(id: str, text: str) { in doubt ask }
""",
    "a cycle repeats whatever the arguments are": """
initial state A(left: int = 3) -> A | Z {
  if left == 0 { goto Z }
  commit mailed(id, "{left} left")  #! OP505
  goto A(left - 1)
}
final state Z success
action mailed(id: str, text: str) { in doubt ask }
""",
    "two states on ways of their own": """
initial state A -> B | C {
  if n > 1 { goto B }
  goto C
}
state B -> Z {
  commit skipped(id)
  goto Z
}
state C -> Z {
  commit skipped(id)
  goto Z
}
final state Z success
""",
    "a second state only after a declared failure": """
initial state A -> B | Z {
  match commit bare(id) {
    ok -> goto Z
    else -> goto B
  }
}
state B -> Z {
  commit bare(id) else -> goto Z
  goto Z
}
final state Z success
""",
    "a second state after InDoubt": """
initial state A -> B | Z {
  match commit told(id) {
    ok -> goto Z
    InDoubt -> goto B
    else -> goto Z
  }
}
state B -> Z {
  commit told(id) else { InDoubt -> goto Z, else -> goto Z }
  goto Z
}
final state Z success
""",
}


@pytest.mark.parametrize("text", AGAIN.values(), ids=AGAIN.keys())
def test_committed_again(text: str) -> None:
    assert_as_marked(text)


POLICIES = {
    "repeat without key": "action a(id: str) {\n  in doubt repeat  #! OP507\n}",
    "repeat with key": "action a(id: str) {\n  key\n  in doubt repeat\n}",
    "skip with a result": "action a(id: str) -> str {\n  in doubt skip  #! OP508\n}",
    "skip without a result": "action a(id: str) { in doubt skip }",
    "retry with nothing to retry after": "action a(id: str) fails Final {\n  retry 3 times  #! OP509\n  in doubt ask\n}",
    "retry after a transient failure": "action a(id: str) fails Trouble { retry 3 times }",
    "retry with a time limit": "action a(id: str) { retry 3 times, timeout 5s }",
    "retry with a key, repeated by default": "action a(id: str) { retry 3 times, key id }",
    "retry with a key that is not repeated": "action a(id: str) {\n  key id\n  in doubt ask\n  retry 3 times  #! OP509\n}",
    "retry of an effect without a reason": "effect a(id: str) -> str fails Final {\n  retry 3 times  #! OP509\n}",
    "retry of an effect with a time limit": "effect a(id: str) -> str { retry 3 times, timeout 1s }",
    "check by a pure": "action a(id: str) {\n  in doubt check seen(id)  #! OP510\n}\npure seen(id: str) -> bool",
    "check by an action": "action a(id: str) {\n  in doubt check skipped(id)  #! OP510\n}",
    "check by an effect that answers bool": "action a(id: str) { in doubt check peek(id) }",
    "check by an effect that answers an optional": "action a(id: str) { in doubt check ask(id) }",
    "check of a result by an optional of it": "action a(id: str) -> str { in doubt check ask(id) }",
    "check of a result by a bool": "action a(id: str) -> str {\n  in doubt check peek(id)  #! OP511\n}",
    "check of a result by that result": "action a(id: str) -> str {\n  in doubt check look(id)  #! OP511\n}",
    "check of a result by an optional of another": "action a(id: str) -> int {\n  in doubt check ask(id)  #! OP511\n}",
    "check without a result by a plain text": "action a(id: str) {\n  in doubt check look(id)  #! OP511\n}",
    "undoes an effect": "action a(id: str) undoes peek  #! OP512",
    "undoes a pure": "action a(id: str) undoes think  #! OP512",
    "undoes itself": "action a(id: str) undoes a  #! OP512",
    "undoes an unknown name": "action a(id: str) undoes acct  #! OP512",
    "undoes an action": "action a(id: str) undoes act",
}


@pytest.mark.parametrize("declaration", POLICIES.values(), ids=POLICIES.keys())
def test_a_policy(declaration: str) -> None:
    assert_as_marked(f"initial state A -> Z {{ goto Z }}{END}failure Final {{ Never }}\n{declaration}\n")


def test_a_key_for_a_cycle_is_proposed_in_the_names_that_it_can_read() -> None:
    """The parameter `order` hides the input; the run's id tells runs apart as well."""
    text = """record Order { id: str }
contract C(order: Order) key order.id
action pay(order: str, round: int) stands because "it is paid"
initial state A(round: int = 0) -> B { commit pay(order.id, round)
  goto B(round) }
state B(round: int) -> A | Z {
  after 1h -> goto A(round + 1)
  on cancel(reason) -> goto Z
}
final state Z success
"""
    (finding,) = [each for each in check_text(text).diagnostics if each.code.id == "OP505"]
    assert 'as in `key "{run.id}/{round}"`' in finding.help
