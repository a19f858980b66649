"""`samekey`: commits that come again under a used key, and those that only seem to.

A case is the states of a contract and the action `pay`. A mark says that `pay` comes again in this
state, by which way, and how the first commit ended:

    state B -> A | Z { on go -> goto A  #! A → B → A done

The events and other calls that cases use are declared below them. Each case says why it is there.
"""

from __future__ import annotations

import re

import pytest

from opord.language.compile import check_text
from opord.language.flow.changes import Changes
from opord.language.flow.graph import Graph
from opord.language.rules.same_key import key_with_arguments

BOUNDARY = """
contract Case(id: str, gift: bool, lines: list[Line], kind: Kind) key id
record Line { sku: str, count: int }
enum Kind { Big, Small, Other(name: str) }
failure Bank { Refused(why: str) settles, Expired, Busy transient }
event go
event told(card: str, more: bool)
event moved(line: Line)
effect ask(id: str) -> str? { timeout 1s }
pure think(n: int) -> str
action other(id: str) { key id }
"""

# A path comes back: the key reads nothing that was assigned on it.
AGAIN = {
    "in transaction, after it took effect": """
action pay(id: str) in transaction { key id }
initial state A -> B { commit pay(id)  #! A → B → A done
  goto B }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "the input alone, after it took effect": """
action pay(id: str) { key id }
initial state A -> B { commit pay(id)  #! A → B → A done
  goto B }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "the input alone, after a final failure": """
action pay(id: str) fails Bank { key id }
initial state A -> B | Z { match commit pay(id) {  #! A → B → A refused
  ok -> goto Z
  Expired -> goto B
  Refused -> goto Z
  Busy -> goto Z } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "after a failure that settles": """
action pay(id: str) fails Bank { key id }
initial state A -> B | Z { match commit pay(id) {  #! A → B → A refused
  ok -> goto Z
  Refused -> goto B
  else -> goto Z } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "a final failure that `else` takes": """
action pay(id: str) fails Bank { key id }
initial state A -> B | Z { match commit pay(id) {  #! A → B → A refused
  ok -> goto Z
  Busy -> goto Z
  else -> goto B } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "an arm that goes on to the same `goto`": """
action pay(id: str) fails Bank { key id }
initial state A -> B { commit pay(id) else -> { let x = 1 }  #! A → B → A done, A → B → A refused
  goto B }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "a new card under the old key": """
action pay(id: str, card: str) fails Bank { key id }
initial state Start -> A { goto A("first") }
state A(card: str) -> B | Z { match commit pay(id, card) {  #! A → B → A refused
  ok -> goto Z
  Refused -> goto B
  else -> goto Z } }
state B -> A | Z { on told(card, _) -> goto A(card)
  after 1d -> goto Z }
""",
    "a field that is passed on unchanged": """
action pay(n: int) { key "{id}/{n}" }
initial state A(n: int = 0) -> B { commit pay(n)  #! A → B → A done
  goto B(n) }
state B(n: int) -> A | Z { on go -> goto A(n)
  after 1d -> goto Z }
""",
    "a field that changes, and the key does not read it": """
action pay(n: int) { key id }
initial state A(n: int = 0) -> B { commit pay(n)  #! A → B → A done
  goto B(n + 1) }
state B(n: int) -> A | Z { on go -> goto A(n)
  after 1d -> goto Z }
""",
    "a part of a record whose other parts change": """
action pay(line: Line) { key "{id}/{line.sku}" }
initial state Start -> A { goto A(Line { sku: "s", count: 0 }) }
state A(line: Line) -> B { commit pay(line)  #! A → B → A done
  goto B(line) }
state B(line: Line) -> A | Z { on go -> goto A(line with { count: line.count + 1 })
  after 1d -> goto Z }
""",
    "a field by another name, and through a `let`": """
action pay(card: str) { key card }
initial state Start -> Z | A { on told(card, _) -> goto A(card)
  after 1d -> goto Z }
state A(card: str) -> B { commit pay(card)  #! A → B → A done
  let same = card
  goto B(same) }
state B(kept: str) -> A | Z { on go -> goto A(kept)
  after 1d -> goto Z }
""",
    "an optional field that still has its value": """
action pay(card: str) { key card }
initial state A(card: str? = none) -> B | C { match card {
  none -> goto B
  some x -> { commit pay(x)  #! A → C → A done
    goto C(x) } } }
state B -> A | Z { on told(card, _) -> goto A(card)
  after 1d -> goto Z }
state C(x: str) -> A | Z { on go -> goto A(x)
  after 1d -> goto Z }
""",
    "a field that is set to the same literal": """
action pay(step: str) { key "{id}/{step}" }
initial state Start -> A { goto A("pay") }
state A(step: str) -> B { commit pay(step)  #! A → B → A done
  goto B }
state B -> A | Z { on go -> goto A("pay")
  after 1d -> goto Z }
""",
    "a counter that starts again": """
action pay(n: int) fails Bank { key "{id}/{n}" }
initial state A(n: int = 1) -> B | A | Z { match commit pay(n) {  #! A → B → A done, A → B → A refused
  ok -> goto B
  Busy -> if n < 3 { goto A(n + 1) } else { goto Z }
  else -> goto B } }
state B -> A | Z { on go -> goto A(1)
  after 1d -> goto Z }
""",
    "an element of a list at the same place": """
action pay(sku: str) { key "{id}/{sku}" }
initial state A(n: int = 0) -> B | Z { match lines[n] {
  none -> goto Z
  some line -> { commit pay(line.sku)  #! A → B → A done
    goto B(n) } } }
state B(n: int) -> A | Z { on go -> goto A(n)
  after 1d -> goto Z }
""",
    "two places with the same arguments": """
action pay(id: str) { key id }
initial state A -> B { commit pay(id)
  goto B }
state B -> D | Z { on go -> goto D
  after 1d -> goto Z }
state D -> Z { commit pay(id)  #! A → B → D done
  goto Z }
""",
    "on, off and on again, with the key of each": """
action pay(on: bool) { key "{id}/{on}" }
initial state A -> B { commit pay(true)  #! A → B → D → E → A done
  goto B }
state B -> D | Z { on go -> goto D
  after 1d -> goto Z }
state D -> E { commit pay(false)  #! D → E → A → B → D done
  goto E }
state E -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "undone in between": """
action pay(id: str) { key id }
action back(id: str, n: int) undoes pay { key "{id}/{n}" }
initial state A(n: int = 0) -> B { commit pay(id)  #! A → B → D → E → A done
  goto B(n) }
state B(n: int) -> D | Z { on go -> goto D(n)
  after 1d -> goto Z }
state D(n: int) -> E { commit back(id, n)
  goto E(n) }
state E(n: int) -> A | Z { on go -> goto A(n + 1)
  after 1d -> goto Z }
""",
    "in a handler, with a value of its event": """
action pay(card: str) fails Bank { key "{id}/{card}" }
initial state A -> B | Z { on told(card, _) {
    commit pay(card) else { Refused -> goto B(card)
      else -> goto Z }
    goto Z }
  after 1d -> goto Z }
state B(card: str) -> D | Z { on go -> goto D(card)
  after 1d -> goto Z }
state D(card: str) -> Z { commit pay(card) else -> goto Z  #! A → B → D refused
  goto Z }
""",
    "in a handler that a phase shares, once": """
action pay(id: str) { key id }
phase P {
  on go { commit pay(id)
    goto B }
  initial state A -> B | Z { after 1d -> goto Z }  #! A → B done
  state B -> B | Z { after 1d -> goto Z }
}
""",
    "repeatable: the key still holds": """
action pay(id: str) { key id, repeatable }
initial state A -> B { commit pay(id)  #! A → B → A done
  goto B }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "skipped in doubt: otherwise it took effect": """
action pay(id: str) { key id, in doubt skip }
initial state A -> B { commit pay(id)  #! A → B → A done
  goto B }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "a condition that can still hold": """
action pay(id: str) { key id }
initial state A(n: int = 0) -> B { commit pay(id)  #! A → B → A done
  goto B(n + 1) }
state B(n: int) -> A | Z { on go if n < 3 -> goto A(n)
  after 1d -> goto Z }
""",
    "a pure of the same argument": """
action pay(name: str) { key name }
initial state A(n: int = 0) -> B { commit pay(think(n))  #! A → B → A done
  goto B(n) }
state B(n: int) -> A | Z { on go -> goto A(n)
  after 1d -> goto Z }
""",
    "the end of the key's window is only possible": """
action pay(id: str) fails Bank { key id for 24h }
initial state A -> B | Z { match commit pay(id) {  #! A → B → A refused
  ok -> goto Z
  else -> goto B } }
state B -> A | Z { on go -> goto A
  after 7d -> goto A
  on told -> goto Z }
""",
}

# The key changes, or the path cannot be taken, or the same key is right.
NOT_AGAIN = {
    "a final failure in transaction, which nobody remembers": """
action pay(id: str) fails Bank in transaction { key id }
initial state A -> B | Z { match commit pay(id) {
  ok -> goto Z
  Expired | Refused | Busy -> goto B } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "a counter in the key": """
action pay(n: int) { key "{id}/{n}" }
initial state A(n: int = 0) -> B { commit pay(n)
  goto B(n + 1) }
state B(n: int) -> A | Z { on go -> goto A(n)
  after 1d -> goto Z }
""",
    "the value of an event in the key": """
action pay(card: str) fails Bank { key "{id}/{card}" }
initial state Start -> A { goto A("first") }
state A(card: str) -> B | Z { match commit pay(card) {
  ok -> goto Z
  else -> goto B } }
state B -> A | Z { on told(card, _) -> goto A(card)
  after 1d -> goto Z }
""",
    "the answer of an effect in the key": """
action pay(card: str) { key card }
initial state A -> B | Z { let found = perform ask(id) else -> goto Z
  match found { none -> goto Z
    some card -> { commit pay(card)
      goto B } } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "its own result in the key": """
action pay(last: str) -> str { key last }
initial state A(last: str = id) -> B { let receipt = commit pay(last)
  goto B(receipt) }
state B(receipt: str) -> A | Z { on go -> goto A(receipt)
  after 1d -> goto Z }
""",
    "the sender and the time": """
action pay(who: str) { key who }
initial state A -> B | Z { on go { commit pay("{actor} {now}")
    goto B }
  after 1d -> goto Z }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "the elements of a list, one after the other": """
action pay(sku: str) { key "{id}/{sku}" }
initial state A(n: int = 0) -> A | Z { match lines[n] {
  none -> goto Z
  some line -> { commit pay(line.sku)
    goto A(n + 1) } } }
""",
    "the head of a list that gets shorter": """
action pay(sku: str) { key "{id}/{sku}" }
initial state A(left: list[Line] = lines) -> A | Z { match left[0] {
  none -> goto Z
  some line -> { commit pay(line.sku)
    goto A(left[1:]) } } }
""",
    "two literals": """
action pay(part: str) { key "{id}/{part}" }
initial state A -> B { commit pay("deposit")
  goto B }
state B -> Z { commit pay("rest")
  goto Z }
""",
    "two inputs": """
action pay(part: str) { key part }
initial state A -> B { commit pay(id)
  goto B }
state B -> Z { commit pay("{kind}")
  goto Z }
""",
    "two texts around the same input": """
action pay(part: str) { key part }
initial state A -> B { commit pay("deposit {id}")
  goto B }
state B -> Z { commit pay("rest {id}")
  goto Z }
""",
    "two parts of one record": """
action pay(part: str) { key "{id}/{part}" }
initial state Start -> A | Z { on moved(line) -> goto A(line)
  after 1d -> goto Z }
state A(line: Line) -> B { commit pay(line.sku)
  goto B(line) }
state B(line: Line) -> Z { commit pay("{line.count}")
  goto Z }
""",
    "a transient failure: the same key is right": """
action pay(id: str) fails Bank { key id }
initial state A -> B | Z { match commit pay(id) {
  Busy -> goto B
  else -> goto Z
  ok -> goto Z } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "a doubt: the same key is right": """
action pay(id: str) { key id, in doubt report }
initial state A -> B | Z { match commit pay(id) {
  InDoubt -> goto B
  ok -> goto Z } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "the run's own key changes each time": """
action pay(id: str) fails Bank { key }
initial state A -> B | Z { match commit pay(id) {
  ok -> goto Z
  else -> goto B } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "without a key": """
action pay(id: str) fails Bank
initial state A -> B | Z { match commit pay(id) {
  ok -> goto Z
  else -> goto B } }
state B -> A | Z { on go -> goto A
  after 1d -> goto Z }
""",
    "never again after it": """
action pay(id: str) { key id }
initial state A -> B | D { if gift { goto B } else { goto D } }
state B -> Z { commit pay(id)
  goto Z }
state D -> Z { commit pay(id)
  goto Z }
""",
    "a flag that says that it is done": """
action pay(id: str) { key id }
initial state A(done: bool = false) -> B { if not done { commit pay(id) }
  goto B(true) }
state B(done: bool) -> A | Z { on go -> goto A(done)
  after 1d -> goto Z }
""",
    "a flag by the other branch": """
action pay(id: str) { key id }
initial state A(done: bool = false) -> B { if done { goto B(done) }
  commit pay(id)
  goto B(true) }
state B(done: bool) -> A | Z { on go -> goto A(done)
  after 1d -> goto Z }
""",
    "a case that says that it is done": """
action pay(id: str) { key id }
initial state A(at: Kind = Big) -> B { match at {
    Big -> { commit pay(id)
      goto B(Small) }
    else -> goto B(at) } }
state B(at: Kind) -> A | Z { on go -> goto A(at)
  after 1d -> goto Z }
""",
    "a case with a field": """
action pay(id: str) { key id }
initial state A(at: Kind = Big) -> B { match at {
    Big -> { commit pay(id)
      goto B(Other(id)) }
    else -> goto B(at) } }
state B(at: Kind) -> A | Z { on go -> goto A(at)
  after 1d -> goto Z }
""",
    "a receipt that is there": """
action pay(id: str) -> str { key id }
initial state A(receipt: str? = none) -> B { match receipt {
    none -> { let made = commit pay(id)
      goto B(made) }
    some made -> goto B(made) } }
state B(receipt: str) -> A | Z { on go -> goto A(receipt)
  after 1d -> goto Z }
""",
    "a receipt that is compared": """
action pay(id: str) -> str { key id }
initial state A(receipt: str? = none) -> B { if receipt != none { goto B(receipt) }
  let made = commit pay(id)
  goto B(made) }
state B(receipt: str?) -> A | Z { on go -> goto A(receipt)
  after 1d -> goto Z }
""",
    "a counter that says how often": """
action pay(id: str) { key id }
initial state A(n: int = 0) -> B { if n == 0 { commit pay(id) }
  goto B(n + 1) }
state B(n: int) -> A | Z { on go -> goto A(n)
  after 1d -> goto Z }
""",
    "a guard that the first round closes": """
action pay(id: str) { key id }
initial state A -> B { commit pay(id)
  goto B(true) }
state B(done: bool) -> A | Z { on go if not done -> goto A
  after 1d -> goto Z }
""",
    "the same condition on the input, both ways": """
action pay(id: str) { key id }
initial state A -> B { if gift { commit pay(id) }
  goto B }
state B -> D | Z { if gift { goto Z }
  goto D }
state D -> Z { commit pay(id)
  goto Z }
""",
    "the key's window is over by then": """
action pay(id: str) fails Bank { key id for 24h }
initial state A -> B | Z { match commit pay(id) {
  ok -> goto Z
  else -> goto B } }
state B -> A | Z { after 3d -> goto A
  on go -> goto Z }
""",
    "a value that grows": """
action pay(name: str) { key name }
initial state A(name: str = id) -> B { commit pay(name)
  goto B("{name}+") }
state B(name: str) -> A | Z { on go -> goto A(name)
  after 1d -> goto Z }
""",
}

_MARK = re.compile(r"^(?:initial )?(.*?)#! (.*)$")


def whole(case: str) -> str:
    return f"{case}final state Z success\n{BOUNDARY}"


def found(text: str) -> set[str]:
    """Return what `samekey` finds: the state, the way to it, and how the first commit ended."""
    result = check_text(text)
    assert result.errors == []
    return {
        f"{finding.label.removeprefix('committed again by ').replace('`', '')} {how}"
        for finding in result.diagnostics
        if finding.rule == "samekey"
        for how in hows(finding.labels[:-1])
    }


def hows(labels: object) -> list[str]:
    assert isinstance(labels, tuple)
    return ["done" if label.text == "takes effect before" else "refused" for label in labels]


def marked(text: str) -> set[str]:
    return {
        mark for line in text.split("\n") if "#! " in line for mark in line.partition("#! ")[2].split(", ")
    }


@pytest.mark.parametrize("case", AGAIN.values(), ids=AGAIN.keys())
def test_a_key_comes_again(case: str) -> None:
    assert found(whole(case)) == marked(case)
    assert marked(case)


@pytest.mark.parametrize("case", NOT_AGAIN.values(), ids=NOT_AGAIN.keys())
def test_no_key_comes_again(case: str) -> None:
    assert found(whole(case)) == set()


def test_the_help_proposes_nothing_that_the_key_holds_already() -> None:
    contract = check_text(
        'contract C(id: str) key id\naction pay(place: int, cents: int) { key "{place}", timeout 1s }\n'
        "initial state A -> Z { commit pay(1, 2)\n goto Z }\nfinal state Z success\n"
    ).model
    (pay,) = contract.actions
    place, cents = pay.params
    assert pay.key is not None
    assert pay.key.expr is not None
    graph = Graph(contract)
    assert key_with_arguments(graph, pay.key.expr, Changes((place,))) is None
    assert key_with_arguments(graph, pay.key.expr, Changes((place, cents))) == '"{place}/{cents}"'


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("sure: bool", "carry a number that grows with each round, pass it to `page`"),
        ("level: Level", "carry a number that grows with each round, pass it to `page`"),
        (
            "sure: bool, ticket: str",
            "carry `ticket`, or a number that grows with each round, to `Paging`, pass it to `page`",
        ),
    ],
)
def test_the_next_move_takes_nothing_into_the_key_that_two_events_share(event: str, told: str) -> None:
    names = ", ".join(part.split(":")[0] for part in event.split(", "))
    [found] = check_text(f"""\
contract Incident(id: str) key id
enum Level {{ Low, High }}
event worse({event})
event level(level: Level)
action page(id: str) stands because "who was woken is awake" {{ key id, timeout 1m }}
initial state Paging -> Waiting {{
  commit page(id)
  goto Waiting
}}
state Waiting -> Paging | Closed {{
  on worse({names}) -> goto Paging
  on level ignore
  after 1d -> goto Closed
}}
final state Closed failure
""").diagnostics
    assert found.rule == "samekey"
    assert found.help.startswith(f"{told}, and put it into the key, or say above `Paging`")
