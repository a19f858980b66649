"""`sharedkey`: keys that two runs can have. A case is a contract from its first line on.

A mark says what is missing in the key of this line: `#! order.id`.
"""

from __future__ import annotations

import pytest

from opord.language.compile import check_text

BOUNDARY = """
record Order { id: str, shop: str, customer: str, lines: list[Line] }
record Line { sku: str }
record Receipt { number: str }
failure Bank { Refused(ref: str) settles }
event told(ref: str)
effect find(name: str) -> Receipt?
pure mixed(order: Order) -> str
pure short(text: str) -> str
final state Z success
"""

SHARED = {
    "another input": """
contract C(order: str, customer: str) key order
action pay() { key customer }  #! order
initial state A -> Z { commit pay()
  goto Z }
""",
    "a literal": """
contract C(order: str) key order
action pay() { key "all" }  #! order
initial state A -> Z { commit pay()
  goto Z }
""",
    "another field of the input": """
contract C(order: Order) key order.id
action pay(order: Order) { key order.customer }  #! order.id
initial state A -> Z { commit pay(order)
  goto Z }
""",
    "one part of two": """
contract C(order: Order) key "{order.shop}/{order.id}"
action pay(order: Order) { key order.id }  #! order.shop
initial state A -> Z { commit pay(order)
  goto Z }
""",
    "both parts of two": """
contract C(order: Order) key "{order.shop}/{order.id}"
action pay(order: Order) { key order.customer }  #! order.shop, order.id
initial state A -> Z { commit pay(order)
  goto Z }
""",
    "a piece of the part": """
contract C(order: str) key order
action pay() { key order[0:3] }  #! order
initial state A -> Z { commit pay()
  goto Z }
""",
    "its length": """
contract C(order: str) key order
action pay() { key "{len(order)}" }  #! order
initial state A -> Z { commit pay()
  goto Z }
""",
    "an argument that is not the part": """
contract C(order: str, customer: str) key order
action pay(who: str) { key who }  #! order
initial state A -> Z { commit pay(customer)
  goto Z }
""",
    "one commit of two": """
contract C(order: str, customer: str) key order
action pay(who: str) { key who }  #! order
initial state A -> B { commit pay(order)
  goto B }
state B -> Z { commit pay(customer)
  goto Z }
""",
    "what an event tells": """
contract C(order: str) key order
action pay(ref: str) { key ref }  #! order
initial state A -> B | Z { on told(ref) -> goto B(ref)
  after 1d -> goto Z }
state B(ref: str) -> Z { commit pay(ref)
  goto Z }
""",
    "the sender and the clock": """
contract C(order: str) key order
action pay(ref: str) { key ref }  #! order
initial state A -> Z { on told { commit pay("{actor} {now}")
    goto Z }
  after 1d -> goto Z }
""",
    "a field that is the part by one way only": """
contract C(order: str, customer: str) key order
action pay(ref: str) { key ref }  #! order
initial state A -> B | Z { on told -> goto B(order)
  after 1d -> goto B(customer)
  at now + 1h -> goto Z }
state B(ref: str) -> Z { commit pay(ref)
  goto Z }
""",
    "a choice that leaves it out": """
contract C(order: str, gift: bool) key order
action pay() { key if gift then "gift" else order }  #! order
initial state A -> Z { commit pay()
  goto Z }
""",
    "an element of a list": """
contract C(order: Order) key order.id
action pay(sku: str) { key sku }  #! order.id
initial state A(n: int = 0) -> A | Z { match order.lines[n] { none -> goto Z
    some line -> { commit pay(line.sku)
      goto A(n + 1) } } }
""",
}

