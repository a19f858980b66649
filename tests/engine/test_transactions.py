"""Actions in transactions: what the handler wrote and what the run became are one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from opord.backends.front import Engine
from opord.engine.host import StoreHost
from opord.kernel.run import Run
from opord.stores.base import StoreError, StoreUnavailable
from opord.stores.memory import MemoryStore
from tests.support.kit import Kit, crash_at
from tests.support.store import Fault, FaultyStore

RUN = "Bookings/b1"

CONTRACT = """
contract Bookings(id: str, seats: int) key id version 1
failure HallError { Full(left: int), Busy transient }
pure per_seat(total: int, seats: int) -> int
effect price(seats: int) -> int
action book(id: str, seats: int, total: int) -> int fails HallError in transaction { retry 2 times backoff 1s to 2s }
event cancel(reason: str)
phase Open {
  on cancel(reason) -> goto Refused(reason)
  initial state Booking -> Booked | Refused {
    let total = perform price(seats)
    match commit book(id, seats, total) {
      ok place -> goto Booked(place, per_seat(total, seats))
      Full(left) -> goto Refused("only {left} left")
      Busy -> goto Refused("busy")
    }
  }
}
final state Booked(place: int, each: int) success
final state Refused(reason: str) failure
"""


class Hall:
    """The handlers: seats are booked in a table beside the runs."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.calls = 0
        self.table = f"seats_{uuid4().hex[:12]}"
        self.in_the_middle: Callable[[Any, int], None] = lambda connection, call: None

    def price(self, seats: int) -> int:
        return 30 * seats

    def per_seat(self, total: int, seats: int) -> int:
        return total // seats

    def book(self, id: str, seats: int, total: int, *, call: Any) -> int:
        self.calls += 1
        connection = call.connection
        make_table(connection, self.table)
        connection.execute(
            f"INSERT INTO {self.table} (booking, seats, total) VALUES ('{id}', {seats}, {total})"
        )
        self.in_the_middle(connection, self.calls)
        if seats > 100:
            raise self.module.HallError.Full(100)
        ((place,),) = connection.execute(f"SELECT count(*) FROM {self.table}").fetchall()
        return int(place)


def make_table(connection: Any, table: str) -> None:
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (booking text, seats int, total int)")


def kit(text: str = CONTRACT) -> Kit:
    return Kit(text, Hall)


def booked(kit: Kit) -> list[tuple[Any, ...]]:
    """Return the rows that the handlers wrote."""
    transaction = kit.store.transaction()
    assert transaction is not None
    try:
        make_table(transaction.connection, kit.handlers.table)
        query = f"SELECT booking, seats, total FROM {kit.handlers.table}"
        rows = transaction.connection.execute(query).fetchall()
        return [tuple(row) for row in rows]
    finally:
        transaction.roll_back()


def rests(kit: Kit) -> bool:
    row = kit.row(RUN)
    return row is not None and row.head.status in ("ended", "stalled")


async def tell(kit: Kit, engine: Engine, *, seats: int = 3) -> None:
    await engine.start(kit.workflow, id="b1", seats=seats)
    await kit.until(lambda: rests(kit))
    await engine.until_idle()


def told(kit: Kit, *, seats: int = 3, store: Any = None) -> None:
    async def main() -> None:
        async with kit.engine(store=store) as engine:
            await tell(kit, engine, seats=seats)

    kit.run(main())


def test_what_was_written_is_durable_with_the_transition() -> None:
    one = kit()
    told(one)
    assert one.row(RUN).head.state == "Booked"
    assert booked(one) == [("b1", 3, 90)]
    assert one.kinds(RUN) == ["started", "outcome", "transition"]
    outcome = one.records(RUN)[1]
    assert (outcome["by"], outcome["call"], outcome["outcome"]) == ("transaction", "book", {"ok": 1})
    assert outcome["args"] == {"id": "b1", "seats": 3, "total": 90}
    one.check()


def test_a_crash_at_any_point_writes_once() -> None:
    counted = kit()
    told(counted)
    points = sum(counted.hits.values())
    died_at = set()
    for first in range(1, points + 1):
        for second in (None, 2, 4, 6):
            one = kit()

            async def main(one: Kit = one, first: int = first, second: int | None = second) -> None:
                died_at.add(await crash_at(one, first, lambda engine: tell(one, engine)))
                if second is not None:
                    await asyncio.sleep(25)
                    await crash_at(one, second, lambda engine: tell(one, engine))
                async with one.engine() as engine:
                    await tell(one, engine)

            one.run(main())
            assert one.row(RUN).head.state == "Booked", (first, second)
            assert booked(one) == [("b1", 3, 90)], (first, second)
            one.check()
    assert {"transaction begun", "call answered", "before outcome", "outcome written"} <= died_at


