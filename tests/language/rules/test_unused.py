"""`unused`: a declaration or used name that nothing in the file uses."""

from __future__ import annotations

import pytest

from opord.language import check_text
from tests.language.rules.marked import marks

CASES = {
    "a name taken with `use`": """
use "types.opord" { Address, Money, Currency }  #! OP801
contract C(id: str, to: Address, c: Currency) key id
initial state S -> E { goto E(to.city) }
final state E(s: str) success
""",
    "a name taken with `use`, allowed": """
# opord: allow unused because it comes
use "types.opord" { Address }
contract C(id: str) key id
initial state S -> E { goto E }
final state E success
""",
    "a taken enum of which a variant is named": """
use "types.opord" { Money, Currency }
contract C(id: str, m: Money) key id
initial state S -> E { if m.currency == EUR { goto E }
 goto E }
final state E success
""",
    "a taken failure that a call fails with": """
use "types.opord" { NetError }
contract C(id: str) key id
effect f(id: str) fails NetError
initial state S -> E { perform f(id) else p -> goto E
 goto E }
final state E success
""",
    "types used by others, by themselves and by each other": """
contract C(id: str, r: R) key id
record R { a: A? }
record A { b: list[B], m: map[str, D] }
enum B { X(f: F), Y }
record F { a: int }
record D { a: int }
record Self { s: Self? }  #! OP801
record M1 { m: M2? }  #! OP801
record M2 { m: M1? }  #! OP801
failure Err { No(d: Detail) }
record Detail { a: int }
record OnlyInLet { a: int }
enum OnlyInPattern { P, Q }
pure p() -> OnlyInPattern
record InPure { a: int }
pure q(a: InPure) -> int
effect f(id: str) fails Err
initial state S -> E { perform f(id) else { No -> goto E(0) }
 let x = OnlyInLet { a: q(InPure { a: 1 }) }
 match p() { P -> goto E(x.a)
  Q -> goto E(r.a ?? none) } }  #! OP201
final state E(n: int) success
""",
    "roles, effects that are only asked, actions that only undo": """
contract C(id: str) key id
role a, b
event e1 by a | b
event e2 by b  #! OP801
effect chk(id: str) -> bool
action act(id: str) { in doubt check chk(id) }
action undo(id: str) undoes act { key id }  #! OP801
initial state S -> T { commit act(id)
  goto T }
state T -> E { on e1 -> goto E
  after 1d -> goto E }
final state E success
ensure undo at most once
""",
}

TYPES = """
record Address { street: str, city: str }
record Money { cents: int, currency: Currency = Currency.EUR }
enum Currency { EUR, USD }
failure NetError { Offline transient, Broken(code: int) }
"""


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_unused(text: str) -> None:
    found = check_text(text, read=lambda _: TYPES).diagnostics
    kept = [f"{each.code.id}@{each.place.line}" for each in found if each.rule != "ensure"]
    assert sorted(kept) == sorted(marks(text))
