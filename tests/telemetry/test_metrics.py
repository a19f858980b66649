"""What a process counts: runs, transitions, calls, timers, and what the store holds."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import opord
from opord.kernel.outgoing import Subscription
from opord.telemetry import Metrics
from opord.telemetry.families import FAMILIES
from tests.support.pages import ROOT
from tests.telemetry.kit import Handlers, run, watched

CONTRACT = "contract=Parcel"


def test_a_run_is_counted_from_its_start_to_its_end(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel) as here:
            handle = await here.engine.start(parcel.Parcel, name="a")
            await handle.send.sent(note="go")
            assert (await handle.result()).number == "N-a"
            found = await here.numbers()
        assert found[f"opord_runs_started_total{{{CONTRACT}}}"] == 1
        assert found[f"opord_runs_ended_total{{{CONTRACT},outcome=success}}"] == 1
        assert found[f"opord_transitions_total{{{CONTRACT},from_state=Packed,to_state=Weighed}}"] == 1
        assert found[f"opord_transitions_total{{{CONTRACT},from_state=Weighed,to_state=Shipped}}"] == 1
        assert found[f"opord_runs{{{CONTRACT},status=ended}}"] == 1
        assert found[f"opord_call_attempts_total{{call=weigh,{CONTRACT},outcome=ok}}"] == 1
        assert found[f"opord_call_attempts_total{{call=ship,{CONTRACT},outcome=ok}}"] == 1
        assert found[f"opord_call_duration_seconds_count{{call=ship,{CONTRACT}}}"] == 1
        assert found[f"opord_state_duration_seconds_count{{{CONTRACT},state=Packed}}"] == 1
        assert found["opord_store_changes_total{result=applied}"] >= 4
        assert found["opord_store_commit_duration_seconds_count"] >= 4
        assert (found["opord_workers"], found["opord_worker_claims"], found["opord_store_up"]) == (1, 1, 1)

    run(test)


def test_each_way_to_end_a_call_is_counted_by_its_name(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel) as here:
            for name in ("heavy", "cursed"):
                await (await here.engine.start(parcel.Parcel, name=name)).send.sent(note="go")
            await here.engine.run(parcel.Parcel, "heavy").result()
            await here.until(parcel.Parcel, "cursed", "in_doubt")
            found = await here.numbers()
        assert found[f"opord_call_attempts_total{{call=weigh,{CONTRACT},outcome=failed}}"] == 1
        assert found[f"opord_call_attempts_total{{call=ship,{CONTRACT},outcome=error}}"] == 1
        assert found[f"opord_runs_ended_total{{{CONTRACT},outcome=failure}}"] == 1
        assert found[f"opord_runs{{{CONTRACT},status=in_doubt}}"] == 1
        assert found[f"opord_runs_in_need{{{CONTRACT},reason=doubt}}"] == 1

    run(test)


def test_a_timer_says_how_late_it_fired(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel) as here:
            handle = await here.engine.start(parcel.Parcel, name="a")
            await handle.result()
            found = await here.numbers()
        assert found[f"opord_timer_lag_seconds_count{{{CONTRACT}}}"] == 1
        in_state = found[f"opord_state_duration_seconds_sum{{{CONTRACT},state=Packed}}"]
        late = found[f"opord_timer_lag_seconds_sum{{{CONTRACT}}}"]
        assert 0 <= late < in_state
        assert in_state >= 0.05

    run(test)


def test_an_administrators_end_is_counted_once(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel, handlers=False) as here:
            handle = await here.engine.start(parcel.Parcel, name="a")
            await here.engine.backend.terminate(handle.id, actor="ann")
            found = await here.numbers()
        assert found[f"opord_runs_ended_total{{{CONTRACT},outcome=terminated}}"] == 1

    run(test)


@pytest.mark.parametrize("store", ["sqlite://:memory:", "postgres"])
def test_the_age_of_the_queue_is_that_of_the_oldest_due_run(
    parcel: Any, store: str, request: pytest.FixtureRequest
) -> None:
    url = (
        store
        if store != "postgres"
        else request.getfixturevalue("postgres").url(schema=f"s_{uuid4().hex[:12]}")
    )

    async def test() -> None:
        async with watched(parcel, handlers=False, store=url) as here:
            handle = await here.engine.start(parcel.Parcel, name="a")
            await handle.send.sent(note="go")
            await asyncio.sleep(0.05)
            found = await here.numbers()
        assert found[f"opord_queue_age_seconds{{{CONTRACT}}}"] >= 0.05
        assert (found["opord_workers"], found[f"opord_runs{{{CONTRACT},status=running}}"]) == (0, 1)
        assert found[f"opord_runs_in_need{{{CONTRACT},reason=unserved}}"] == 1
        assert not any(name.startswith("opord_worker_") for name in found)

    run(test)


def test_what_a_transaction_of_a_program_wrote_is_counted(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel, handlers=False) as here:
            async with here.engine.transaction() as transaction:
                await transaction.start(parcel.Parcel, name="a")
            found = await here.numbers()
        assert found[f"opord_runs_started_total{{{CONTRACT}}}"] == 1

    run(test)


def test_messages_to_other_programs_are_counted_until_they_are_sent(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel, handlers=False) as here:
            here.engine.store.outbox.subscribe([Subscription("ledger")])
            await here.engine.start(parcel.Parcel, name="a")
            found = await here.numbers()
        assert found["opord_outbox_messages{endpoint=ledger,state=waiting}"] == 1
        assert found["opord_outbox_messages{endpoint=ledger,state=given_up}"] == 0
        assert found["opord_outbox_age_seconds{endpoint=ledger}"] >= 0
        assert found["opord_outbox_stopped{endpoint=ledger}"] == 0

    run(test)


def test_the_store_is_not_counted_again_at_once(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel, handlers=False) as here:
            await here.numbers()
            await here.engine.start(parcel.Parcel, name="a")
            found = await here.numbers()
        assert f"opord_runs{{{CONTRACT},status=waiting}}" not in found
        assert found[f"opord_runs_started_total{{{CONTRACT}}}"] == 1

    run(test)


def test_a_store_that_does_not_answer_is_not_up(parcel: Any, monkeypatch: Any) -> None:
    async def test() -> None:
        async with watched(parcel, handlers=False) as here:

            async def broken() -> None:
                raise OSError("the disk is gone")

            monkeypatch.setattr(here.engine.backend, "census", broken)
            assert (await here.numbers())["opord_store_up"] == 0

    run(test)


def test_the_event_loop_is_looked_at(parcel: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("opord.telemetry.metrics.LAG_EVERY_S", 0.01)

    async def test() -> None:
        async with watched(parcel, handlers=False) as here:
            await here.until_shown("opord_event_loop_lag_seconds_count")

    run(test)


def test_without_metrics_nothing_of_them_is_made(parcel: Any) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [parcel.Parcel(Handlers())]) as engine:
            assert engine.writer.observer is None
            assert engine.worker is not None
            assert {type(calls).__name__ for calls in engine.worker.calls.values()} == {"Calls"}

    run(test)


# --- the table ------------------------------------------------------------------------------------

TABLE = re.compile(r"^\| `(opord_\w+)` \| (\w+) \|(.*?) \| (.+) \|$", flags=re.MULTILINE)


def test_the_page_lists_every_metric_as_it_is() -> None:
    listed = TABLE.findall((ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8"))
    said = [(name, kind, tuple(re.findall(r"`(\w+)`", labels)), text) for name, kind, labels, text in listed]
    assert said == [(one.name, one.kind, one.labels, one.help) for one in FAMILIES]


def test_the_names_are_as_prometheus_wants_them() -> None:
    for family in FAMILIES:
        assert family.name.endswith("_total") == (family.kind == "counter"), family.name
        assert (family.bounds != ()) == (family.kind == "histogram"), family.name
        assert family.kind != "histogram" or family.name.endswith("_seconds"), family.name
        assert sorted(family.bounds) == [*family.bounds]
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_the_registry_has_these_metrics_and_those_of_the_process() -> None:
    names = {metric.name for metric in Metrics().registry.collect()}
    assert names >= {family.name.removesuffix("_total") for family in FAMILIES}
    assert "process_cpu_seconds" in names


def test_a_start_that_is_sent_again_is_no_refusal(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel, handlers=False) as here:
            for _ in range(3):
                await here.engine.start(parcel.Parcel, name="a")
            found = await here.numbers()
        assert found["opord_store_changes_total{result=repeated}"] == 2
        assert "opord_store_changes_total{result=refused}" not in found

    run(test)


class Broken:
    """An observer with a mistake in everything that it hears."""

    def begins(self) -> None:
        raise RuntimeError("begins")

    def ends(self) -> None:
        raise RuntimeError("ends")

    def written(self, *_: Any) -> None:
        raise RuntimeError("written")

    def called(self, *_: Any) -> None:
        raise RuntimeError("called")

    def timer_fired(self, *_: Any) -> None:
        raise RuntimeError("timer fired")


def test_an_observer_that_raises_stops_nothing(
    parcel: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async def test() -> None:
        store = f"sqlite:///{tmp_path / 'runs.db'}"
        async with opord.Engine(store, [parcel.Parcel(Handlers())], observer=Broken()) as engine:
            for name in ("a", "b"):
                handle = await engine.start(parcel.Parcel, name=name)
                await handle.send.sent(note="go")
                assert (await handle.result()).number == f"N-{name}"
            late = await engine.start(parcel.Parcel, name="c")
            assert type(await late.result()).__name__ == "Late"

    run(test)
    said = [record for record in caplog.records if record.name == "opord.observer"]
    assert [record.getMessage().split(" raised")[0] for record in said] == ["the observer Broken"]