def test_a_run_that_has_just_entered_a_waiting_state_is_sound() -> None:
    """Its worker died before it could say that the run waits."""
    waits = "state Paid(place: int) -> Booked { after 1d -> goto Booked(place, 0) }\nfinal state Booked"
    one = kit(CONTRACT.replace("goto Booked(place, per_seat(total, seats))", "goto Paid(place)")
              .replace("-> Booked | Refused {\n    let", "-> Paid | Refused {\n    let")
              .replace("pure per_seat(total: int, seats: int) -> int\n", "")
              .replace("final state Booked", waits))  # fmt: skip

    async def main() -> None:
        assert await crash_at(one, "outcome written", lambda engine: tell(one, engine)) == "outcome written"
        assert (one.row(RUN).head.state, one.row(RUN).head.status) == ("Paid", "running")
        one.check()
        await asyncio.sleep(25)
        async with one.engine():
            await one.until(lambda: one.row(RUN).head.status == "waiting")

    one.run(main())
    assert booked(one) == [("b1", 3, 90)]
    one.check()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", ["transaction", "apply", "commit"])
def test_a_store_that_does_not_answer_loses_and_repeats_nothing(verb: str, when: Any) -> None:
    one = kit()
    nth = 1 if verb != "apply" else 2  # the first is the start
    error = StoreUnavailable("unreachable", "the store is away")
    told(one, store=FaultyStore(one.store, Fault(error, verb, nth, when=when, lasts_s=3)))
    assert one.row(RUN).head.state == "Booked"
    assert booked(one) == [("b1", 3, 90)]
    one.check()


def test_a_failure_undoes_what_was_written() -> None:
    one = kit()
    told(one, seats=101)
    assert one.row(RUN).head.state == "Refused"
    assert booked(one) == []
    assert one.records(RUN)[1]["outcome"] == {"failed": {"type": "HallError.Full", "left": 100}}
    assert one.records(RUN)[2]["cause"] == "commit book failed (Full)"
    one.check()


def test_a_transient_failure_is_tried_again() -> None:
    one = kit()

    def busy(connection: Any, call: int) -> None:
        if call < 3:
            raise one.module.HallError.Busy()

    one.handlers.in_the_middle = busy
    told(one)
    assert one.kinds(RUN) == ["started", "attempt", "attempt", "outcome", "transition"]
    assert one.records(RUN)[3]["attempt"] == 3
    assert booked(one) == [("b1", 3, 90)]
    one.check()


def test_after_the_last_attempt_the_step_gets_the_failure() -> None:
    one = kit()

    def busy(connection: Any, call: int) -> None:
        raise one.module.HallError.Busy()

    one.handlers.in_the_middle = busy
    told(one)
    assert one.handlers.calls == 3
    assert one.row(RUN).head.state == "Refused"
    assert booked(one) == []
    one.check()


def test_an_undeclared_error_stalls_and_a_resume_goes_on() -> None:
    one = kit()

    def wrong(connection: Any, call: int) -> None:
        if call < 5:
            raise ValueError("a bug")

    one.handlers.in_the_middle = wrong

    async def main() -> None:
        async with one.engine() as engine:
            await tell(one, engine)
            assert one.row(RUN).head.status == "stalled"
            assert "ValueError: a bug" in one.row(RUN).head.reason
            assert booked(one) == []
            await engine.client.resume(RUN, actor="olga")
            await one.until(lambda: one.row(RUN).head.status == "ended")

    one.run(main())
    assert booked(one) == [("b1", 3, 90)]
    assert one.kinds(RUN)[:6] == ["started", "attempt", "attempt", "attempt", "stalled", "retried"]
    one.check()


def test_an_error_in_the_rest_of_the_step_undoes_what_was_written() -> None:
    one = kit()
    told(one, seats=0)
    head = one.row(RUN).head
    assert head.status == "stalled"
    assert "ZeroDivisionError" in head.reason
    assert booked(one) == []
    assert one.kinds(RUN) == ["started", "stalled"]
    one.check()


def test_a_commit_that_the_database_refuses_stalls_the_run() -> None:
    one = kit()
    error = StoreError("store x: a constraint was violated at the end")
    told(one, store=FaultyStore(one.store, Fault(error, "commit")))
    head = one.row(RUN).head
    assert head.status == "stalled"
    assert head.reason.startswith(
        "the database refused to commit what book wrote, and rolled it back: store x"
    )
    assert booked(one) == []
    one.check()


def test_an_event_of_the_phase_takes_the_run_between_attempts() -> None:
    one = kit()

    def busy(connection: Any, call: int) -> None:
        raise one.module.HallError.Busy()

    one.handlers.in_the_middle = busy

    async def main() -> None:
        async with one.engine() as engine:
            run = await engine.start(one.workflow, id="b1", seats=3)
            await one.until(lambda: "attempt" in one.kinds(RUN))
            await run.send.cancel(reason="changed my mind")
            await one.until(lambda: rests(one))

    one.run(main())
    assert one.row(RUN).head.state == "Refused"
    assert booked(one) == []
    one.check()


