"""Wrong handlers are reported at start-up by name, with the needed signature and its place."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import opord
from opord.kernel.program import Program
from opord.loading import check_handlers


class Good:
    def risk(self, order: Any, customer: Any) -> float:
        return 0.0

    async def find_customer(self, id: str, *, call: opord.Call | None = None) -> Any: ...

    def find_charge(self, order_id: str) -> Any: ...

    async def charge_card(self, order: Any, *, call: opord.Call) -> Any: ...

    def refund_card(self, receipt: Any, **others: Any) -> None: ...

    async def post_slack(self, text: str, call: opord.Call) -> None: ...


def test_an_object_and_a_module_with_all_functions_are_fine(program: Program) -> None:
    assert check_handlers(program, Good()) == []
    module = ModuleType("handlers")
    for name in program.calls:
        setattr(module, name, getattr(Good(), name))
    assert check_handlers(program, module) == []


def test_an_effect_may_ask_for_its_call(program: Program) -> None:
    class Asking(Good):
        async def find_customer(self, id: str, *, call: opord.Call) -> Any: ...

    assert check_handlers(program, Asking()) == []


def test_every_missing_handler_is_named_with_what_it_takes_and_where_it_is_declared(program: Program) -> None:
    class Empty: ...

    problems = check_handlers(program, Empty())
    assert len(problems) == len(program.calls)
    charge = next(problem for problem in problems if "charge_card" in problem)
    assert charge.startswith("Empty has no handler for the action `charge_card` (")
    assert "order.opord:33): expected `def charge_card(order, *, call)`" in charge


def test_a_method_that_is_only_declared_is_missing(program: Program, orders: Any) -> None:
    class Partly(Good, orders.OrderFulfilment.Handlers):
        pass

    class Bare(orders.OrderFulfilment.Handlers):
        pass

    assert check_handlers(program, Partly()) == []
    with pytest.raises(TypeError, match="charge_card"):
        Bare()


async def _async_risk(self: Any, order: Any, customer: Any) -> float:
    return 0.0


@pytest.mark.parametrize(
    ("name", "handler", "told"),
    [
        ("risk", _async_risk, "is `async def`, but a pure is called on the spot"),
        ("risk", 0.5, "is no function but 0.5"),
        ("risk", lambda self, order: 0.0, "takes `(order)`: too many positional arguments"),
        ("risk", lambda self, customer, order: 0.0, "the order of its parameters differs"),
        ("find_charge", lambda self, key: None, "`key` where the contract has `order_id`"),
        ("find_charge", lambda self, order_id, more: None, "missing a required argument: 'more'"),
        ("charge_card", lambda self, order: None, "got an unexpected keyword argument 'call'"),
    ],
)
def test_a_handler_that_does_not_fit_is_reported_with_the_reason(
    program: Program, name: str, handler: Any, told: str
) -> None:
    class Wrong(Good):
        pass

    setattr(Wrong, name, handler)
    (problem,) = check_handlers(program, Wrong())
    assert problem.startswith(f"Wrong.{name}")
    assert told in problem
    assert f"expected `def {name}(" in problem


def test_a_class_instead_of_an_instance_is_reported_once(program: Program) -> None:
    assert check_handlers(program, Good) == ["Good is a class: pass an instance of it, Good()"]
