"""The numbered crash points at which a store fails, or gives no answer, at the worst moment.

`test_crash_everywhere.py` shows that a crash at any point loses nothing and charges nobody twice.
This module has the points at which the store itself fails, and those with more than one worker.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest

from opord.stores.base import StoreUnavailable
from tests.engine.contracts import CHARGED, RECEIPT, charging
from tests.engine.desk import Here, Sim, after
from tests.support.kit import crash_at
from tests.support.store import FOR_EVER, Fault, FaultyStore, has_record

TEXT = charging("in doubt ask")


FULL = StoreUnavailable("full", "the disk is full")
LOST = StoreUnavailable("io", "the answer of the disk was lost")


class TestCommittedButError:
    """C2, C4, C8: the store has applied the change and reports an error."""

    @pytest.mark.parametrize("kind", ["started", "intent", "outcome", "transition", "doubt", "resolved"])
    def test_a_committed_write_is_not_written_again(self, kind: str) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resolve(False)
            await here.rests()

        sim = Sim(TEXT, charge=[ConnectionError("reset"), RECEIPT])
        store = FaultyStore(sim.kit.store, Fault(LOST, when="after", fits=has_record(kind)))
        sim.tell(story, store=store)
        assert store.failed == 1
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)
        assert sim.kinds == ["started", "intent", "doubt", "resolved", "attempt", "outcome", "transition"]

    def test_a_stored_event_is_stored_once(self) -> None:
        from tests.engine.contracts import KEPT

        async def story(here: Here) -> None:
            sent = [await here.send("item", name=name) for name in ("a", "b")]
            assert [one.status for one in sent] == ["stored", "stored"]
            await here.send("open", x=1)
            await here.rests()

        errs = iter([False, True, False, True, True])
        sim = Sim(KEPT)
        errors = Fault(LOST, "apply", when="after", times=FOR_EVER, fits=lambda verb, args: next(errs, False))
        store = FaultyStore(sim.kit.store, errors)
        sim.tell(story, store=store)
        assert (sim.ending, store.failed) == (("Both", {"one": "a", "two": "b"}), 3)

    def test_an_event_with_a_key_is_one_event(self) -> None:
        from tests.engine.contracts import REVIEW

        async def story(here: Here) -> None:
            await here.rests()
            assert (await here.send("paid", ref="again", cents=1)).status in ("taken", "repeated")
            assert (await here.send("paid", ref="again", cents=1)).status == "repeated"

        sim = Sim(REVIEW)
        store = FaultyStore(sim.kit.store, Fault(LOST, when="after", fits=has_record("event")))
        sim.tell(story, store=store)
        assert sim.states == ["Waiting", "Waiting"]


class TestAStoreThatIsFullLockedOrGone:
    def test_all_callers_wait_with_a_line_in_the_log_and_nothing_is_lost(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim = Sim(TEXT, charge=[after(3, RECEIPT)])
        begin, end = 2.0, 30.0

        def gone(verb: str, args: Any) -> bool:
            return begin < sim.kit.clock.monotonic() < end

        async def story(here: Here) -> None:
            logging.getLogger("opord").setLevel(logging.WARNING)
            await here.until(lambda: sim.kit.clock.monotonic() > end)
            await here.rests()

        store = FaultyStore(sim.kit.store, Fault(FULL, times=FOR_EVER, fits=gone))
        sim.tell(story, store=store)
        assert store.failed > 5
        assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
        said = [one.getMessage() for one in caplog.records if one.name == "opord.store"]
        assert any("the store is full: the disk is full; nothing is lost" in line for line in said)
        assert said[-1] == "the store answers again"

    @pytest.mark.parametrize("seed", range(5))
    def test_repeated_errors_only_cost_time(self, seed: int) -> None:
        drawn = random.Random(seed)
        sim = Sim(charging("key, timeout 10s"), charge=[ConnectionError("reset"), RECEIPT])

        def sometimes(verb: str, args: Any) -> bool:
            return drawn.random() < 0.3

        before = Fault(FULL, times=FOR_EVER, fits=sometimes)
        after_it = Fault(LOST, when="after", times=FOR_EVER, fits=sometimes)
        store = FaultyStore(sim.kit.store, before, after_it)
        sim.rest(store=store)
        assert sim.ending == CHARGED
        assert sim.kinds == ["started", "intent", "doubt", "attempt", "outcome", "transition"]


class TestTwoWorkers:
    def test_two_workers_that_start_together_call_once(self) -> None:
        """C15: no double dispatch, whatever they find."""
        sim = Sim(TEXT, charge=[after(3, RECEIPT)])

        async def main() -> None:
            async with sim.kit.engine(serve=False) as client:
                for n in range(20):
                    await client.start_run(sim.program, {"n": n})
            engines = [sim.kit.engine() for _ in range(3)]
            async with engines[0], engines[1], engines[2]:
                await sim.kit.until(
                    lambda: all(sim.kit.row(f"Charging/{n}").head.status == "ended" for n in range(20))
                )

        sim.kit.run(main())
        sim.kit.check()
        assert sorted(made.args[0] for made in sim.made("charge")) == list(range(20))

    def test_a_start_while_another_recovers(self) -> None:
        sim = Sim(charging("key"), charge=[after(1, RECEIPT)])
        sim.id = "Charging/1"

        async def dies(engine: Any) -> None:
            await engine.start_run(sim.program, {"n": 1})
            await asyncio.sleep(10**6)

        async def main() -> None:
            assert await crash_at(sim.kit, "intent written", dies) == "intent written"
            engines = [sim.kit.engine() for _ in range(2)]
            async with engines[0], engines[1]:
                names = await asyncio.gather(
                    *(engines[n % 2].start_run(sim.program, {"n": 1}) for n in range(6))
                )
                assert set(names) == {"Charging/1"}
                await sim.kit.until(lambda: sim.status == "ended")

        sim.kit.run(main())
        sim.kit.check()
        assert (sim.calls("charge"), sim.ending, sim.kinds.count("doubt")) == (1, CHARGED, 1)


class TestTheWindowHasPassed:
    def test_no_call_is_made_if_the_worker_was_down_longer_than_the_keys_window(self) -> None:
        """C22."""
        sim = Sim(charging("key for 24h"), charge=[RECEIPT])
        sim.id = "Charging/1"

        async def dies(engine: Any) -> None:
            await engine.start_run(sim.program, {"n": 1})
            await asyncio.sleep(10**6)

        async def main() -> None:
            assert await crash_at(sim.kit, "intent written", dies) == "intent written"

        sim.kit.run(main())
        sim.advance("25h")
        sim.tell(lambda here: here.rests(), started=True)
        assert (sim.calls("charge"), sim.status) == (0, "in_doubt")

    def test_a_cached_error_under_the_key_is_not_retried_under_a_new_one(self) -> None:
        """C23: the provider answers 500 for the key, again and again."""
        sim = Sim(charging("key, retry 3 times"), charge=[RuntimeError("500 cached")]).rest()
        assert (len(set(sim.keys("charge"))), sim.calls("charge"), sim.status) == (1, 4, "in_doubt")


class TestWorkersAndContracts:
    def test_a_run_whose_version_has_no_handlers_stays_running_with_that_as_its_reason(self) -> None:
        sim = Sim(TEXT, charge=[RECEIPT])
        other = Sim(
            TEXT.replace("version 1", "version 2").replace("contract Charging", "contract Charging"),
            charge=[RECEIPT],
        )
        other.kit.store, other.kit.clock = sim.kit.store, sim.kit.clock

        async def idle(here: Here) -> None:
            async with other.kit.engine() as newer:
                await here.wait(30)
                await newer.until_idle()
                assert await newer.client.read(here.sim.id)

        sim.tell(idle, serve=False)
        from opord.kernel.views import run_view

        shown = run_view(sim.run, served={(other.program.digest, "")})
        assert (shown["status"], shown["reason"]) == (
            "running",
            "no worker has handlers for Charging version 1",
        )
        assert sim.calls("charge") == other.calls("charge") == 0

    def test_hundreds_of_slow_calls_are_in_flight_at_once(self) -> None:
        sim = Sim(TEXT, charge=[after(100, RECEIPT)])

        async def story(here: Here) -> None:
            began = sim.kit.clock.monotonic()
            for n in range(2, 400):
                await here.engine.start_run(sim.program, {"n": n})
            await here.until(
                lambda: all(sim.kit.row(f"Charging/{n}").head.status == "ended" for n in range(1, 400))
            )
            assert sim.kit.clock.monotonic() - began < 110

        sim.tell(story)
        assert sim.calls("charge") == 399

    def test_closing_lets_calls_under_way_end(self) -> None:
        sim = Sim(TEXT, charge=[after(20, RECEIPT)])
        sim.tell(lambda here: here.until(lambda: sim.calls("charge") == 1))
        assert (sim.ending, sim.kinds.count("doubt")) == (CHARGED, 0)

    def test_closing_does_not_wait_for_ever_and_open_calls_are_in_doubt(self) -> None:
        sim = Sim(TEXT, charge=[after(20, RECEIPT)])
        sim.tell(lambda here: here.until(lambda: sim.calls("charge") == 1), drain_s=5)
        assert (sim.status, sim.run.worker) == ("running", None)
        sim.tell(lambda here: here.rests())
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")