TOLD_APART = {
    "in transaction, only the run itself knows the key": """
contract C(order: str, customer: str) key order
action pay() in transaction { key customer }
initial state A -> Z { commit pay()
  goto Z }
""",
    "the part itself": """
contract C(order: str, customer: str) key order
action pay() { key order }
initial state A -> Z { commit pay()
  goto Z }
""",
    "the part and more": """
contract C(order: str, customer: str) key order
action pay() { key "{customer}/{order}" }
initial state A -> Z { commit pay()
  goto Z }
""",
    "both parts in another order": """
contract C(order: Order) key "{order.shop}/{order.id}"
action pay(order: Order) { key "{order.id}-{order.shop}" }
initial state A -> Z { commit pay(order)
  goto Z }
""",
    "the whole key by a name": """
contract C(order: Order) key "{order.shop}/{order.id}"
action pay(ref: str) { key ref }
initial state A -> B { goto B("{order.shop}/{order.id}") }
state B(ref: str) -> Z { commit pay(ref)
  goto Z }
""",
    "a key that is computed, computed again": """
contract C(order: str) key order[0:8]
action pay() { key order[0:8] }
initial state A -> Z { commit pay()
  goto Z }
""",
    "a key that is computed, and all of what it reads": """
contract C(order: str) key order[0:8]
action pay() { key order }
initial state A -> Z { commit pay()
  goto Z }
""",
    "the run": """
contract C(order: str) key order
action pay() { key "{run.id}/pay" }
initial state A -> Z { commit pay()
  goto Z }
""",
    "the run's own key": """
contract C(order: str) key order
action pay() { key }
initial state A -> Z { commit pay()
  goto Z }
""",
    "no key": """
contract C(order: str) key order
action pay()
initial state A -> Z { commit pay()
  goto Z }
""",
    "a receipt of this run": """
contract C(order: str) key order
action pay() -> Receipt { key order }
action back(receipt: Receipt) undoes pay { key receipt.number }
initial state A -> B { let receipt = commit pay()
  goto B(receipt) }
state B(receipt: Receipt) -> D { after 1d -> goto D(receipt) }
state D(receipt: Receipt) -> Z { commit back(receipt)
  goto Z }
""",
    "a receipt that is not there at first": """
contract C(order: str) key order
action pay() -> Receipt { key order }
action back(number: str) undoes pay { key number }
initial state A(receipt: Receipt? = none, told: str = "") -> B { let made = commit pay()
  goto B(made, "told") }
state B(receipt: Receipt?, told: str) -> D | B | Z { on told(_) -> goto B(none, told)  #! OP804
  after 1d -> match receipt { some made -> goto D(made.number)
    none -> goto Z } }
state D(number: str) -> Z { commit back(number)
  goto Z }
""",
    "a number that is empty at first": """
contract C(order: str) key order
action pay() -> Receipt { key order }
action back(number: str) undoes pay { key number }
initial state A(number: str = "") -> B { if number == "" { goto B(number) }
  commit back(number)
  goto B(number) }
state B(number: str) -> D | Z { after 1d -> if number != "" { goto Z } else { goto D } }
state D -> A { let made = commit pay()
  goto A(made.number) }
""",
    "what an effect has answered": """
contract C(order: str) key order
action pay(number: str) { key number }
initial state A -> Z { match perform find(order) { ok found -> match found { none -> goto Z
      some receipt -> { commit pay(receipt.number)
        goto Z } } } }
""",
    "a field that holds the part by every way": """
contract C(order: str) key order
action pay(ref: str) { key ref }
initial state A -> B | Z { on told(ref) -> goto B("{order}/{ref}")
  after 1d -> goto B(order)
  at now + 1h -> goto Z }
state B(ref: str) -> Z { commit pay(ref)
  goto Z }
""",
    "the input as a record that changes elsewhere": """
contract C(order: Order) key order.id
action pay(order: Order) { key order.id }
initial state A -> B { goto B(order with { customer: "nobody" }) }
state B(now_so: Order) -> Z { commit pay(now_so)
  goto Z }
""",
    "a pure of the whole input": """
contract C(order: Order) key order.id
action pay(ref: str) { key ref }
initial state A -> Z { commit pay(mixed(order))
  goto Z }
""",
    "a default that is the input": """
contract C(order: str) key order
action pay(ref: str) { key ref }
initial state A(ref: str = order) -> Z { commit pay(ref)
  goto Z }
""",
    "a text that grows": """
contract C(order: str) key order
action pay(ref: str) { key ref }
initial state A(ref: str = order) -> B { commit pay(ref)
  goto B("{ref}+") }
state B(ref: str) -> A | Z { after 1d -> if len(ref) > 99 { goto Z } else { goto A(ref) } }
""",
    "a reason": """
contract C(order: str, customer: str) key order
action pay() { key customer shared because "a customer is greeted once" }
initial state A -> Z { commit pay()
  goto Z }
""",
    "a contract without a key": """
contract C(order: str, customer: str)
action pay() { key customer }
initial state A -> Z { commit pay()
  goto Z }
""",
    "a contract for one run": """
contract C(order: str) key "the only one"
action pay() { key "pay" }
initial state A -> Z { commit pay()
  goto Z }
""",
}


