"""Drive a run through a host that holds only this run: it behaves as it does in a store.

The host claims nothing, wakes nobody and writes by itself, like a workflow of a cluster.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Coroutine
from typing import Any

import pytest

from opord.drive.calls import Calls, bind_handlers
from opord.drive.errors import NotInDoubt, RoleRequired, RunUnknown, StartConflict
from opord.drive.flight import Flight
from opord.drive.held_calls import HeldCalls
from opord.drive.hooks import Point
from opord.drive.relay import carried
from opord.drive.verbs import RunVerbs
from opord.kernel.answers import Applied, Result
from opord.kernel.conflicts import Facts, check_batch, judge
from opord.kernel.large import ValueCache
from opord.kernel.legality import verify
from opord.kernel.open_needs import OpenNeed
from opord.kernel.program import Program
from opord.kernel.rows import (
    EventKey,
    InboxRow,
    RecordRow,
    RunRow,
    Start,
    Tombstone,
    UsedKey,
    ValueRow,
    Write,
)
from opord.kernel.run import Run, load_run
from opord.loading import program_of
from tests.support.contracts import compiled, workflow_of

CONTRACT = """
contract Ticket(id: str) key id version 1
record Receipt { id: str }
failure Gate { Closed, Busy transient }
role guard
event admit(name: str) by guard

effect price(id: str) -> int
action sell(id: str, cents: int) -> Receipt fails Gate {
  key id
  timeout 5s
  retry 1 times
}
action print(receipt: str) { in doubt ask }

