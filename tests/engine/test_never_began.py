"""An attempt that is on record and was never called: its worker says so, and nobody is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

import opord
from opord.drive.hooks import Point
from opord.drive.leases import Lease
from opord.engine.environment import Environment
from opord.kernel.views import record_view
from opord.stores.base import StoreUnavailable
from opord.story.lines import tell
from opord.testing.crashing import Killed
from opord.testing.engines import kill
from tests.engine.contracts import BUSY, CHARGED, RECEIPT, charging
from tests.engine.desk import Here, Sim, after
from tests.support.contracts import compiled
from tests.support.store import FaultyStore

NOT_CALLED = {"not_called": None}


class Stopped(FaultyStore):
    """A store whose process is stopped for a while once an attempt of the run is durable.

    `nth` says at which attempt.
    """

    def __init__(self, sim: Sim, nth: int, seconds: float) -> None:
        super().__init__(sim.kit.store)
        self.sim, self.nth, self.seconds = sim, nth, seconds
        self.stopped = asyncio.Event()

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        if name == "apply":
            for change in args[0]:
                for record in change.records:
                    begins = record.kind == "intent" or (
                        record.kind == "attempt" and '"outcome"' not in record.body
                    )
                    self.nth -= begins
                    if begins and self.nth == 0:
                        self.sim.kit.clock.advance(11)  # longer than a lease
                        self.stopped.set()
                        self.fail(StoreUnavailable("gone", "stopped"), self.seconds)
        return answer


def told(policy: str, *answers: Any, nth: int = 1, seconds: float = 40, **scripts: Any) -> Sim:
    """Tell a story in which a worker is stopped between an attempt's record and its call.

    Another worker takes the run over meanwhile.
    """
    sim = Sim(
        charging(policy, report="report" in policy or "within" in policy), charge=list(answers), **scripts
    )

    async def main() -> None:
        store = Stopped(sim, nth, seconds)
        async with sim.kit.engine(store=store) as stopped:
            await Here(sim, stopped).start()
            await store.stopped.wait()
            async with sim.kit.engine() as other:
                here = Here(sim, other)
                await here.until(lambda: any(one["outcome"] == NOT_CALLED for one in sim.records("evidence")))
                await here.rests()

    sim.kit.run(main())
    sim.kit.check()
    return sim


@pytest.mark.parametrize(
    "policy", ["in doubt ask", "key, in doubt ask", "in doubt check find(n, call.key) after 1h"]
)
def test_the_workers_word_ends_the_doubt_and_the_action_is_called(policy: str) -> None:
    sim = told(policy, RECEIPT, find=[None])
    assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
    said = sim.record("evidence")
    assert (said["outcome"], said["attempt"], said["answered"]) == (NOT_CALLED, 1, [1])
    assert sim.calls("find") == 0


def test_a_question_that_was_put_to_a_person_is_withdrawn() -> None:
    sim = told("in doubt ask", RECEIPT)
    kinds = sim.kinds
    assert "doubt" in kinds[: kinds.index("evidence")]
    assert sim.ending == CHARGED
    history = [record_view(sim.program, one) for one in sim.kit.store.journal(sim.id)]
    said = "".join(part.text for line in tell(sim.program, history) for part in line.parts)
    assert "attempt 1 of charge: its worker w1 says that the call never began" in said


def test_an_attempt_that_never_began_does_not_count_for_retry() -> None:
    sim = told("retry 1 times backoff 1s to 1s", BUSY, RECEIPT, nth=2)
    assert (sim.calls("charge"), sim.ending) == (2, CHARGED)
    assert [made.call.attempt for made in sim.made("charge") if made.call] == [1, 3]


def test_the_word_about_one_attempt_leaves_the_doubt_about_another() -> None:
    """Attempt 1 is in doubt, attempt 2 never began: so one more is left, under the same key."""
    sim = told("key, retry 1 times backoff 1s to 1s", ConnectionError("lost"), RECEIPT, nth=2)
    assert sim.ending == CHARGED
    assert [made.call.attempt for made in sim.made("charge") if made.call] == [1, 3]
    assert (sim.record("evidence")["answered"], len(set(sim.keys("charge")))) == ([2], 1)


def test_what_was_decided_meanwhile_stays() -> None:
    sim = told("in doubt report", RECEIPT)
    assert (sim.state, sim.calls("charge")) == ("Unclear", 0)
    assert "answered" not in sim.record("evidence")


def test_a_word_against_what_a_person_said_raises_an_alarm() -> None:
    """A person said that it happened, and then its worker says that it was never called."""
    sim = Sim(charging("in doubt ask"), charge=[RECEIPT])

    async def main() -> None:
        store = Stopped(sim, 1, 60)
        async with sim.kit.engine(store=store) as stopped:
            await Here(sim, stopped).start()
            await store.stopped.wait()
            async with sim.kit.engine() as other:
                here = Here(sim, other)
                await here.rests()
                await here.resolve(True, RECEIPT)
                await here.until(lambda: "alarm" in sim.kinds)

    sim.kit.run(main())
    sim.kit.check()
    assert (sim.ending, sim.calls("charge")) == (CHARGED, 0)
    assert sim.record("evidence")["outcome"] == NOT_CALLED
    assert sim.record("alarm")["reason"] == "no after yes"
    assert [need["reason"] for need in sim.view["needs"]] == ["alarm"]


def test_a_repeat_that_has_begun_has_the_last_word() -> None:
    sim = told("key", RECEIPT)
    assert (sim.calls("charge"), sim.ending) == (1, CHARGED)


def released(sim: Sim, seconds: float) -> Callable[[str, str], None]:
    """Return a hook that takes the run from its holder once its intent is durable."""

    def hook(point: str, run: str) -> None:
        if point == "intent written" and sim.kit.hits[point] == 1:
            row = sim.kit.row(run)
            sim.kit.store.release(row.head.worker, [(run, row.epoch)])
            sim.kit.clock.advance(seconds)

    return hook


def test_a_first_attempt_that_never_began_starts_no_window() -> None:
    """The key is remembered from the first attempt that is called."""
    sim = Sim(charging("key for 30s"), charge=[ConnectionError("lost"), RECEIPT])
    sim.rest(hook=released(sim, 40))
    assert (sim.calls("charge"), sim.ending) == (2, CHARGED)
    assert "doubt" in sim.kinds


def test_without_a_successor_the_same_worker_calls_the_next_attempt() -> None:
    sim = Sim(charging("in doubt ask"), charge=[RECEIPT])
    sim.rest(hook=released(sim, 40))
    assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
    # The worker may claim the run again before its own word is written; then a doubt comes first.
    kinds = [kind for kind in sim.kinds if kind != "doubt"]
    assert kinds == ["started", "intent", "evidence", "attempt", "outcome", "transition"]


@pytest.mark.parametrize("point", [point for point in get_args(Point) if "evidence" in point])
def test_a_worker_that_dies_before_its_word_leaves_a_doubt(point: str) -> None:
    sim = Sim(charging("in doubt ask"), charge=[RECEIPT])
    release = released(sim, 40)

    def hook(at: str, run: str) -> None:
        release(at, run)
        if at == point:
            raise Killed

    async def dies(here: Here) -> None:
        await here.until(lambda: sim.kit.hits[point] > 0)
        await kill(here.engine)

    sim.tell(dies, hook=hook)
    sim.tell(lambda here: here.rests(), started=True)
    assert (sim.calls("charge"), sim.status) == (0, "in_doubt")


def test_a_worker_that_is_stopped_before_its_call_says_so() -> None:
    """It is told to stop while the call waits for the store; the run goes on without a person."""
    sim = Sim(charging("in doubt ask"), charge=[RECEIPT])
    waiting = asyncio.Event()

    async def never(self: Lease) -> None:
        if sim.kit.hits["intent written"] == 1:
            waiting.set()
            await asyncio.sleep(10**6)

    async def stopped(here: Here) -> None:
        await waiting.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lease, "make_sure", never)
        sim.tell(stopped)
    assert sim.record("evidence")["outcome"] == NOT_CALLED
    sim.tell(lambda here: here.rests(), started=True)
    assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
    assert "doubt" not in sim.kinds


def test_an_attempt_that_was_not_recorded_is_nobodys_to_take_back() -> None:
    """The intent was not durable: another worker may record one of that number."""
    sim = Sim(charging("in doubt ask"), charge=[RECEIPT])

    def hook(point: str, run: str) -> None:
        if point == "before intent" and sim.kit.hits[point] == 1:
            row = sim.kit.row(run)
            sim.kit.store.release(row.head.worker, [(run, row.epoch)])
            assert sim.kit.store.claim("w9", [row.contract], limit=1, ttl_us=1_000_000)

    sim.rest(hook=hook)
    assert (sim.calls("charge"), sim.ending) == (1, CHARGED)
    assert "evidence" not in sim.kinds


def test_once_the_handler_is_entered_nobody_says_that_the_call_never_began() -> None:
    """The run is lost while the handler runs; what it does later is the evidence."""
    sim = Sim(charging("in doubt ask"), charge=[after(30, RECEIPT)])

    async def lost(here: Here) -> None:
        await here.until(lambda: sim.calls("charge") == 1)
        (flight,) = here.engine.worker.flights.values()  # type: ignore[union-attr]
        assert (flight.uncalled, flight.run_hold.own_evidence) == (False, None)
        sim.kit.store.release("w1", [(sim.id, sim.kit.row(sim.id).epoch)])
        await here.rests()

    sim.tell(lost)
    assert all(one["outcome"] != NOT_CALLED for one in sim.records("evidence"))
    assert sim.calls("charge") == 1


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come about")


SLOW: Any = compiled("""
contract Slow(n: int) key n version 1
action wait(n: int) { in doubt ask }
initial state Waiting -> Done { commit wait(n)
  goto Done }
