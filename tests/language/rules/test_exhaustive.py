"""Exhaustive: something takes everything that can come, and nothing waits for what cannot come."""

from __future__ import annotations

import pytest

from tests.language.rules.marked import assert_as_marked

END = "\nfinal state Z success\n"

BODIES = {
    "a failing call without else": "commit act(id)  #! OP401\n  goto Z",
    "a let of a failing call without else": "let x = perform look(id)  #! OP401\n  goto Z",
    "an else that leaves a failure out": "commit act(id) else { Refused -> goto Z }  #! OP401\n  goto Z",
    "an else for all": "commit act(id) else -> goto Z\n  goto Z",
    "an else with a name for all": "let x = commit act(id) else problem -> goto Z\n  goto Z",
    "TimedOut is a failure of an effect with a time limit": (
        "let x = perform look(id) else { Refused | Busy -> goto Z }  #! OP401\n  goto Z"
    ),
    "else covers TimedOut": "let x = perform look(id) else -> goto Z\n  goto Z",
    "else never covers InDoubt": "commit told(id) else -> goto Z  #! OP401\n  goto Z",
    "InDoubt beside else": "commit told(id) else { InDoubt -> goto Z, else -> goto Z }\n  goto Z",
    "InDoubt below else": "commit told(id) else {\n    else -> goto Z\n    InDoubt -> goto Z\n  }\n  goto Z",
    "ask within reports in the end": "commit asked(id)  #! OP401\n  goto Z",
    "ask within, handled": "commit asked(id) else { InDoubt -> goto Z }\n  goto Z",
    "a match of a call that forgets ok": "match commit act(id) {  #! OP402\n    else -> goto Z\n  }",
    "a match of a call that forgets a failure": (
        "match commit act(id) {  #! OP401\n    ok x -> goto Z\n    Busy -> goto Z\n  }"
    ),
    "a match of a call that cannot fail": "match perform peek(id) { ok there -> goto Z }",
    "a match of a call, complete": "match perform look(id) { ok x -> goto Z, Refused | Busy | TimedOut -> goto Z }",
    "an enum that is left out": "match colour {  #! OP402\n    Red -> goto Z\n  }",
    "an enum with else": "match colour { Red -> goto Z, else -> goto Z }",
    "an optional without none": "let x = perform ask(id)\n  match x {  #! OP402\n    some y -> goto Z\n  }",
    "an optional, complete": "let x = perform ask(id)\n  match x { some y -> goto Z, none -> goto Z }",
    "an optional with else": "let x = perform ask(id)\n  match x { some y -> goto Z, else -> goto Z }",
    "a bool without false": "match n > 1 {  #! OP402\n    true -> goto Z\n  }",
    "a bool, complete": "match n > 1 { true -> goto Z, false -> goto Z }",
    "numbers without else": "match n {  #! OP402\n    1 | 2 -> goto Z\n    3 -> goto Z\n  }",
    "numbers with else": "match n { 1 -> goto Z, else -> goto Z }",
    "texts without else": 'match id {  #! OP402\n    "a" -> goto Z\n  }',
    "a variant twice": "match colour {\n    Red -> goto Z\n    Green -> goto Z\n    Red -> goto Z  #! OP403\n  }",
    "a variant again in an alternative": (
        "match commit act(id) {\n    ok -> goto Z\n    Busy -> goto Z\n    Refused | Busy -> goto Z  #! OP403\n  }"
    ),
    "ok twice": "match commit act(id) {\n    ok -> goto Z\n    ok x -> goto Z  #! OP403\n    else -> goto Z\n  }",
    "an arm after else": "match colour {\n    else -> goto Z\n    Red -> goto Z  #! OP403\n  }",
    "else twice": "match colour {\n    Red -> goto Z\n    else -> goto Z\n    else -> goto Z  #! OP403\n  }",
    "else with nothing left": "match colour {\n    Red | Green -> goto Z\n    else -> goto Z  #! OP403\n  }",
    "else of a complete bool": "match n > 1 {\n    true -> goto Z\n    false -> goto Z\n    else -> goto Z  #! OP403\n  }",
    "else of a call that cannot fail": "commit skipped(id) else -> goto Z  #! OP403\n  goto Z",
    "else of a call whose failures have arms": (
        "match commit act(id) {\n    ok -> goto Z\n    Busy | Refused -> goto Z\n    else -> goto Z  #! OP403\n  }"
    ),
    "a number twice": "match n {\n    1 -> goto Z\n    2 | 1 -> goto Z  #! OP403\n    else -> goto Z\n  }",
    "TimedOut of a call without a time limit": (
        "match commit act(id) {\n    ok -> goto Z\n    TimedOut -> goto Z  #! OP403\n    else -> goto Z\n  }"
    ),
    "InDoubt of an action that asks": (
        "match commit bare(id) {\n    ok -> goto Z\n    InDoubt -> goto Z  #! OP403\n    else -> goto Z\n  }"
    ),
    "InDoubt of an effect": (
        "match perform look(id) {\n    ok -> goto Z\n    InDoubt -> goto Z  #! OP403\n    else -> goto Z\n  }"
    ),
    "a problem taken apart": (
        "commit act(id) else problem -> {\n    match problem {  #! OP402\n      Busy -> goto Z\n    }\n  }\n  goto Z"
    ),
    "a problem with TimedOut taken apart": (
        "let x = perform look(id) else problem -> match problem {\n"
        "    Busy | TimedOut -> goto Z\n    Refused(why) -> goto Z\n  }\n  goto Z"
    ),
    "an unknown variant is reported once": "match colour {\n    Red -> goto Z\n    Purple -> goto Z  #! OP108\n  }",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body(body: str) -> None:
    text = f"initial state A -> Z {{\n  {body}\n}}{END}action asked(id: str) {{ in doubt ask within 1h }}\n"
    assert_as_marked(text)


HANDLERS = {
    "a second handler below an unguarded one": "on go -> goto Z\n  on go -> goto Z  #! OP404",
    "a guarded handler below an unguarded one": "on flag(on) -> goto Z\n  on flag(on) if on -> goto Z  #! OP404",
    "a handler below one that ignores": "on go ignore\n  on go -> goto Z  #! OP404",
    "an unguarded handler below guarded ones": (
        "on flag(on) if on -> goto Z\n  on flag(on) if n > 1 -> goto Z\n  on flag(on) -> goto Z"
    ),
    "handlers of two events": "on go -> goto Z\n  on flag(on) -> goto Z",
}


@pytest.mark.parametrize("handlers", HANDLERS.values(), ids=HANDLERS.keys())
def test_handlers(handlers: str) -> None:
    assert_as_marked(f"initial state A -> Z {{\n  {handlers}\n  after 1h -> goto Z\n}}{END}")


def test_a_phase_may_share_what_a_state_handles_itself() -> None:
    assert_as_marked(
        "phase P {\n  on go -> goto Z\n  initial state A -> Z {\n    on go -> goto Z\n    after 1h -> goto Z\n  }\n}"
        + END
    )
