"""The crash points of the step protocol by their numbers, where a store says no, or nothing, at the worst moment.

That a crash at any point loses nothing and charges nobody twice is told in `test_crash_everywhere.py`; here are the
points at which the store itself errs, and those at which more than one worker is at it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from opord.stores.base import Start, StoreUnavailable, Write
from tests.engine.desk import Here, Sim, after
from tests.engine.test_doubts import CHARGED, RECEIPT, charging
from tests.support.kit import crash_at

TEXT = charging("in doubt ask")


class Moody:
    """A store that errs: `before` raises before it does anything, `behind` after it has done all."""

    def __init__(
        self, store: Any, *, before: Callable[[str, Any], bool], behind: Callable[[str, Any], bool]
    ) -> None:
        self._store = store
        self._before = before
        self._behind = behind
        self.errors: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)

        def guarded(*args: Any, **kwargs: Any) -> Any:
            if self._before(name, args):
                self.errors["before"] += 1
                raise StoreUnavailable("full", "the disk is full")
            answer = verb(*args, **kwargs)
            if self._behind(name, args):
                self.errors["behind"] += 1
                raise StoreUnavailable("io", "the answer of the disk was lost")
            return answer

        return guarded


def never(verb: str, args: Any) -> bool:
    return False


def writes(kind: str) -> Callable[[str, Any], bool]:
    """Say yes once, to a batch that holds a record of that kind."""
    done: list[bool] = []

    def fits(verb: str, args: Any) -> bool:
        if verb != "apply" or done:
            return False
        changes: list[Start | Write] = args[0]
        if not any(record.kind == kind for change in changes for record in change.records):
            return False
        done.append(True)
        return True

    return fits


class TestCommittedButError:
    """C2, C4, C8: the store has done it, and says that it could not."""

    @pytest.mark.parametrize("kind", ["started", "intent", "outcome", "transition", "doubt", "resolved"])
    def test_what_was_written_is_not_written_again(self, kind: str) -> None:
        async def story(here: Here) -> None:
            await here.rests()
            await here.resolve(False)
            await here.rests()

        sim = Sim(TEXT, charge=[ConnectionError("reset"), RECEIPT])
        store = Moody(sim.kit.store, before=never, behind=writes(kind))
        sim.tell(story, store=store)
        assert store.errors["behind"] == 1
        assert (sim.calls("charge"), sim.ending) == (2, CHARGED)
        assert sim.kinds == ["started", "intent", "doubt", "resolved", "attempt", "outcome", "transition"]

    def test_a_stored_event_is_stored_once(self) -> None:
        from tests.engine.test_events import KEPT

        async def story(here: Here) -> None:
            sent = [await here.send("item", name=name) for name in ("a", "b")]
            assert [one.status for one in sent] == ["stored", "stored"]
            await here.send("open", x=1)
            await here.rests()

        errs = iter([False, True, False, True, True])
        sim = Sim(KEPT)
        store = Moody(
            sim.kit.store, before=never, behind=lambda verb, _: verb == "apply" and next(errs, False)
        )
        sim.tell(story, store=store)
        assert (sim.ending, store.errors["behind"]) == (("Both", {"one": "a", "two": "b"}), 3)

    def test_an_event_with_a_key_is_one_event(self) -> None:
        from tests.engine.test_events import REVIEW

        async def story(here: Here) -> None:
            await here.rests()
            assert (await here.send("paid", ref="again", cents=1)).status in ("taken", "repeated")
            assert (await here.send("paid", ref="again", cents=1)).status == "repeated"

        sim = Sim(REVIEW)
        sim.tell(story, store=Moody(sim.kit.store, before=never, behind=writes("event")))
        assert sim.states == ["Waiting", "Waiting"]


class TestAStoreThatIsFullLockedOrGone:
    def test_everybody_waits_with_a_line_in_the_log_and_nothing_is_lost(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        sim = Sim(TEXT, charge=[after(3, RECEIPT)])
        begin, end = 2.0, 30.0

        def gone(verb: str, args: Any) -> bool:
            return verb != "now" and begin < sim.kit.clock.monotonic() < end

        async def story(here: Here) -> None:
            logging.getLogger("opord").setLevel(logging.WARNING)
            await here.until(lambda: sim.kit.clock.monotonic() > end)
            await here.rests()

        store = Moody(sim.kit.store, before=gone, behind=never)
        sim.tell(story, store=store)
        assert store.errors["before"] > 5
        assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
        said = [one.getMessage() for one in caplog.records if one.name == "opord.store"]
        assert any("the store is full: the disk is full; nothing is lost" in line for line in said)
        assert said[-1] == "the store answers again"

    @pytest.mark.parametrize("seed", range(5))
    def test_errors_all_the_while_only_cost_time(self, seed: int) -> None:
        drawn = random.Random(seed)
        sim = Sim(charging("key, timeout 10s"), charge=[ConnectionError("reset"), RECEIPT])

        def sometimes(verb: str, args: Any) -> bool:
            return verb != "now" and drawn.random() < 0.3

        store = Moody(sim.kit.store, before=sometimes, behind=sometimes)
        sim.rest(store=store)
        assert sim.ending == CHARGED
        assert sim.kinds == ["started", "intent", "doubt", "attempt", "outcome", "transition"]


class TestTwoWorkers:
    def test_two_that_start_up_together_call_once(self) -> None:
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
    def test_nobody_is_called_when_the_worker_was_down_longer_than_the_key_holds(self) -> None:
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

        shown = run_view(sim.run, served={other.program.digest})
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

    def test_leaving_lets_calls_under_way_end(self) -> None:
        sim = Sim(TEXT, charge=[after(20, RECEIPT)])
        sim.tell(lambda here: here.until(lambda: sim.calls("charge") == 1))
        assert (sim.ending, sim.kinds.count("doubt")) == (CHARGED, 0)

    def test_but_not_for_ever_and_what_is_left_is_in_doubt(self) -> None:
        sim = Sim(TEXT, charge=[after(20, RECEIPT)])
        sim.tell(lambda here: here.until(lambda: sim.calls("charge") == 1), drain_s=5)
        assert (sim.status, sim.run.worker) == ("running", None)
        sim.tell(lambda here: here.rests())
        assert (sim.calls("charge"), sim.status) == (1, "in_doubt")
