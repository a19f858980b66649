"""A worker may claim its own run again after its lease is over.

The later flight goes on, whatever the first one does.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.engine.worker import Worker
from opord.stores.base import StoreUnavailable
from tests.support.kit import Kit
from tests.support.store import Fault, FaultyStore

TEXT = """
contract Plain(id: str) key id
effect look(id: str) -> str
initial state Looking -> Done {
  let seen = perform look(id)
  goto Done(seen)
}
final state Done(seen: str) success
"""


def away(kit: Kit, verb: str, seconds: float) -> FaultyStore:
    """Return a store that cannot be reached for a while, from the first call of a verb on."""
    gone = StoreUnavailable("gone", "out of reach")
    return FaultyStore(kit.store, Fault(gone, verb, lasts_s=seconds))


async def carried(kit: Kit, engine: Engine) -> tuple[Worker, str]:
    """Start a run, and return it with the worker that carries it."""
    assert engine.worker is not None
    return engine.worker, await engine.start_run(engine._program(kit.workflow), {"id": "1"})


class Handlers:
    async def look(self, id: str) -> str:
        await asyncio.sleep(0.1)
        return "seen"


@pytest.mark.parametrize("verb", ["apply", "renew", "heartbeat"])
@pytest.mark.parametrize("seconds", [5.0, 12.0, 32.0, 33.3, 100.0])
def test_a_single_worker_goes_on_after_its_store_was_unreachable(verb: str, seconds: float) -> None:
    kit = Kit(TEXT, lambda _: Handlers())

    async def main() -> None:
        async with kit.engine(store=away(kit, verb, seconds)) as engine:
            run = await engine.start_run(engine._program(kit.workflow), {"id": "1"})
            await kit.until(lambda: kit.row(run).head.status == "ended", seconds=200)

    kit.run(main())
    kit.check()


def test_a_flight_cancelled_before_its_first_step_holds_nothing() -> None:
    kit = Kit(TEXT, lambda _: Handlers())

    async def main() -> None:
        async with kit.engine() as engine:
            worker, run = await carried(kit, engine)
            worker.drop(run)
            await kit.until(lambda: kit.row(run).head.status == "ended", seconds=60)

    kit.run(main())


def test_only_the_flight_whose_lease_was_lost_is_cancelled() -> None:
    """Renew leases of flights that a later claim has replaced meanwhile."""
    kit = Kit(TEXT, lambda _: Handlers())
    moved: list[str] = []

    class Late(FaultyStore):
        def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
            if name != "renew" or not args[1] or moved:
                return answer
            # Before the answer arrives the run is claimed again, under the next epoch.
            moved.append(args[1][0][0])
            worker = engine.worker
            assert worker is not None
            kit.clock.advance(60.0)
            for row in kit.store.claim(worker.name, list(worker.programs), limit=1, ttl_us=10**8):
                worker._take(row)
            return moved

    class Slow(Handlers):
        async def look(self, id: str) -> str:
            await asyncio.sleep(20.0)
            return "seen"

    kit.handlers = Slow()
    engine = kit.engine(store=Late(kit.store))

    async def main() -> None:
        async with engine:
            run = await engine.start_run(engine._program(kit.workflow), {"id": "1"})
            began = kit.clock.now_us
            await kit.until(lambda: kit.row(run).head.status == "ended", seconds=600)
            assert moved == [run]
            assert (kit.clock.now_us - began) / 1e6 < 60 + 10 + 20 + 5, "the later flight was broken off too"

    kit.run(main())


def test_the_end_of_an_older_flight_does_not_forget_the_newer_one() -> None:
    """The lease of a forgotten flight would not be renewed."""
    kit = Kit(TEXT, lambda _: Handlers())

    async def main() -> None:
        async with kit.engine() as engine:
            worker, run = await carried(kit, engine)
            older = worker.flights[run]
            kit.clock.advance(60.0)
            (row,) = kit.store.claim(worker.name, list(worker.programs), limit=1, ttl_us=10**7)
            worker._take(row)
            newer = worker.flights[run]
            assert older.task is not None
            await asyncio.wait([older.task])
            await asyncio.sleep(0)
            assert newer is not older
            assert worker.flights.get(run) is newer

    kit.run(main())


def test_a_sender_does_not_cancel_the_flight_that_claimed_the_run_after_it() -> None:
    """The sender may hear that its event is durable after the worker has claimed the run again."""
    kit = Kit(TEXT, lambda _: Handlers())

    async def main() -> None:
        async with kit.engine() as engine:
            worker, run = await carried(kit, engine)
            flight = worker.flights[run]
            engine.client.host.drop(run, flight.run.epoch - 1)
            began = kit.clock.now_us
            await kit.until(lambda: kit.row(run).head.status == "ended", seconds=60)
            assert (kit.clock.now_us - began) / 1e6 < kit.lease_s

    kit.run(main())


async def taken_over(kit: Kit, holder: str, run: str) -> None:
    """Let another worker carry a run of this one to its end, as after a long pause."""
    kit.store.release(holder, [(run, kit.row(run).epoch)])
    async with kit.engine():
        await kit.until(lambda: bool(kit.row(run).head.status == "ended"), seconds=5)


class HangsOnce(Handlers):
    """The first call never ends by itself."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.calls = 0
        self.broken_off: list[int] = []

    async def look(self, id: str) -> str:
        self.calls += 1
        if self.calls == 1:
            try:
                await asyncio.sleep(10**6)
            finally:
                self.broken_off.append(self.kit.clock.now_us)
        return "seen"


def test_a_flight_that_lost_its_lease_is_cancelled_at_the_next_renewal() -> None:
    """Otherwise its handler keeps its place until its time limit, and no other run gets it."""
    kit = Kit(TEXT, lambda _: Handlers())
    handlers = kit.handlers = HangsOnce(kit)

    async def main() -> None:
        async with kit.engine(concurrency=1) as engine:
            worker, run = await carried(kit, engine)
            await kit.until(lambda: handlers.calls == 1)
            await taken_over(kit, worker.name, run)
            lost = kit.clock.now_us
            await kit.until(lambda: not worker.busy, seconds=kit.lease_s / 3 + 1)
            assert [(at - lost) / 1e6 <= kit.lease_s / 3 + 1 for at in handlers.broken_off] == [True]
            after = await engine.start_run(engine._program(kit.workflow), {"id": "2"})
            await kit.until(lambda: bool(kit.row(after).head.status == "ended"), seconds=5)

    kit.run(main())
    kit.check()


def test_stopping_a_worker_does_not_wait_for_a_flight_that_lost_its_lease() -> None:
    kit = Kit(TEXT, lambda _: Handlers())
    handlers = kit.handlers = HangsOnce(kit)

    async def main() -> None:
        async with kit.engine(drain_s=10**5) as engine:
            worker, run = await carried(kit, engine)
            await kit.until(lambda: handlers.calls == 1)
            await taken_over(kit, worker.name, run)
            stopped = kit.clock.now_us
        assert (kit.clock.now_us - stopped) / 1e6 <= kit.lease_s / 3 + 1

    kit.run(main())
    kit.check()
