"""The sheet says all that a contract declares of its effects and actions."""

from __future__ import annotations

import dataclasses

import pytest

from opord.contract import Action, Effect
from opord.kernel.effect_attempts import SURPRISES_MOST
from opord.language import check_text
from opord.language.sheet import explain_sheet, render_text

WITHOUT = {
    Effect: "effect look(id: str) {}",
    Action: "action pay(id: str) {}",
}
"""A call with nothing but its name and a parameter. The braces are where a policy stands."""

WITH = {
    (Effect, "name"): "effect find(id: str) {}",
    (Effect, "params"): "effect look(other: str) {}",
    (Effect, "result"): "effect look(id: str) -> str {}",
    (Effect, "fails"): "effect look(id: str) fails Problem {}",
    (Effect, "retry"): "effect look(id: str) fails Problem { retry 3 times }",
    (Effect, "timeout"): "effect look(id: str) { timeout 3s }",
    (Action, "name"): "action send(id: str) {}",
    (Action, "params"): "action pay(other: str) {}",
    (Action, "result"): "action pay(id: str) -> str {}",
    (Action, "fails"): "action pay(id: str) fails Problem {}",
    (Action, "undoes"): "action pay(id: str) undoes other {}",
    (Action, "stands"): 'action pay(id: str) stands because "it is small" {}',
    (Action, "retry"): "action pay(id: str) fails Problem { retry 3 times }",
    (Action, "timeout"): "action pay(id: str) { timeout 3s }",
    (Action, "key"): "action pay(id: str) { key id }",
    (Action, "repeatable"): "action pay(id: str) { repeatable }",
    (Action, "doubt"): "action pay(id: str) { in doubt skip }",
    (Action, "transaction"): "action pay(id: str) in transaction {}",
}
"""The same call with one member that it had not, by the member."""

BASE = {
    (Effect, "retry"): WITH[Effect, "fails"],
    (Action, "retry"): WITH[Action, "fails"],
}
"""What a member is added to, where it needs another one."""


def sheet_text(declaration: str) -> str:
    """Return the sheet of a contract that makes one declared call."""
    declaration = declaration.replace(" {}", "")
    verb = "perform" if declaration.startswith("effect") else "commit"
    name = declaration.split()[1].partition("(")[0]
    checked = check_text(f"""\
contract Shop(id: str) key id
failure Problem {{ Refused, Busy transient }}
action other(id: str)
{declaration}
initial state First -> Done {{ {verb} {name}(id) else goto Done
  goto Done }}
final state Done success
""")
    return render_text(explain_sheet(checked.model))


@pytest.mark.parametrize("kind", [Effect, Action])
def test_every_member_has_an_example_here(kind: type[Effect | Action]) -> None:
    members = {member.name for member in dataclasses.fields(kind) if member.compare}
    assert {name for of, name in WITH if of is kind} == members


@pytest.mark.parametrize(("kind", "member"), WITH)
def test_the_sheet_says_a_member_of_a_call(kind: type[Effect | Action], member: str) -> None:
    before = BASE.get((kind, member), WITHOUT[kind])
    assert sheet_text(WITH[kind, member]) != sheet_text(before)


@pytest.mark.parametrize(
    ("head", "policy", "told"),
    [
        ("key id", "", None),
        ("key id", "{ key }", "each commit of each run"),
        ("key id", "{ key to }", "each run; in a run, commits whose to differs"),
        ("key id", '{ key "{to}-1" }', 'each run; in a run, commits whose "{to}-1" differs'),
        (
            'key "{id}{part}"',
            '{ key to shared because "one order is paid once" }',
            "commits whose to differs; not two runs that differ in part alone",
        ),
        ("", "{ key to }", "commits whose to differs, in one run or in two"),
        ("key id", "in transaction { key to }", "in a run, commits whose to differs"),
    ],
)
def test_the_sheet_says_what_a_key_tells_apart(head: str, policy: str, told: str | None) -> None:
    checked = check_text(f"""\
contract Shop(id: str, part: str) {head}
action pay(to: str) {policy}
initial state First -> Done {{ commit pay(id)
  goto Done }}
final state Done success
""")
    assert checked.contract is not None
    sheet = explain_sheet(checked.contract)
    assert sheet.actions[0].key_tells_apart == told
    assert (f"tells apart      {told}" in render_text(sheet)) == (told is not None)


@pytest.mark.parametrize("declaration", ["effect look(id: str)", "action pay(id: str) in transaction"])
def test_the_sheet_gives_the_number_of_attempts_after_an_undeclared_error(declaration: str) -> None:
    text = " ".join(sheet_text(declaration).split())
    assert f"one attempt; {SURPRISES_MOST} more if its handler raises something undeclared" in text
    assert f"the worker tries {SURPRISES_MOST} more times, then the run stalls" in text
