"""The second opinion itself, on contracts so small that the truth is known.

In each contract, a line `ensure … # holds` or `ensure … # S0 S1` states a promise. It says whether
the promise holds, or gives the states of a shortest run that breaks it.
"""

from __future__ import annotations

import pytest

from opord.language import check_text
from opord.loading.load import load_sources
from tests.language.ensure_oracle import decide, explore, promises_of, without_promises

HEAD = """\
contract Small(name: str) key name
failure Trouble { Refused, Busy transient }
pure coin() -> bool
effect find() fails Trouble { timeout 2s }
effect look() -> bool
action pay() fails Trouble { key name, retry 2 times }
action often() fails Trouble { retry 2 times, in doubt skip }
action give() { key name }
action report() { key name, in doubt report }
action skipped() { key name, in doubt skip }
action checked() { key name, in doubt check look() }
action asked() { key name, in doubt ask within 1d }
action book() fails Trouble in transaction { retry 2 times }
event told(yes: bool) keep
"""
FINALS = {"Good": "final state Good success", "Bad": "final state Bad failure"}

CASES = {
    "only a call with a result has taken effect": """
initial state S -> Good | Bad {
  perform find() else { Refused | Busy -> goto Bad, TimedOut -> goto Bad }
  goto Good
}
ensure Good only after find # holds
ensure Bad only after find # S Bad
ensure never Bad after find # holds
ensure after find eventually Good # holds
ensure after S eventually Good # S Bad
ensure after S eventually Good or Bad # holds
ensure every run ends # holds
ensure every run ends within 36500d # holds
""",
    "a call that takes too long did not take effect": """
initial state S -> Good | Bad {
  perform find() else { Refused | Busy -> goto Good, TimedOut -> goto Bad }
  goto Good
}
ensure never Bad after find # holds
ensure after S eventually Good # S Bad
ensure Bad only after find # S Bad
""",
    "a reported doubt may have been, and is no proof": """
initial state S -> Good | Bad {
  match commit report() { ok -> goto Good, InDoubt -> goto Bad }
}
ensure Good only after report # holds
ensure Bad only after report # S Bad
ensure never Bad after report # S Bad
ensure after report eventually Good # S Bad
ensure after S eventually report # S Bad
ensure report at most once # holds
ensure report only after S # holds
ensure S only after report # S
""",
    "a skipped doubt may have been, and is no proof": """
initial state S -> Good {
  commit skipped()
  goto Good
}
ensure Good only after skipped # S Good
ensure never Good after skipped # S Good
ensure after S eventually skipped # S Good
ensure after skipped eventually Good # holds
""",
    "a doubt that is checked or asked about ends in yes or no": """
initial state S -> T | Bad {
  match commit asked() { ok -> goto T, InDoubt -> goto Bad }
}
state T -> Good {
  commit checked()
  goto Good
}
ensure T only after asked # holds
ensure never Bad after asked # S Bad
ensure Good only after checked # holds
ensure never look after S # holds
""",
    "a second commit counts, whatever became of it": """
initial state S -> T | Bad {
  match commit pay() { ok -> goto T, Refused | Busy -> goto Bad }
}
state T -> Good {
  match commit pay() { ok -> goto Good, Refused | Busy -> goto Good }
}
ensure pay at most once # S T
ensure give at most once # holds
ensure Good only after pay # holds
ensure never pay after T # S T
""",
    "a declared failure lets an action be committed again": """
initial state S -> S | Good {
  match commit pay() { ok -> goto Good, Refused | Busy -> goto S }
}
ensure pay at most once # holds
ensure every run ends # S!
""",
    "what failed in transaction did not happen": """
initial state S -> Good | Bad {
  match commit book() { ok -> goto Good, Refused | Busy -> goto Bad }
}
ensure Good only after book # holds
ensure never Bad after book # holds
ensure after book eventually Good # holds
ensure book at most once # holds
ensure every run ends # holds
""",
    "an action in transaction that is committed again happens again": """
initial state S -> T | S {
  match commit book() { ok -> goto T, Refused | Busy -> goto S }
}
state T -> Good | Bad {
  match commit book() { ok -> goto Good, Refused | Busy -> goto Bad }
}
ensure book at most once # S T
ensure Bad only after book # holds
""",
    "a phase takes a run between the attempts of an action in transaction": """
phase P {
  on told(yes) -> goto Bad
  initial state S -> Good | Bad {
    match commit book() { ok -> goto Good, Refused | Busy -> goto Good }
  }
}
ensure never Bad after book # holds
ensure after S eventually Good # S Bad
""",
    "a doubt does not": """
initial state S -> S | Good {
  match commit report() { ok -> goto Good, InDoubt -> goto S }
}
ensure report at most once # S S
ensure after S eventually report # holds
""",
    "two actions are one thing": """
initial state S -> T {
  commit give()
  goto T
}
state T -> Good {
  commit report() else { InDoubt -> goto Good }
  goto Good
}
ensure give at most once # holds
ensure give or report at most once # S T
ensure never report after give # S T
ensure never give after report # holds
""",
    "a phase's handler takes an acting state before its step": """
phase P {
  on cancel(reason) -> goto Bad
  initial state S -> Good | Bad {
    commit give()
    goto Good
  }
}
ensure Good only after give # holds
ensure Bad only after give # S Bad
ensure never Bad after give # holds
ensure after S eventually give # S Bad
""",
    "it takes it between two calls, whose answers are dropped though they were given": """
phase P {
  on cancel(reason) -> goto Bad
  initial state S -> Good | Bad {
    let seen = perform look()
    if seen { goto Good }
    goto Good
  }
}
ensure never Bad after look # S Bad
ensure after look eventually Good # S Bad
ensure Bad only after look # S Bad
""",
    "it takes it between two attempts, of which none took effect": """
phase P {
  on cancel(reason) -> goto T
  initial state S -> Good | T {
    match commit often() { ok -> goto Good, Refused | Busy -> goto Good }
  }
}
state T -> Good {
  commit give()
  goto Good
}
ensure never T after often # holds
ensure often or give at most once # holds
""",
    "the step of a handler is cut short like another": """
phase P {
  on cancel(reason) {
    let seen = perform look()
    if seen { goto Bad }
    goto Bad
  }
  initial state S -> Good | Bad {
    on told -> goto Good
    after 1h -> goto Good
  }
}
ensure never look after look # S
ensure every run ends # holds
ensure Bad only after look # holds
""",
    "an own handler replaces the shared one": """
phase P {
  on told -> goto Bad
  initial state S -> T {
    on told -> goto T
  }
  state T -> Good | Bad {
    after 1h -> goto Good
  }
}
ensure Bad only after T # holds
ensure every run ends # S
""",
    "an event that is ignored changes nothing": """
phase P {
  on told ignore
  initial state S -> Good {
    on cancel(reason) {
      let seen = perform look()
      if seen { goto Good }
      goto Good
    }
    after 1h -> goto Good
  }
}
ensure never look after look # holds
ensure every run ends within 36500d # holds
""",
    "a run stays where a timer that has fired was the only way out": """
phase P {
  after 1h {
    commit give()
    if coin() { goto Good }
    goto S
  }
  initial state S -> S | Good {
    on told -> goto S
  }
}
ensure after give eventually Good # S S
ensure after give eventually S # S Good
ensure after give eventually S or Good # holds
ensure every run ends # S S
""",
    "a guard goes both ways": """
initial state S -> Good | Bad {
  on told(yes) if yes -> goto Good
  on told -> goto Bad
  after 1h -> goto Bad
}
ensure after S eventually Good # S Bad
ensure after S eventually Bad # S Good
ensure after S eventually Good or Bad # holds
ensure every run ends within 1s # S!
ensure every run ends within 36500d # holds
""",
    "a phase's timer that has fired is no timer": """
phase P {
  after 1h -> goto T
  initial state S -> Good | T {
    on told -> goto Good
  }
  state T -> Good | T {
    on told -> goto Good
  }
}
ensure every run ends # S T
ensure after T eventually Good # holds
""",
    "a phase's timer starts again on coming back": """
initial state S -> T {
  goto T
}
phase P {
  after 1h -> goto S
  state T -> Good | S {
    on told -> goto Good
  }
}
ensure no wait is endless # holds
ensure every run ends # S
ensure every run ends within 36500d # S T S!
ensure after S eventually Good # holds
""",
    "a cycle with a way out is left": """
initial state S(n: int = 0) -> S | T {
  if coin() { goto S(n + 1) }
  goto T
}
state T -> Good {
  commit give()
  goto Good
}
ensure after S eventually give # holds
ensure after S eventually give or Good # holds
ensure no wait is endless # holds
ensure every run ends # S
ensure every run ends within 36500d # S S!
""",
    "a cycle that needs an event counts as left, but takes any time": """
initial state S(n: int = 0) -> S | Good {
  on told -> goto S(n + 1)
  after 1h -> goto Good
}
ensure every run ends # holds
ensure every run ends within 36500d # S S!
""",
    "a phase's timer ends the cycles inside it": """
phase P {
  after 10d -> goto Good
  initial state S(n: int = 0) -> T | Good {
    after 1h -> goto T(n + 1)
  }
  state T(n: int) -> S | Good {
    on told -> goto S(n)
    after 1h -> goto S(n)
  }
}
ensure every run ends # holds
ensure every run ends within 36500d # holds
""",
    "after it has fired it ends none": """
phase P {
  after 10d -> goto S(0)
  initial state S(n: int = 0) -> S | Good {
    on told -> goto Good
    after 1h -> goto S(n + 1)
  }
}
ensure no wait is endless # holds
ensure every run ends # S S
""",
    "an event can break off its step each time": """
phase P {
  on told -> goto S(n)
  after 10d {
    let seen = perform look()
    goto Good
  }
  initial state S(n: int = 0) -> S | Good {
    after 1h -> goto S(n + 1)
  }
}
ensure every run ends # holds
ensure every run ends within 36500d # S S!
""",
    "what comes at once counts, what came before does not": """
initial state S -> T {
  commit give()
  goto T
}
state T -> Good {
  goto Good
}
ensure after T eventually T # holds
ensure after T eventually give # S T Good
ensure after give eventually give # holds
ensure never T after T # holds
ensure T only after T # S T
""",
}