def test_a_run_that_was_taken_meanwhile_writes_nothing() -> None:
    """A person terminates the run while its handler is at work."""
    one = kit()

    class Terminated(FaultyStore):
        def before(self, name: str, args: tuple[Any, ...]) -> None:
            super().before(name, args)
            if name == "transaction":
                row = one.row(RUN)
                change = row.head.replace(status="ended", outcome="terminated", worker=None, wake_at=None)
                self._store._rows.runs[RUN] = row.replace(epoch=row.epoch + 1, head=change)

    one.store = MemoryStore(one.clock.now)  # its rows can be changed behind its back
    told(one, store=Terminated(one.store))
    assert booked(one) == []
    assert one.handlers.calls == 0


def test_a_run_that_moves_while_its_handler_works_writes_nothing() -> None:
    one = kit()
    one.store = MemoryStore(one.clock.now)  # its rows can be changed behind its back

    def moved(connection: Any, call: int) -> None:
        row = one.row(RUN)
        change = row.head.replace(status="ended", outcome="terminated", worker=None, wake_at=None)
        one.store._rows.runs[RUN] = row.replace(epoch=row.epoch + 1, head=change)  # type: ignore[attr-defined]

    one.handlers.in_the_middle = moved
    told(one)
    assert one.handlers.calls == 1
    assert booked(one) == []


WITHOUT_PHASE = """
contract Bookings(id: str, seats: int) key id version 1
failure HallError { Full(left: int), Busy transient }
effect price(seats: int) -> int
action book(id: str, seats: int, total: int) -> int fails HallError in transaction
event paid(cents: int) keep
initial state Booking -> Booked {
  let total = perform price(seats)
  let place = commit book(id, seats, total) else -> goto Booked(0)
  goto Booked(place)
}
final state Booked(place: int) success
"""


def unhandled(one: Kit) -> list[Any]:
    """Return the events that are recorded as unhandled; none may wait for the run any more."""
    assert one.store.inbox(RUN) == []
    return [each["args"] for each in one.records(RUN) if each["kind"] == "unhandled"]


def test_an_event_that_waits_when_a_transaction_ends_the_run_is_recorded_as_unhandled() -> None:
    one = kit(WITHOUT_PHASE)
    engines: list[Engine] = []

    async def price(seats: int) -> int:
        await engines[0].send_event(RUN, "paid", {"cents": 90})
        return 30 * seats

    one.handlers.price = price

    async def main() -> None:
        async with one.engine() as engine:
            engines.append(engine)
            await tell(one, engine)

    one.run(main())
    assert unhandled(one) == [{"cents": 90}]
    assert (booked(one), one.handlers.calls) == ([("b1", 3, 90)], 1)
    one.check()


def test_an_event_just_before_the_transaction_that_ends_the_run_is_recorded_as_unhandled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = kit(WITHOUT_PHASE)
    begin = StoreHost.transaction
    begun: list[str] = []

    async def main() -> None:
        async with one.engine() as engine:

            async def transaction(host: StoreHost, run: Run) -> Any:
                begun.append(run.id)
                if len(begun) == 1:
                    await engine.send_event(RUN, "paid", {"cents": 90})
                return await begin(host, run)

            monkeypatch.setattr(StoreHost, "transaction", transaction)
            await tell(one, engine)

    one.run(main())
    assert unhandled(one) == [{"cents": 90}]
    assert (booked(one), one.handlers.calls) == ([("b1", 3, 90)], 1)
    assert len(begun) == 2
    one.check()


KEYED = """
contract Bookings(id: str, seats: int) key id version 1
pure per_seat(total: int, seats: int) -> int
effect price(seats: int) -> int
action book(id: str, seats: int, total: int) -> int in transaction { key id }
initial state First -> Second {
  let place = commit book(id, seats, 1)
  goto Second(place)
}
state Second(place: int) -> Booked {
  let again = commit book(id, seats, TOTAL)
  goto Booked(again)
}
final state Booked(place: int) success
"""


def test_a_key_that_took_effect_is_not_written_again() -> None:
    one = kit(KEYED.replace("TOTAL", "1"))
    told(one)
    assert booked(one) == [("b1", 3, 1)]
    assert [record.get("by") for record in one.records(RUN) if record["kind"] == "outcome"] == [
        "transaction",
        "record",
    ]
    one.check()


def test_another_commit_under_a_key_asks_a_person() -> None:
    one = kit(KEYED.replace("TOTAL", "2"))

    async def main() -> None:
        async with one.engine() as engine:
            await tell(one, engine)
            assert one.row(RUN).head.status == "stalled"
            await engine.client.resolve(RUN, another=True, actor="olga")
            await one.until(lambda: one.row(RUN).head.status == "ended")

    one.run(main())
    assert booked(one) == [("b1", 3, 1), ("b1", 3, 2)]
    one.check()