initial state New -> Sold | Refused {
  let cents = perform price(id)
  match commit sell(id, cents) {
    ok receipt -> goto Sold(receipt)
    Closed -> goto Refused
    Busy -> goto Refused
  }
}
state Sold(receipt: Receipt) -> Printing | Lapsed {
  on admit(name) -> goto Printing(name)
  after 1h -> goto Lapsed
}
state Printing(name: str) -> Admitted {
  commit print(name)
  goto Admitted(name)
}
final state Admitted(name: str) success
final state Lapsed failure
final state Refused failure
"""


class OneRun:
    """A host of one run. Its rows are attributes; its clock moves only when a test moves it."""

    name = "one"
    lease_us = 10_000_000
    draining = False
    limits = None

    def __init__(self, program: Program) -> None:
        self.of = program
        self.at_us = 1_000_000_000_000
        self.row: RunRow | None = None
        self.records: list[RecordRow] = []
        self.messages: list[InboxRow] = []
        self.keys: dict[tuple[str, str, str], EventKey] = {}
        self.used_keys: dict[tuple[str, str], UsedKey] = {}
        self.points: list[Point] = []
        self.background: list[asyncio.Task[None]] = []
        self.needs: list[OpenNeed] = []
        self.ids = 0
        self.large: dict[str, ValueRow] = {}
        self.cache = ValueCache()
        self.random = random.Random(5).random

    def now(self) -> int:
        return self.at_us

    def monotonic(self) -> float:
        return self.at_us / 1e6

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def hook(self, point: Point, run: str, /) -> None:
        self.points.append(point)

    def own(self, program: Program) -> Program:
        return program

    async def program(self, contract: str) -> Program:
        return self.of

    async def apply(self, change: Start | Write, /) -> Result:
        check_batch([change])
        rows = {self.row.run: self.row} if self.row is not None else {}
        hashes = {(self.row.run, one.seq): one.hash for one in self.records} if self.row is not None else {}
        answer = judge(change, Facts(rows, hashes, event_keys=self.keys))
        if isinstance(answer, Start | Write):
            self.large |= {value.digest: value for value in answer.values}
        if isinstance(answer, Start):
            self.row, self.records = answer.row, list(answer.records)
            return Applied(0)
        if not isinstance(answer, Write) or self.row is None:
            assert not isinstance(answer, Write)
            return answer
        self.row = self.row.replace(
            epoch=answer.new_epoch,
            seq=answer.seq + len(answer.records),
            hash=answer.records[-1].hash if answer.records else self.row.hash,
            arrivals=self.row.arrivals + len(answer.put),
            head=answer.head or self.row.head,
        )
        self.records += answer.records
        self.messages = [one for one in self.messages if one.id not in answer.take] + list(answer.put)
        self.keys |= {(answer.run, key.event, key.key): key for key in answer.event_keys}
        self.used_keys |= {(one.action, one.key): one for one in answer.used_keys}
        return Applied(self.row.arrivals)

    async def load(self, run: str) -> RunRow | None:
        return self.row if self.row is not None and self.row.run == run else None

    async def values(self, run: str, digests: Collection[str]) -> list[ValueRow]:
        return [self.large[digest] for digest in digests]

    async def contract_names(self) -> list[str]:
        return [self.row.name] if self.row is not None else []

    async def tombstone(self, run: str) -> Tombstone | None:
        return None

    async def inbox(self, run: str) -> list[InboxRow]:
        return list(self.messages)

    async def waiting(self, run: str) -> int:
        return len(self.messages)

    async def left_of(self, run: str) -> RunRow | None:
        return None

    async def waiting_bytes(self, run: str) -> int:
        return sum(len(one.body.encode()) for one in self.messages)

    async def event_key(self, run: str, event: str, key: str) -> EventKey | None:
        return self.keys.get((run, event, key))

    async def used_key(self, run: str, action: str, key: str) -> UsedKey | None:
        return self.used_keys.get((action, key))

    observer = None

    def lease_at_birth(self, contract: str, label: str) -> int | None:
        return None

    def launch(self, run: Run) -> None:
        raise AssertionError("no run is born in the hands of this host")

    def need_opened(self, need: OpenNeed) -> None:
        self.needs.append(need)

    def drop(self, run: str, epoch: int) -> None:
        pass

    def nudge(self) -> None:
        pass

    def due(self, instant: int | None) -> None:
        pass

    async def renew(self, run: str, epoch: int) -> bool:
        return self.row is not None and self.row.epoch == epoch

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        self.background.append(asyncio.get_running_loop().create_task(work))

    def claim(self) -> Run:
        """Claim the run for this host: its epoch grows by one."""
        assert self.row is not None
        head = self.row.head.replace(worker=self.name, wake_at=self.at_us + self.lease_us)
        self.row = self.row.replace(epoch=self.row.epoch + 1, head=head)
        return load_run(self.of, self.row)


class Handlers:
    """Sells and prints. `says` holds the next endings, `calls` the calls with their keys."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.says: list[BaseException] = []
        self.calls: list[tuple[str, str, int]] = []

    async def price(self, id: str) -> int:
        return 250

    async def sell(self, id: str, cents: int, *, call: Any) -> Any:
        self.calls.append(("sell", call.key, call.attempt))
        if self.says:
            raise self.says.pop(0)
        return {"id": f"r-{id}"}

    async def print(self, receipt: str, *, call: Any) -> None:
        self.calls.append(("print", call.key, call.attempt))
        if self.says:
            raise self.says.pop(0)


class Desk:
    """One run with everything that is needed to drive it."""

    def __init__(self) -> None:
        module = compiled(CONTRACT)
        self.module = module
        self.program = program_of(workflow_of(module))
        self.host = OneRun(self.program)
        self.client = RunVerbs(self.host)
        self.handlers = Handlers(module)
        self.calls = Calls(
            self.program,
            bind_handlers(self.program, self.handlers),
            threads=None,
            held=HeldCalls(1, lambda: 0.0),
            limit_s=60,
            monotonic=self.host.monotonic,
        )

    async def start(self, id: str = "a1") -> str:
        return (await self.client.start(self.program, self.program.input.accept({"id": id}))).run

    async def fly(self) -> Flight:
        flight = Flight(self.host, self.host.claim(), self.calls)
        await carried(flight.go())
        return flight

    @property
    def head(self) -> tuple[str, str]:
        assert self.host.row is not None
        return self.host.row.head.state, self.host.row.head.status

    def kinds(self) -> list[str]:
        return [record.kind for record in self.host.records]

    def problems(self) -> list[Any]:
        assert self.host.row is not None
        return verify(self.program, self.host.row, self.host.records, self.host.messages)


