"""Ten thousand events to one run cost ten thousand times one event, in calls to the store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opord.drive.errors import EventConflict, EventRefused, RunEnded, RunUnknown
from opord.drive.keyed_lock import KeyedLock
from tests.support.kit import Kit
from tests.support.store import FaultyStore

BELL = """
contract Bell(id: str) key id
event ring(loud: int) keep
event knock(name: str) key name keep
event open()
event nod()
initial state Shut -> Counting | Over {
  on open() -> goto Counting(0)
  on nod() ignore
  after 1h -> goto Over(0)
}
state Counting(rung: int) -> Counting | Over {
  on ring(loud) -> goto Counting(rung + loud)
  on open() -> goto Over(rung)
  after 1h -> goto Over(rung)
}
final state Over(rung: int) success
"""


class Asked(FaultyStore):
    """A store that counts the changes in batches, and the messages that it returns."""

    changes = 0
    handed_out = 0

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        if name == "apply":
            self.changes += len(args[0])
        if name == "inbox":
            self.handed_out += len(answer)
        return super().after(name, args, answer)


def told(number: int, *, at_once: bool, send: str = "ring") -> tuple[Kit, Asked]:
    kit = Kit(BELL, lambda module: object())
    asked = Asked(kit.store)

    async def main() -> None:
        async with kit.engine(serve=False, store=asked) as engine:
            run = await engine.start(kit.workflow, id="a")
            asked.asked.clear()
            asked.changes = 0
            sends = [
                engine.send_event(run.id, send, {"loud": 1} if send == "ring" else {}) for _ in range(number)
            ]
            if at_once:
                await asyncio.gather(*sends)
            else:
                for one in sends:
                    await one
            assert len(engine.client._locks) == 0

    kit.run(main())
    return kit, asked


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("send", ["ring", "nod"])
def test_an_event_costs_the_same_however_many_wait(at_once: bool, send: str) -> None:
    for number in (10, 100, 1000):
        kit, asked = told(number, at_once=at_once, send=send)
        # One read and one write each: no sender loses a race, and none reads the messages that
        # already wait.
        assert (asked.asked["load"], asked.changes) == (number, number)
        assert asked.handed_out == 0
        waiting = kit.store.inbox("Bell/a")
        assert len(waiting) == (number if send == "ring" else 0)


def test_waiting_events_are_read_once_when_a_state_takes_them() -> None:
    kit, _ = told(1000, at_once=True)
    asked = Asked(kit.store)

    async def main() -> None:
        async with kit.engine(serve=False, store=asked) as engine:
            await engine.send_event("Bell/a", "open", {})

    kit.run(main())
    assert (asked.asked["inbox"], asked.handed_out, asked.changes) == (1, 1000, 1)
    assert kit.row("Bell/a").head.body.count('"rung":1000') == 1
    assert kit.row("Bell/a").seq == 1 + 2 * 1001
    kit.check()


def test_events_are_taken_in_the_order_in_which_they_came() -> None:
    kit = Kit(BELL, lambda module: object())

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            run = await engine.start(kit.workflow, id="a")
            await asyncio.gather(*[run.send.ring(loud=number) for number in range(50)])
            await run.send.open()

    kit.run(main())
    said = [record["args"] for record in kit.records("Bell/a") if record["kind"] == "event"]
    assert said == [{}] + [{"loud": number} for number in range(50)]


def test_a_hundred_senders_of_an_event_that_moves_the_run_need_no_second_look() -> None:
    kit = Kit(BELL, lambda module: object())
    asked = Asked(kit.store)

    async def main() -> None:
        async with kit.engine(serve=False, store=asked) as engine:
            run = await engine.start(kit.workflow, id="a")
            await run.send.open()
            asked.asked.clear()
            asked.changes = 0
            await asyncio.gather(*[run.send.ring(loud=1) for _ in range(100)])

    kit.run(main())
    assert (asked.asked["load"], asked.changes) == (100, 100)
    assert '"rung":100' in kit.row("Bell/a").head.body


def test_early_late_and_repeated_messages_get_their_own_answers() -> None:
    kit = Kit(BELL, lambda module: object())

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            with pytest.raises(RunUnknown):
                await engine.send_event("Bell/nobody", "ring", {"loud": 1})
            run = await engine.start(kit.workflow, id="a")
            assert [(await run.send.knock(name="ann")).status for _ in range(3)] == [
                "stored",
                "repeated",
                "repeated",
            ]
            assert (await run.send.ring(loud=1)).status == "stored"
            await run.send.open()
            with pytest.raises(EventRefused):
                await run.send.nod()
            await run.send.open()
            for event, args in (("ring", {"loud": 1}), ("open", {}), ("nod", {})):
                with pytest.raises(RunEnded):
                    await engine.send_event(run.id, event, args)
            # A message taken under its key before the end is still known.
            assert (await run.send.knock(name="ann")).status == "repeated"

    kit.run(main())
    assert kit.kinds("Bell/a").count("unhandled") == 1


def test_the_same_key_with_other_content_is_refused_and_changes_nothing() -> None:
    kit = Kit(
        BELL.replace(
            "event knock(name: str) key name keep", "event knock(name: str, loud: int) key name keep"
        ),
        lambda module: object(),
    )

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            run = await engine.start(kit.workflow, id="a")
            await run.send.knock(name="ann", loud=1)
            before = kit.row(run.id), kit.store.inbox(run.id)
            with pytest.raises(EventConflict):
                await run.send.knock(name="ann", loud=2)
            assert (kit.row(run.id), kit.store.inbox(run.id)) == before

    kit.run(main())


def test_keyed_locks_are_given_in_order_and_forgotten() -> None:
    async def main() -> None:
        lock = KeyedLock()
        seen: list[str] = []

        async def go(name: str, number: int) -> None:
            async with lock.held(name):
                seen.append(f"{name}{number}+")
                await asyncio.sleep(0)
                seen.append(f"{name}{number}-")

        tasks = [asyncio.create_task(go("a", number)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert seen == ["a0+", "a0-", "a1+", "a1-", "a3+", "a3-"]
        assert len(lock) == 0

    asyncio.run(main())
