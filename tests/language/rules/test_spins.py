"""`spins`: a cycle without a wait on which no field changes, under any names of the fields."""

from __future__ import annotations

import pytest

from tests.language.rules.marked import assert_as_marked

CASES = {
    "a flag that lets the cycle be made once": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(first: bool = true) -> B | Z { let x = perform f(id)
  if x { goto Z }
  if first { goto B }
  goto Z }
state B -> A { goto A(false) }
final state Z success
""",
    "a flag that the state sets for itself": """
contract C(id: str) key id
initial state A(first: bool = true) -> A | Z {
  if not first { goto Z }
  goto A(false) }
final state Z success
""",
    "a flag that is set and lets the cycle go on": """
contract C(id: str) key id
initial state A(first: bool = true) -> A | Z {  #! OP805
  if first { goto Z }
  goto A(false) }
final state Z success
""",
    "a stage that moves on, and then counts": """
contract C(id: str) key id
enum Stage { One, Two, Three(n: int) }
effect f(id: str)
initial state A(stage: Stage = One) -> A | Z {
  perform f(id)
  match stage {
    One -> goto A(Two)
    Two -> goto A(stage: Three(1))
    Three(n) -> if n > 5 { goto Z } else { goto A(Three(n + 1)) }
  }
}
final state Z success
""",
    "a stage that can stay what it is": """
contract C(id: str) key id
enum Stage { One, Two }
effect f(id: str) -> bool
initial state A(stage: Stage = One) -> A | Z {  #! OP805
  let yes = perform f(id)
  match stage {
    One -> if yes { goto A(Two) } else { goto A(One) }
    Two -> goto Z
  }
}
final state Z success
""",
    "a record whose field ends the cycle": """
contract C(id: str, r: R) key id
record R { done: bool, n: int }
initial state A(data: R = r) -> A | Z {
  if data.done { goto Z }
  goto A(data with { done: true }) }
final state Z success
""",
    "a record with a field that nothing asks": """
contract C(id: str, r: R) key id
record R { done: bool, n: int }
initial state A(data: R = r) -> A | Z {  #! OP805
  if data.done { goto Z }
  goto A(data with { n: 1 }) }
final state Z success
""",
    "a record given back its own field": """
contract C(id: str, r: R) key id
record R { done: bool, n: int }
initial state A(data: R = r) -> A | Z {  #! OP805
  if data.done { goto Z }
  goto A(data with { n: data.n }) }
final state Z success
""",
    "a record with a field that counts": """
contract C(id: str, r: R) key id
record R { done: bool, n: int }
initial state A(data: R = r) -> A | Z {
  if data.n > 3 { goto Z }
  goto A(data with { n: data.n + 1 }) }
final state Z success
""",
    "fields under other names, and back": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(x: int = 0, y: str = "") -> B { goto B(y, x) }  #! OP805
state B(text: str, number: int) -> A | Z { let ok = perform f(text)
 if ok { goto Z }
 goto A(number, text) }
final state Z success
""",
    "two fields that change places": """
contract C(id: str) key id
initial state A(x: int = 0, y: int = 1) -> B { goto B(y, x) }
state B(x: int, y: int) -> A | Z {
 if x == 0 { goto Z }
 goto A(x, y) }
final state Z success
""",
    "a choice that may leave the field as it is": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(x: int = 0) -> A | Z {  #! OP805
 let ok = perform f(id)
 if x > 5 { goto Z }
 goto A(if ok then x + 1 else x) }
final state Z success
""",
    "a choice that changes the field either way": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(x: int = 0) -> A | Z {
 let ok = perform f(id)
 if x > 5 { goto Z }
 goto A(if ok then x + 1 else x + 2) }
final state Z success
""",
    "a field by way of lets": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(x: int = 0) -> A | Z {  #! OP805
 let y = x
 let ok = perform f(id)
 if ok { goto Z }
 let z = y
 goto A(z) }
final state Z success
""",
    "a field that learns something": """
contract C(id: str) key id
effect f(id: str, at: int) -> int
initial state A(x: int = 0) -> A | Z {
 let y = perform f(id, x)
 if y == x { goto Z }
 goto A(y) }
final state Z success
""",
    "a field unwrapped and given back": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(x: int? = none) -> A | Z {  #! OP805
 let ok = perform f(id)
 match x { some v -> if ok { goto Z } else { goto A(v) }
  none -> goto Z }
}
final state Z success
""",
    "a text made of the input": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(why: str = "") -> A | Z {  #! OP805
 let ok = perform f(id)
 if ok { goto Z }
 goto A("again {id}") }
final state Z success
""",
    "a field that is given the time": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(since: datetime = now) -> A | Z {
 let ok = perform f(id)
 if ok { goto Z }
 goto A(now) }
final state Z success
""",
    "a field that is none until something is known": """
contract C(id: str) key id
effect f(id: str) -> str
initial state A(token: str?) -> B | Z {
 match token { some t -> goto Z
   none -> goto B }
}
state B -> A { let t = perform f(id)
  goto A(t) }
final state Z success
""",
    "a literal that ends the cycle beside an answer": """
contract C(id: str) key id
effect f(id: str) -> bool
initial state A(tries: int = 0) -> A | Z {
 let ok = perform f(id)
 if ok or tries > 0 { goto Z }
 goto A(1) }
final state Z success
""",
    "a field made of another that stays": """
contract C(id: str, xs: list[int]) key id
effect f(id: str) -> bool
initial state A(all: list[int] = xs, n: int = 0) -> A | Z {  #! OP805
 let ok = perform f(id)
 if ok { goto Z }
 goto A(all, len(all)) }
final state Z success
""",
    "a list that grows shorter": """
contract C(id: str, xs: list[int]) key id
effect f(id: str, x: int?)
initial state A(all: list[int] = xs) -> A | Z {
 if len(all) == 0 { goto Z }
 perform f(id, all[0])
 goto A(all[1:]) }
final state Z success
""",
    "an action that failed and is tried again at once": """
contract C(id: str) key id
failure F { No settles }
action f() fails F { key }
initial state A -> A | Z {  #! OP805
 match commit f() { ok -> goto Z
   No -> goto A } }
final state Z success
""",
    "one of two cycles counts": """
contract C(id: str, n: int) key id
effect f(id: str) -> int
initial state A(x: int = 0) -> B | D | Z {  #! OP805
 let k = perform f(id)
 if k == 1 { goto B(x) }
 if k == 2 { goto D(x) }
 goto Z }
state B(x: int) -> A { goto A(x + 1) }
state D(x: int) -> A { goto A(x) }
final state Z success
""",
    "a cycle further on": """
contract C(id: str, n: int) key id
effect f(id: str) -> int
initial state A -> B { goto B(0) }
state B(x: int) -> D | Z {  #! OP805
  let k = perform f(id)
  if k == 1 { goto D(x) }
  goto Z }
state D(x: int) -> B { goto B(x) }
final state Z success
""",
    "a cycle through a wait": """
contract C(id: str, n: int) key id
effect f(id: str) -> int
initial state A -> B | Z { let k = perform f(id)
 if k == 1 { goto B }
 goto Z }
state B -> A { after 1s -> goto A }
final state Z success
""",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_spins(text: str) -> None:
    assert_as_marked(text, warnings=True, boundary=False)