async def sold() -> Desk:
    desk = Desk()
    await desk.start()
    await desk.fly()
    assert desk.head == ("Sold", "waiting")
    return desk


def test_a_run_goes_from_its_start_to_its_end() -> None:
    async def main() -> None:
        desk = await sold()
        sent = await desk.client.send("Ticket/a1", "admit", {"name": "ann"}, actor="gus", role="guard")
        assert (sent.status, desk.head) == ("taken", ("Printing", "running"))
        flight = await desk.fly()
        assert flight.ended
        assert desk.head == ("Admitted", "ended")
        assert desk.kinds() == [
            "started", "intent", "outcome", "transition", "event", "transition", "intent", "outcome", "transition",
        ]  # fmt: skip
        assert desk.handlers.calls == [("sell", "a1", 1), ("print", "Ticket/a1/3", 1)]
        assert desk.problems() == []

    asyncio.run(main())


def test_refusals_are_the_same_and_change_nothing() -> None:
    async def main() -> None:
        desk = await sold()
        before = desk.host.row
        with pytest.raises(RoleRequired):
            await desk.client.send("Ticket/a1", "admit", {"name": "ann"}, actor="gus")
        with pytest.raises(RunUnknown):
            await desk.client.send("Ticket/b2", "admit", {"name": "ann"}, actor="gus", role="guard")
        with pytest.raises(NotInDoubt):
            await desk.client.resolve("Ticket/a1", happened=True, actor="gus")
        assert desk.host.row == before

    asyncio.run(main())


def test_a_repeated_start_returns_the_same_run() -> None:
    async def main() -> None:
        desk = await sold()
        again = await desk.client.start(desk.program, desk.program.input.accept({"id": "a1"}))
        assert (again.run, again.created) == ("Ticket/a1", False)
        assert desk.host.row is not None
        desk.host.row = desk.host.row.replace(input='{"id":"other"}')
        with pytest.raises(StartConflict):
            await desk.start()

    asyncio.run(main())


def test_a_transient_failure_rests_until_its_next_attempt() -> None:
    async def main() -> None:
        desk = Desk()
        desk.handlers.says = [desk.module.Gate.Busy()]
        await desk.start()
        await desk.fly()
        assert desk.head == ("New", "waiting")
        assert desk.host.row is not None
        assert desk.host.row.head.wake_at is not None
        desk.host.at_us = desk.host.row.head.wake_at
        await desk.fly()
        assert desk.head == ("Sold", "waiting")
        assert desk.handlers.calls == [("sell", "a1", 1), ("sell", "a1", 2)]
        assert desk.problems() == []

    asyncio.run(main())


def test_a_call_that_was_cut_off_waits_for_a_person() -> None:
    async def main() -> None:
        desk = await sold()
        await desk.client.send("Ticket/a1", "admit", {"name": "ann"}, actor="gus", role="guard")
        desk.handlers.says = [ConnectionError("reset by peer")]
        await desk.fly()
        assert desk.head == ("Printing", "in_doubt")
        await desk.client.resolve("Ticket/a1", happened=True, actor="olga", role="operator")
        await desk.fly()
        assert desk.head == ("Admitted", "ended")
        assert desk.kinds()[-4:] == ["doubt", "resolved", "outcome", "transition"]
        assert desk.problems() == []

    asyncio.run(main())


def test_a_flight_that_lost_its_run_writes_nothing() -> None:
    async def main() -> None:
        desk = Desk()
        await desk.start()
        first = Flight(desk.host, desk.host.claim(), desk.calls)
        desk.host.claim()
        await carried(first.go())
        assert desk.kinds() == ["started"]
        assert desk.handlers.calls == []
        assert "parked" not in desk.host.points

    asyncio.run(main())