final state Done success
""")


def test_a_call_that_waited_for_a_thread_is_not_made_once_the_run_is_lost(tmp_path: Path) -> None:
    """Two calls and one thread: while the second waits, another worker takes its run over."""
    gate, entered = threading.Event(), list[int]()

    class Handlers:
        def wait(self, n: int, *, call: opord.Call) -> None:
            entered.append(n)
            if n == 1:
                gate.wait(20)

    url = f"sqlite:///{tmp_path}/runs.db"

    async def main() -> None:
        one = Environment(max_threads=1)
        async with opord.Engine(url, [SLOW.Slow(Handlers())], environment=one) as engine:
            await engine.start(SLOW.Slow, n=1)
            await until(lambda: bool(entered))
            second = await engine.start(SLOW.Slow, n=2)
            worker = engine.worker
            assert worker is not None
            await until(lambda: second.id in worker.flights and worker.flights[second.id].uncalled)
            flight = worker.flights[second.id]
            row = worker.store.load(second.id)
            assert row is not None
            worker.store.release(worker.name, [(second.id, row.epoch)])
            flight.run_hold.lease._sure_until = 0.0  # its lease is over by now
            gate.set()
            await asyncio.wait_for(second.result(), 20)
            told = [one["outcome"] for one in await second.history() if one["kind"] == "evidence"]
            assert (told, entered) == ([{"not_called": None}], [1, 2])

    asyncio.run(main())
