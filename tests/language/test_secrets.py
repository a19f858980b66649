"""Secrets can only be passed on as a whole, into secret fields and parameters."""

from __future__ import annotations

import pytest

from tests.language.kit import acting, errors

EXTRA = """
record Card { name: str, token: secret str }
record Box { card: Card }
state Keeping(token: secret str, card: Card, box: Box) -> Over | Keeping { goto Over }
state Showing(token: str) -> Over { goto Over }
state Opaque(data: json) -> Over { goto Over }
state Listed(tokens: list[secret str]) -> Over { goto Over }
pure look(token: secret str, maybe: secret str?) -> bool
pure see(token: str) -> bool
event hand(token: secret str)
"""


def rules(body: str, more: str = "") -> list[str]:
    return [f"{each.rule}:{each.code.id}" for each in errors(acting(body, more=EXTRA + more))]


LEAK, LOOK, KEY = ["secret:OP601"], ["secret:OP602"], ["secret:OP603"]


@pytest.mark.parametrize(
    "body",
    [
        "commit pay(order.token, 1)",
        "let token = order.token\ncommit pay(token, 1)",
        "if look(order.token, order.pin) { goto Over }",
        "if look(order.token, none) { goto Over }",
        "goto Listed([order.token])",
        'let card = Card { name: "a", token: order.token }',
        'let card = Card { name: "a", token: order.token } with { token: order.token }',
        "let token = if order.vip then order.token else order.token",
        "on hand(token) -> goto Listed([token])",
    ],
)
def test_a_secret_can_be_passed_on_as_a_whole(body: str) -> None:
    assert rules(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "commit tell(order.token)",
        "goto Showing(order.token)",
        "let seen = see(order.token)",
        "goto Opaque(order.token)",
        "let line = Line { sku: order.token }",
        "let plain = Circle(order.token)",
        "on hand(token) -> goto Showing(token)",
        "goto Showing(order.pin)",
    ],
)
def test_a_secret_cannot_go_to_other_places(body: str) -> None:
    assert rules(body) == LEAK


@pytest.mark.parametrize(
    "body",
    [
        'let text = "{order.token}"',
        'let text = "{order.pin}"',
        'let same = order.token == "a"',
        "let same = order.token == order.token",
        "let more = order.token + order.token",
        'let some_ = order.pin ?? "a"',
        "let none_ = order.pin == none",
        "let size = len(order.token)",
        "let text = str(order.token)",
        'let inside = order.token in ["a"]',
        "let first = order.token[0]",
        "let piece = order.token[0:1]",
        "if order.token { goto Over }",
        "if not order.token { goto Over }",
        "if order.vip and order.token { goto Over }",
        "match order.token { else -> goto Over }",
        "match order.pin { some pin -> goto Over\n none -> goto Over }",
        "let field = order.token.length",
        "after order.token -> goto Over",
    ],
)
def test_no_expression_looks_into_a_secret(body: str) -> None:
    assert rules(body) == LOOK


def test_a_record_with_a_secret_can_be_passed_on_but_not_compared() -> None:
    make = 'let card = Card { name: "a", token: order.token }\nlet box = Box { card: card }\n'
    assert rules(make + "goto Keeping(order.token, card, box)") == []
    assert rules(make + "if card == card { goto Over }") == LOOK
    assert rules(make + "if box in [box] { goto Over }") == LOOK
    assert rules(make + 'if card.name == "a" { goto Over }') == []


@pytest.mark.parametrize(
    "declaration",
    [
        "event bring(token: secret str) key token",
        "action send(token: secret str) { key token }",
        "action send(id: str) { key order.token }",
        "action send(id: str) { key order.pin }",
    ],
)
def test_a_secret_cannot_be_a_key(declaration: str) -> None:
    assert rules("goto Over", more=declaration) == KEY


def test_a_secret_cannot_be_part_of_a_key() -> None:
    assert rules("goto Over", more='action send(token: secret str) { key "{token}" }') == LOOK


def test_a_secret_in_a_check_only_fits_secret_parameters() -> None:
    asking = "effect asked(token: {type}) -> bool\naction send(token: secret str) {{ in doubt check asked(token) }}"
    assert rules("goto Over", more=asking.format(type="secret str")) == []
    assert rules("goto Over", more=asking.format(type="str")) == LEAK


def test_a_plain_value_does_not_become_secret_by_itself() -> None:
    assert rules('commit pay("a", 1)') == ["type:OP201"]
