"""Typed usage of `opord.testing`, which must pass `mypy --strict` and pyright: what users write in their tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_type

from opord.generated import Sent
from opord.testing import Fake, Fakes, Made, Run, World, crash_everywhere
from tests.codegen.golden.order_fulfilment import OrderFulfilment, PaymentError


def test_an_order(opord_world: World, real: OrderFulfilment.Handlers) -> None:
    fakes = opord_world.fakes(OrderFulfilment, real=real)
    assert_type(fakes, Fakes)
    assert_type(fakes.charge_card, Fake)
    fakes.find_customer.returns(id="c1", vip=False)
    fakes.charge_card.fails(PaymentError.Declined(reason="no funds")).then.unknown(happened=True)
    fakes.charge_card.fails(PaymentError.Unavailable).times(2).then.returns({"charge_id": "c"}, after="2s")
    run = opord_world.start(OrderFulfilment, handlers=fakes, order={"id": "o1"})
    assert_type(run, Run)
    run.advance("48h").advance(timedelta(hours=1))
    assert_type(run.send.approve(note="ok", as_="ann", role="manager"), Run)
    assert_type(run.sent, Sent)
    run.assert_state("Delivered", tracking="t").assert_ended("success")
    assert_type(fakes.charge_card.calls, list[Made])
    assert_type(fakes.charge_card.args, list[dict[str, Any]])
    assert_type(run.story, str)


@crash_everywhere
def test_whatever_dies(opord_world: World, real: OrderFulfilment.Handlers) -> None:
    opord_world.start(OrderFulfilment(real), order={"id": "o1"})


def told(real: OrderFulfilment.Handlers) -> None:
    assert_type(test_whatever_dies(World(seed=1, patience="1h"), real), None)
