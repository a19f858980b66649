"""Deliveries whose sender does not know the run's name: it is found by a field of its data."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opord.loading import program_of
from opord.server import WebhookInvalid
from opord.server.webhooks import read_webhooks
from opord.server.webhooks.finding import where_of
from opord.server.webhooks.places import Delivery
from tests.server.hooks import ENVIRONMENT, PAID, Hooked, hooked, load_order
from tests.server.kit import run
from tests.support.contracts import compiled, workflow_of

CHARGE = """
contract Order(id: str, basket: Basket, ticket: uuid?) key id
record Basket { number: int, notes: list[str] = [], about: str = "", weight: decimal = 1 }
record Receipt { charge_id: str, text: str = "" , more: str = "" }
event charged(receipt: Receipt)
event again(receipt: Receipt)
event settle(charge: str)
event leave()
initial state Waiting -> Charged {
  on charged(receipt) -> goto Charged(receipt)
}
state Charged(receipt: Receipt) -> Settled | Left | Charged {
  on again(receipt) -> goto Charged(receipt)
  on settle(charge) -> goto Settled
  on leave() -> goto Left
}
state Left -> Settled {
  on settle(charge) -> goto Settled
}
final state Settled success
"""

SETTLE: dict[str, Any] = {name: PAID[name] for name in ("path", "scheme", "secrets")} | {
    "event": "Order.settle",
    "where": "receipt.charge_id = body.data.charge",
    "args": {"charge": "body.data.charge"},
}


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_order(tmp_path_factory.mktemp("order"), CHARGE)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (7, 7), ("-7", -7), ("07", 7), (2**63 - 1, 2**63 - 1), (str(-(2**63)), -(2**63)),
        (2**63, None), ("9" * 19, None), ("-" + "9" * 30, None), ("٣", None), ("--7", None), ("", None), (True, None), (7.0, None),
    ],
)  # fmt: skip
def test_a_number_that_no_field_can_have_finds_nothing(order: Any, given: Any, wanted: int | None) -> None:
    where = where_of(program_of(order).contract, "basket.number = body.n")
    assert where.wanted(Delivery("d", {}, {"n": given})) == wanted


async def charged(
    hooks: Hooked, id: str, charge: str, *, number: int = 1, text: str = "", more: str = "", **how: Any
) -> None:
    await hooks.engine.start(hooks.flow, id=id, basket={"number": number}, **how)
    receipt = {"charge_id": charge, "text": text, "more": more}
    await send(hooks, id, "charged", receipt=receipt)


async def send(hooks: Hooked, id: str, event: str, **args: Any) -> None:
    await hooks.engine.backend.send(f"Order/{id}", event, args)  # type: ignore[arg-type]


def settled(charge: Any, id: str = "e1") -> dict[str, Any]:
    return {"id": id, "data": {"charge": charge}}


def test_a_run_is_found_by_a_field_of_its_present_state(order: Any, store: str) -> None:
    async def test() -> None:
        async with hooked(order, {"settle": SETTLE}, store=store) as hooks:
            await charged(hooks, "before", "ch_0")  # before anything was indexed
            assert (await hooks.stripe(settled("ch_0"))).json()["run"] == "Order/before"
            await charged(hooks, "o1", "ch_1")
            await charged(hooks, "o2", "ch_2")
            said = await hooks.stripe(settled("ch_2", "e2"))
            assert said.json() == {"delivery": "e2", "did": "taken", "run": "Order/o2"}
            assert (await hooks.state("o1"), await hooks.state("o2")) == ("Charged", "Settled")

    run(test)


def test_the_value_of_a_state_that_was_left_counts_no_more(order: Any, store: str) -> None:
    async def test() -> None:
        async with hooked(order, {"settle": SETTLE}, store=store) as hooks:
            await charged(hooks, "o1", "ch_1")
            await send(hooks, "o1", "again", receipt={"charge_id": "ch_9"})
            missing = await hooks.stripe(settled("ch_1"))
            assert (missing.status_code, missing.json()["code"]) == (404, "run_unknown")
            await charged(hooks, "o2", "ch_2")
            await send(hooks, "o2", "leave")
            assert (await hooks.stripe(settled("ch_2", "e2"))).status_code == 404
            assert (await hooks.stripe(settled("ch_9"))).json()["run"] == "Order/o1"

    run(test)


def test_the_run_that_took_a_delivery_is_found_again_although_it_has_ended(order: Any, store: str) -> None:
    async def test() -> None:
        async with hooked(order, {"settle": SETTLE}, store=store) as hooks:
            await charged(hooks, "o1", "ch_1")
            assert (await hooks.stripe(settled("ch_1"))).json()["did"] == "taken"
            # Another run has the same value now: the delivery is not for it.
            await charged(hooks, "o2", "ch_1")
            for _ in range(2):
                said = await hooks.stripe(settled("ch_1"))
                assert said.json() == {"delivery": "e1", "did": "repeated", "run": "Order/o1"}
            assert await hooks.state("o2") == "Charged"

    run(test)


def test_two_live_runs_with_the_value_are_one_too_many(
    order: Any, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with hooked(order, {"settle": SETTLE}, store=store) as hooks:
            await charged(hooks, "o1", "ch_1")
            await charged(hooks, "o2", "ch_1")
            said = await hooks.stripe(settled("ch_1"))
            assert (said.status_code, said.json()["code"]) == (409, "runs_ambiguous")
            assert sorted(said.json()["runs"]) == ["Order/o1", "Order/o2"]
            assert {await hooks.state("o1"), await hooks.state("o2")} == {"Charged"}
            await send(hooks, "o2", "settle", charge="-")
            assert (await hooks.stripe(settled("ch_1"))).json()["run"] == "Order/o1"

    run(test)
    assert "delivery e1 is refused (runs_ambiguous)" in caplog.text


def test_fifty_at_once_by_two_servers_are_one(order: Any, store: str) -> None:
    async def test() -> None:
        routes = {"settle": SETTLE}
        async with hooked(order, routes, store=store) as one, hooked(order, routes, store=store) as two:
            await charged(one, "o1", "ch_1")
            answers = await asyncio.gather(*(hooks.stripe(settled("ch_1")) for hooks in [one, two] * 25))
            did = [said.json().get("did") for said in answers]
            assert (did.count("taken"), did.count("repeated")) == (1, 49), did

    run(test)


def test_a_run_is_found_by_its_input(order: Any, store: str) -> None:
    async def test() -> None:
        number = SETTLE | {"where": "basket.number = body.data.charge", "args": {"charge": "text:-"}}
        async with hooked(order, {"settle": number}, store=store) as hooks:
            await charged(hooks, "o1", "ch_1", number=7)
            await charged(hooks, "o2", "ch_2", number=-8)
            assert (await hooks.stripe(settled("-8"))).json()["run"] == "Order/o2"
            assert (await hooks.stripe(settled(7, "e2"))).json()["run"] == "Order/o1"
            for odd in ("seven", 7.5, True, None, "", [7], "9" * 40):
                said = await hooks.stripe(settled(odd, "e3"))
                assert (said.status_code, said.json()["code"]) == (422, "input_invalid"), odd

    run(test)


def test_a_uuid_is_found_in_every_form(order: Any, store: str) -> None:
    async def test() -> None:
        ticket = uuid4()
        by_ticket = SETTLE | {"where": "ticket=body.data.charge", "args": {"charge": "text:-"}}
        async with hooked(order, {"settle": by_ticket}, store=store) as hooks:
            await charged(hooks, "o1", "ch_1", ticket=ticket)
            await charged(hooks, "o2", "ch_1")
            assert (await hooks.stripe(settled(str(ticket).upper()))).json()["run"] == "Order/o1"

    run(test)


@pytest.mark.parametrize("where", ["a record", "the value itself"])
def test_a_value_that_is_stored_apart_is_found_too(order: Any, store: str, where: str) -> None:
    async def test() -> None:
        async with hooked(order, {"settle": SETTLE}, store=store) as hooks:
            charge, text, more = (
                ("ch_1", "x" * 3000, "y" * 3000) if where == "a record" else ("c" * 5000, "", "")
            )
            await charged(hooks, "o1", charge, text=text, more=more)
            await charged(hooks, "o2", "ch_2", text="x" * 3000, more="z" * 3000)
            assert (await hooks.stripe(settled(charge))).json()["run"] == "Order/o1"
            assert (await hooks.stripe(settled("ch_3", "e3"))).status_code == 404

    run(test)


@pytest.mark.parametrize("where", ["the state", "the input"])
def test_a_long_value_stops_no_run_and_is_found(order: Any, store: str, where: str) -> None:
    long = random.Random(7).randbytes(1500).hex()
    of_input = {"where": "basket.about = body.data.charge", "args": {"charge": "text:-"}}
    route = SETTLE | (of_input if where == "the input" else {})

    async def test() -> None:
        async with hooked(order, {"settle": route}, store=store) as hooks:
            for id, value in (("o1", long), ("o2", long[:-1] + "-")):
                await hooks.engine.start(hooks.flow, id=id, basket={"number": 1, "about": value})
                await send(hooks, id, "charged", receipt={"charge_id": value})
            assert (await hooks.stripe(settled(long))).json()["run"] == "Order/o1"

    run(test)


@pytest.mark.parametrize("charge", ["'; DROP TABLE runs; --", 'ch"1', ":large:", "\u2028", "ünï-𝄞", "{}"])
def test_a_value_is_only_a_value(order: Any, store: str, charge: str) -> None:
    async def test() -> None:
        async with hooked(order, {"settle": SETTLE}, store=store) as hooks:
            await charged(hooks, "o1", "ch_1")
            await charged(hooks, "o2", charge)
            assert (await hooks.stripe(settled(charge))).json()["run"] == "Order/o2"

    run(test)


def test_a_contract_of_another_name_is_left_alone(tmp_path: Path, order: Any, store: str) -> None:
    async def test() -> None:
        import opord

        (tmp_path / "other.opord").write_text(CHARGE.replace("contract Order", "contract Other"))
        other = opord.load(tmp_path / "other.opord").Other
        async with opord.Engine(store, [other]) as engine:
            await engine.start(other, id="x", basket={"number": 1})
            receipt = {"receipt": {"charge_id": "ch_1"}}
            await engine.backend.send("Other/x", "charged", receipt)  # type: ignore[arg-type]
        async with hooked(order, {"settle": SETTLE}, store=store) as hooks:
            assert (await hooks.stripe(settled("ch_1"))).status_code == 404

    run(test)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"where": "receipt.charge_id"}, "expected a field and a place, as in"),
        ({"where": "receipt.charge = body.x"}, "neither the input of Order nor a state has `receipt.charge`; there are id, basket"),
        ({"where": "receipt = body.x"}, "`receipt` is of type Receipt; runs are found by str, int, uuid"),
        ({"where": "basket.weight = body.x"}, "is of type decimal"),
        ({"where": "basket.notes = body.x"}, "is of type ListOf"),
        ({"where": "pin = body.x"}, "is of type SecretOf"),
        ({"where": "id = x"}, "expected a place such as"),
        ({"where": 5}, "`where` is a text"),
        ({"run": "body.id"}, "`run` names the run, so `where` has nothing to find"),
    ],
)  # fmt: skip
def test_what_no_run_can_be_found_by_is_said_at_the_start(change: dict[str, Any], said: str) -> None:
    program = program_of(workflow_of(compiled(CHARGE.replace("uuid?)", "uuid?, pin: secret str?)"))))
    with pytest.raises(WebhookInvalid) as wrong:
        read_webhooks({"settle": SETTLE | change}, [program.contract], ENVIRONMENT)
    assert any(said in one for one in wrong.value.problems), wrong.value.problems
