"""A supplier in trouble is left alone for a while, and asked with care."""

from __future__ import annotations

from typing import Any

import pytest

from examples.patterns.circuit_breaker.catalogue_sync import CatalogueSync, SupplierError
from examples.patterns.circuit_breaker.handlers import Handlers
from examples.patterns.service import Answer, NotSent, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere

NEXT = {"start": "b", "b": "c", "c": None}


def faked(world: World) -> Fakes:
    fakes = world.fakes(CatalogueSync)
    fakes.fetch_page.does(lambda supplier, cursor: {"items": [cursor], "next": NEXT[cursor]})
    fakes.ping.returns()
    fakes.store_page.returns()
    fakes.raise_alarm.returns()
    return fakes


def started(world: World) -> Run:
    return world.start(CatalogueSync, supplier="acme", day="2026-03-01")


@crash_everywhere
def test_all_pages_are_stored_once(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.assert_ended().assert_state("Complete", pages=3)
    assert [made.key for made in fakes.store_page.effects] == ["start", "b", "c"]


def test_two_failures_are_nothing_and_a_success_forgets_them(opord_world: World) -> None:
    fakes = faked(opord_world)
    broken = fakes.fetch_page.fails(SupplierError.Broken).times(2)
    broken.then.returns(items=[], next="b").then.fails(SupplierError.Broken).times(2).then.returns(items=[])
    started(opord_world).advance("5m").assert_state("Complete", pages=2)
    assert fakes.raise_alarm.calls == []


@crash_everywhere
def test_three_failures_open_the_circuit_and_nobody_calls(opord_world: World) -> None:
    fakes = faked(opord_world)
    healthy = opord_world.now.timestamp() + 1200

    def fetch(supplier: str, cursor: str) -> dict[str, Any]:
        if opord_world.now.timestamp() < healthy:
            raise SupplierError.Broken
        return {"items": [], "next": NEXT[cursor]}

    def ping(supplier: str) -> None:
        if opord_world.now.timestamp() < healthy:
            raise SupplierError.Broken

    fakes.fetch_page.does(fetch)
    fakes.ping.does(ping)
    run = started(opord_world).advance("2m").assert_state("Open")
    calls = len(fakes.fetch_page.calls)
    run.advance("9m")
    assert len(fakes.fetch_page.calls) == calls
    run.advance("30m").assert_state("Complete", pages=3)
    assert fakes.raise_alarm.happened <= 1


def test_while_it_is_half_open_one_small_call_decides(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.fetch_page.fails(SupplierError.Broken)
    fakes.ping.fails(SupplierError.Broken).then.times_out().then.fails(SupplierError.NoSuchCatalogue)
    run = started(opord_world).advance("2m").assert_state("Open")
    run.advance("10m").assert_state("Open").advance("10m").assert_state("Open")
    run.advance("10m").assert_state("GaveUp", reason="no such catalogue")
    assert (len(fakes.fetch_page.calls), len(fakes.ping.calls), fakes.raise_alarm.happened) == (3, 3, 1)


def test_a_page_that_takes_too_long_counts_as_a_failure(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.fetch_page.times_out()
    started(opord_world).advance("3m").assert_state("Open")
    assert len(fakes.fetch_page.calls) == 3


def test_after_a_day_of_trouble_it_gives_up(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.fetch_page.fails(SupplierError.Broken)
    fakes.ping.fails(SupplierError.Broken)
    started(opord_world).advance("20h").assert_state("GaveUp", pages=0, reason="the day is over")


def test_it_is_stopped(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.fetch_page.fails(SupplierError.Broken)
    run = started(opord_world)
    run.send.stop(as_="ops", role="operator")
    run.assert_state("Stopped").assert_ended("cancelled")


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_stores_no_page_twice(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.store_page.unknown(happened=happened).then.returns()
    started(opord_world).assert_state("Complete", pages=3)
    assert fakes.store_page.happened == 3


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, {"items": [1]}), "ok"),
        (Answer(404), "SupplierError.NoSuchCatalogue"),
        (Answer(502), "SupplierError.Broken"),
        (NotSent(), "SupplierError.Broken"),
        (Answer(302), "Strange"),
    ],
)
def test_what_a_supplier_says_is_what_the_contract_hears(
    opord_world: World, answer: Any, outcome: str
) -> None:
    suppliers = Recorded({"/acme/catalogue/start": answer, "/acme/health": Answer(200)})
    database, alarm = Recorded({"/pages": Answer(200)}), Recorded({"/alarms": Answer(200)})
    fakes = opord_world.fakes(CatalogueSync, real=Handlers(suppliers, database, alarm))
    run = started(opord_world)
    assert fakes.fetch_page.calls[0].outcome == outcome
    if outcome == "SupplierError.Broken":
        run.advance("12m")
        assert fakes.ping.calls[0].outcome == "ok"
        assert alarm.posts[0][1] == {"text": "acme does not answer; the next look is in ten minutes"}
    if outcome == "ok":
        assert database.posts == [("/pages", {"supplier": "acme", "cursor": "start", "items": [1]}, "start")]