def whole(body: str) -> str:
    """Return the contract of a case, with the final states that it goes to."""
    finals = [text for name, text in FINALS.items() if f"goto {name}" in body]
    return "\n".join(line.split(" #")[0] for line in (HEAD + body).splitlines() + finals) + "\n"


@pytest.mark.parametrize("body", CASES.values(), ids=list(CASES))
def test_known_verdicts_are_found(body: str) -> None:
    text = whole(body)
    expected = [line.split(" # ")[1] for line in body.splitlines() if line.startswith("ensure ")]
    wrong = [error for error in check_text(text).errors if error.rule != "ensure"]
    assert not wrong, f"the case itself: {[error.message for error in wrong]}"
    runs = explore(load_sources([("small.opord", without_promises(text))]))
    spins = any(finding.rule == "spins" for finding in check_text(text).diagnostics)
    promises = promises_of(text)
    assert promises
    said = []
    for promise, known in zip(promises, expected, strict=True):
        verdict = decide(promise, runs, spins=spins)
        # A cycle has no last state. Only the verdict is known about a run that goes round in it.
        states = "holds" if verdict.holds else known if known.endswith("!") else " ".join(verdict.states)
        said.append(f"{promise.text} # {states}")
    assert said == [f"{promise.text} # {known}" for promise, known in zip(promises, expected, strict=True)]


def test_nothing_comes_between_an_intent_and_its_goto() -> None:
    """The exploration asks the kernel at each such moment, and raises if a move is allowed."""
    body = CASES["it takes it between two attempts, of which none took effect"]
    text = without_promises(whole(body))
    told = {way.told for ways in explore(load_sources([("small.opord", text)])).ways.values() for way in ways}
    paid = [each for each in told if any("commit often ok" in step for step in each)]
    assert paid
    assert all(each[-1] == "-> Good" for each in paid)
    between = [each for each in told if any("between attempts" in step for step in each)]
    assert between
    assert all(each[-1] == "-> T" for each in between)