def found(text: str) -> list[str]:
    """Return what is missing in each key that is reported."""
    result = check_text(text + BOUNDARY)
    assert result.errors == []
    return [
        f"{finding.place.line} {finding.label.removeprefix('the same in two runs that differ in ').removesuffix(' alone')}"
        for finding in result.diagnostics
        if finding.rule == "sharedkey"
    ]


def marked(text: str) -> list[str]:
    marks = [
        (number, line.partition("#! ")[2].split(", "))
        for number, line in enumerate(text.split("\n"), 1)
        if "#! " in line
    ]
    return [f"{number} " + " or ".join(f"`{name}`" for name in names) for number, names in marks]


@pytest.mark.parametrize("case", SHARED.values(), ids=SHARED.keys())
def test_two_runs_can_have_the_key(case: str) -> None:
    assert found(case) == marked(case)
    assert marked(case)


@pytest.mark.parametrize("case", TOLD_APART.values(), ids=TOLD_APART.keys())
def test_no_two_runs_have_the_key(case: str) -> None:
    assert found(case) == []


REASON = """
contract C(order: str, customer: str) key order
action pay() { key {KEY} shared because "a customer is greeted once" }
initial state A -> Z { commit pay()
  goto Z }
final state Z success
"""


@pytest.mark.parametrize(
    ("key", "unused"),
    [("customer", False), ("order", True), ("run.id", True), ('"{customer}/{order}"', True)],
)
def test_a_reason_for_a_key_that_is_not_shared_is_unused(key: str, unused: bool) -> None:
    text = REASON.replace("{KEY}", key)
    assert [each.code.id for each in check_text(text).diagnostics] == ["OP814"] * unused


def test_nothing_is_said_about_a_reason_where_the_runs_are_not_told_apart() -> None:
    text = REASON.replace("{KEY}", "order").replace(") key order", ")")
    assert [each.code.id for each in check_text(text).diagnostics] == ["OP806"]


HIDDEN = """
contract C(order: Order) key order.id
action pay(order: str, note: str) {{ key note }}
initial state A -> Z {{ commit pay({given}, order.customer)
  goto Z }}
"""


@pytest.mark.parametrize(
    ("given", "help"),
    [
        ("order.id", 'put `order.id` into the key, as in `key "{note}/{order}"`'),
        (
            "order.shop",
            "put `order.id` into the key (a parameter of the action has the name of the input, and hides it",
        ),
    ],
    ids=["given to a parameter", "given to none"],
)
def test_a_key_is_proposed_in_the_names_that_it_can_read(given: str, help: str) -> None:
    """`order.id` in a key whose action has a parameter `order` is no field of the input."""
    findings = check_text(HIDDEN.format(given=given) + BOUNDARY).diagnostics
    (finding,) = [each for each in findings if each.rule == "sharedkey"]
    assert finding.help.startswith(help)
