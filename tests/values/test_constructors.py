"""Wrong arguments of the constructors that people call are told in words."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest

import opord
from tests.support.contracts import compiled, workflow_of

Refund: Any = workflow_of(
    compiled(
        "contract Refund(id: str) key id\ninitial state Asked -> Paid { goto Paid }\nfinal state Paid success\n"
    )
)
Engine: Any = opord.Engine
Client: Any = opord.Client
URL = "sqlite:///never-made.db"

WRONG: list[tuple[Callable[[], object], str]] = [
    (
        lambda: Refund(),
        "Refund needs handlers: write Refund(Handlers()) to carry out its runs, "
        "or give the class Refund itself to start runs and send events",
    ),
    (lambda: Refund(handler=1), "Refund has no argument handler; did you mean handlers?"),
    (lambda: Engine(URL, [], lease=3), "Engine has no argument lease; did you mean lease_s?"),
    (lambda: Engine(), 'Engine needs store: write Engine("sqlite:///orders.db", [OrderFulfilment(Handlers())])'),
    (
        lambda: Engine(URL, [], 30.0),
        "Engine takes store and workflows by position, and 3 were given; give the others by their names",
    ),
    (
        lambda: Engine(URL, store=URL),
        "Engine was given store twice, by position and by name; leave one of them out",
    ),
    (
        lambda: Client(URL, colour="red"),
        "Client has no argument colour; it has store, patience_s, secret_keys, insecure_plaintext_secrets, create",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "said"), WRONG, ids=[said.split(";")[0] for _, said in WRONG])
def test_wrong_arguments_are_told_with_a_next_move(call: Callable[[], object], said: str) -> None:
    with pytest.raises(TypeError) as refused:
        call()
    assert str(refused.value) == said


def test_right_arguments_are_taken_and_the_signature_stays() -> None:
    assert Refund(1).handlers == Refund(handlers=1).handlers == 1
    assert list(signature(opord.Engine).parameters)[:3] == ["store", "workflows", "lease_s"]
    assert list(signature(Refund).parameters) == ["handlers"]


def test_an_error_of_the_constructor_itself_is_its_own() -> None:
    with pytest.raises(TypeError, match="expected a number for lease_s, got: 'ten'"):
        Engine(URL, lease_s="ten")
