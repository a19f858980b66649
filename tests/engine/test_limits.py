"""Every limit, on both stores: values up to the limit are accepted, one above is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opord.drive.errors import EventWouldStall, HistoryFull, InputInvalid, QueueFull, Refused
from opord.kernel import bounds
from opord.stores.base import RunFilter
from opord.stores.sqlite.store import SqliteStore
from opord.values.canonical import dumps
from opord.values.guard import INT_MAX, LIMIT_BYTES, LIMIT_DEPTH
from tests.support.kit import Kit
from tests.support.stores import EACH_STORE

NOTES = """
contract Notes(id: str, text: str, more: json) key id
event add(text: str) key text keep
event put(text: str, more: json) keep
event note(more: json)
event tick()
event grow(by: str)
event leave()
event double(text: str)
effect look(text: str) -> str
action file(text: str) { key text }
action copy(one: str, both: str) { in doubt ask }
initial state Open -> Looked | Grown | Filed | Copied | Open | Left {
  on note(more) ignore
  on tick() -> goto Open
  on grow(by) -> goto Grown(by + by)
  on leave() -> goto Left
  on double(text) -> goto Copied(text)
  on cancel(reason) -> goto Filed(reason)
  after 1m {
    let seen = perform look(text)
    goto Looked(seen)
  }
}
state Grown(all: str) -> Looked | Filed {
  on tick() -> goto Looked(all)
  on grow(by) -> goto Filed(by)
  after 1h -> goto Looked(all)
}
state Looked(seen: str) -> Left {
  after 1h -> goto Left
}
state Filed(text: str) -> Left {
  commit file(text)
  goto Left
}
state Copied(text: str) -> Left {
  commit copy(text, text)
  goto Left
}
final state Left success
"""


class Handlers:
    def __init__(self) -> None:
        self.answer = ""
        self.filed: list[str] = []

    async def look(self, text: str) -> str:
        return self.answer

    async def file(self, text: str, *, call: Any) -> None:
        self.filed.append(call.key)

    async def copy(self, one: str, both: str, *, call: Any) -> None:
        self.filed.append(one)


Making = Callable[[], Kit]


@pytest.fixture(params=EACH_STORE)
def making(request: pytest.FixtureRequest) -> Making:
    def make() -> Kit:
        kit = Kit(NOTES, lambda module: Handlers())
        if request.param == "sqlite":
            kit.store = SqliteStore(None, clock=kit.clock.now)
        return kit

    return make


def filling(size: int, *, before: int = 0) -> str:
    return "x" * (size - before)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


EMPTY_INPUT = len(dumps({"id": "a", "text": "", "more": None}))


async def begun(kit: Kit, engine: Any, **members: Any) -> Any:
    given = {"id": "a", "text": "", "more": None} | members
    return await engine.start(kit.workflow, **given)


STARTS = {
    "a byte less of input": ({"text": filling(LIMIT_BYTES - 1, before=EMPTY_INPUT)}, None),
    "just as much input": ({"text": filling(LIMIT_BYTES, before=EMPTY_INPUT)}, None),
    "a byte more of input": (
        {"text": filling(LIMIT_BYTES + 1, before=EMPTY_INPUT)},
        f"the input is longer than {LIMIT_BYTES:,} bytes: it has {LIMIT_BYTES + 1:,}",
    ),
    "two bytes each": (
        {"text": "é" * ((LIMIT_BYTES - EMPTY_INPUT) // 2 + 1)},
        f"longer than {LIMIT_BYTES:,} bytes",
    ),
    "a key of one": ({"id": "a"}, None),
    "an empty key": ({"id": ""}, "the key that names the run must have 1 to 500 characters; it is empty"),
    "the longest key but one": ({"id": filling(bounds.LONGEST_KEY - 1)}, None),
    "the longest key": ({"id": filling(bounds.LONGEST_KEY)}, None),
    "a longer key": ({"id": filling(bounds.LONGEST_KEY + 1)}, "1 to 500 characters; it has 501 characters"),
    "one level less": ({"more": nested(LIMIT_DEPTH - 2)}, None),
    "all levels": ({"more": nested(LIMIT_DEPTH - 1)}, None),
    "one level more": ({"more": nested(LIMIT_DEPTH)}, f"more than {LIMIT_DEPTH} levels"),
    "a hundred thousand levels": ({"more": nested(100_000)}, f"more than {LIMIT_DEPTH} levels"),
}


@pytest.mark.parametrize(("members", "said"), STARTS.values(), ids=STARTS)
def test_a_start(making: Making, members: dict[str, Any], said: str | None) -> None:
    kit = making()

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            if said is None:
                run = await begun(kit, engine, **members)
                assert (await engine.client.read(run.id)).input.text == members.get("text", "")
                return
            with pytest.raises(InputInvalid) as refused:
                await begun(kit, engine, **members)
            assert said in str(refused.value)
            assert "Notes" in str(refused.value)
            assert kit.store.runs(RunFilter(), limit=1) == []

    kit.run(main())


EMPTY_PUT = len(dumps({"text": "", "more": None}))
ONE, NOBODY = "the actor's name has 501 characters, and at most 500 are kept", "half of a surrogate pair"
EVENTS = {
    "a byte less": ("put", {"text": filling(LIMIT_BYTES - 1, before=EMPTY_PUT), "more": None}, {}, None),
    "just as much": ("put", {"text": filling(LIMIT_BYTES, before=EMPTY_PUT), "more": None}, {}, None),
    "a byte more": (
        "put",
        {"text": filling(LIMIT_BYTES + 1, before=EMPTY_PUT), "more": None},
        {},
        f"event put does not fit: what the event carries is longer than {LIMIT_BYTES:,} bytes: it has {LIMIT_BYTES + 1:,}",
    ),
    "all levels": ("note", {"more": nested(LIMIT_DEPTH - 1)}, {}, None),
    "one level more": ("note", {"more": nested(LIMIT_DEPTH)}, {}, f"more than {LIMIT_DEPTH} levels"),
    "an empty key": (
        "add",
        {"text": ""},
        {},
        "the key of the event add must have 1 to 500 characters; it is empty",
    ),
    "the longest key": ("add", {"text": filling(500)}, {}, None),
    "a longer key": ("add", {"text": filling(501)}, {}, "it has 501 characters"),
    "the longest sender": ("note", {"more": 1}, {"actor": filling(500)}, None),
    "a longer sender": ("note", {"more": 1}, {"actor": filling(501)}, ONE),
    "a longer role": ("note", {"more": 1}, {"role": filling(501)}, "the role has 501 characters"),
    "a sender who is no text": ("note", {"more": 1}, {"actor": "a\udcff"}, NOBODY),
    "a sender with a NUL": ("note", {"more": 1}, {"actor": "a\0"}, "NUL"),
}


@pytest.mark.parametrize(("event", "args", "sender", "said"), EVENTS.values(), ids=EVENTS)
def test_an_event(making: Making, event: str, args: Any, sender: dict[str, str], said: str | None) -> None:
    kit = making()

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            run = await begun(kit, engine)
            before = kit.row(run.id), kit.store.inbox(run.id)
            if said is None:
                await engine.send_event(run.id, event, args, **sender)
                return
            with pytest.raises(InputInvalid) as refused:
                await engine.send_event(run.id, event, args, **sender)
            assert said in str(refused.value)
            assert (kit.row(run.id), kit.store.inbox(run.id)) == before

    kit.run(main())


@pytest.mark.parametrize("verb", ["resume", "terminate", "resolve"])
def test_a_reason_has_a_limit_too(making: Making, verb: str) -> None:
    kit = making()

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            run = await begun(kit, engine)
            more = {"happened": True} if verb == "resolve" else {}
            with pytest.raises(InputInvalid, match="the reason has 10,001 characters, and at most 10,000"):
                await getattr(engine.client, verb)(run.id, actor="ann", reason=filling(10_001), **more)
            assert len(kit.store.journal(run.id)) == 1
            if verb == "terminate":
                await engine.client.terminate(run.id, actor="ann", reason=filling(10_000))

    kit.run(main())


@pytest.mark.parametrize(("size", "ends"), [(-1, "Looked"), (0, "Looked"), (1, "Open")])
def test_a_result(making: Making, size: int, ends: str) -> None:
    kit = making()
    kit.handlers.answer = filling(LIMIT_BYTES + size, before=2)  # a text has two quotes

    async def main() -> None:
        async with kit.engine() as engine:
            run = await begun(kit, engine)
            await asyncio.sleep(120)
            head = kit.row(run.id).head
            assert (head.state, head.status) == (ends, "waiting" if ends == "Looked" else "stalled")
            if ends == "Open":
                assert f"the result of look is longer than {LIMIT_BYTES:,} bytes" in head.reason

    kit.run(main())
    kit.check()


@pytest.mark.parametrize(("size", "taken"), [(-2, True), (0, True), (2, False)])
def test_what_a_state_carries(
    making: Making, monkeypatch: pytest.MonkeyPatch, size: int, taken: bool
) -> None:
    monkeypatch.setattr(bounds, "STEP_BYTES", 1000)
    kit = making()

    async def main() -> None:
        async with kit.engine() as engine:
            run = await begun(kit, engine)
            by = "x" * ((1000 + size - len('{"all":""}')) // 2)
            if taken:
                await run.send.grow(by=by)
                assert kit.row(run.id).head.state == "Grown"
                return
            why = "what Grown carries has 1,002 bytes, and at most 1,000 are kept"
            with pytest.raises(EventWouldStall, match=why):
                await run.send.grow(by=by)
            assert kit.kinds(run.id) == ["started"]

    kit.run(main())
    kit.check()


@pytest.mark.parametrize(("size", "taken"), [(-2, True), (0, True), (2, False)])
def test_what_an_action_is_called_with(
    making: Making, monkeypatch: pytest.MonkeyPatch, size: int, taken: bool
) -> None:
    monkeypatch.setattr(bounds, "STEP_BYTES", 300)
    kit = making()

    async def main() -> None:
        async with kit.engine() as engine:
            run = await begun(kit, engine)
            text = "x" * ((300 + size - len('{"one":"","both":""}')) // 2)
            if taken:
                await run.send.double(text=text)
                await asyncio.sleep(60)
                assert kit.row(run.id).head.status == "ended"
                return
            with pytest.raises(EventWouldStall, match="what copy is called with has 302 bytes"):
                await run.send.double(text=text)
            assert (kit.handlers.filed, kit.kinds(run.id)) == ([], ["started"])

    kit.run(main())
    kit.check()


@pytest.mark.parametrize(("length", "taken"), [(1, True), (500, True), (501, False), (0, False)])
def test_the_key_of_an_action(making: Making, length: int, taken: bool) -> None:
    kit = making()

    async def main() -> None:
        async with kit.engine() as engine:
            run = await begun(kit, engine)
            if taken:
                await run.send.cancel(reason=filling(length))
                await asyncio.sleep(60)
                assert kit.row(run.id).head.status == "ended"
                return
            with pytest.raises(EventWouldStall, match="the key of file must have 1 to 500 characters"):
                await run.send.cancel(reason=filling(length))
            assert (kit.handlers.filed, kit.kinds(run.id)) == ([], ["started"])

    kit.run(main())
    kit.check()


def test_waiting_events(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "QUEUE_MESSAGES", 5)
    kit = making()

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            run = await begun(kit, engine)
            for number in range(5):
                assert (await run.send.put(text=f"{number}", more=None)).status == "stored"
            before = kit.row(run.id)
            with pytest.raises(QueueFull) as full:
                await run.send.put(text="one more", more=None)
            said = str(full.value)
            assert "Notes/a is in Open and cannot store 'put': 5 events wait for it, and at most 5" in said
            assert full.value.code == "queue_full"
            assert (kit.row(run.id), len(kit.store.inbox(run.id))) == (before, 5)
            # An event that the state takes needs no room, and an event that ends the run empties
            # the queue.
            await run.send.note(more=1)
            await run.send.leave()
            assert kit.store.inbox(run.id) == []
            assert kit.kinds(run.id).count("unhandled") == 5

    kit.run(main())
    kit.check()


def test_a_queue_has_room_again_after_events_were_taken(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "QUEUE_MESSAGES", 3)
    kit = Kit(
        """
contract Desk(id: str) key id
event ring() keep
event open()
initial state Shut -> Busy {
  on open() -> goto Busy(0)
  after 1h -> goto Busy(0)
}
state Busy(rung: int) -> Busy | Shut | Over {
  on ring() if rung < 3 -> goto Busy(rung + 1)
  on open() -> goto Shut
  after 9h -> goto Over
}
final state Over success
""",
        lambda module: object(),
    )
    other = making()
    kit.store, kit.clock = other.store, other.clock

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            run = await engine.start(kit.workflow, id="a")
            for _ in range(2):
                for _ in range(3):
                    await run.send.ring()
                with pytest.raises(QueueFull):
                    await run.send.ring()
                await run.send.open()
                assert kit.store.inbox(run.id) == []
                await run.send.open()

    kit.run(main())
    kit.check()


def test_the_bytes_of_waiting_events(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "QUEUE_BYTES", 3000)
    monkeypatch.setattr(bounds, "SMALL_MESSAGE_BYTES", 600)
    kit = making()

    async def main() -> None:
        async with kit.engine(serve=False) as engine:
            run = await begun(kit, engine)
            await run.send.put(text=filling(800), more=None)
            size = kit.store.waiting_bytes(run.id)
            assert size == sum(len(row.body.encode()) for row in kit.store.inbox(run.id))
            await run.send.put(text=filling(800), more=None)
            room = 3000 - 2 * size
            for more, fits in ((1, False), (0, True)):
                text = filling(800 + room - size + more)
                if fits:
                    await run.send.put(text=text, more=None)
                else:
                    with pytest.raises(QueueFull, match="at most 3,000 bytes may"):
                        await run.send.put(text=text, more=None)
            assert kit.store.waiting_bytes(run.id) == 3000
            # Small messages are counted by number alone.
            await run.send.put(text="small", more=None)

    kit.run(main())


def test_the_limit_of_a_queue_holds_with_many_senders_at_once(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "QUEUE_MESSAGES", 7)
    kit = making()

    async def main() -> None:
        async with kit.engine(serve=False) as engine, kit.engine(serve=False) as another:
            run = await begun(kit, engine)
            sends = [
                each.send_event(run.id, "put", {"text": f"{number}", "more": None})
                for number in range(20)
                for each in (engine, another)
            ]
            told = await asyncio.gather(*sends, return_exceptions=True)
            assert sum(1 for one in told if isinstance(one, QueueFull)) == 33
            assert kit.store.waiting(run.id) == len(kit.store.inbox(run.id)) == 7

    kit.run(main())


def test_the_records_of_a_run(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HISTORY_RECORDS", 9)
    kit = making()

    async def main() -> None:
        async with kit.engine() as engine:
            run = await begun(kit, engine)
            for _ in range(4):
                await run.send.tick()
            assert kit.row(run.id).seq == 9
            before = kit.row(run.id)
            for event, args in (("tick", {}), ("note", {"more": 1}), ("put", {"text": "", "more": 1})):
                with pytest.raises(HistoryFull) as full:
                    await engine.send_event(run.id, event, args)
                assert f"Notes/a cannot take '{event}': it has 9 records, and a run has at most 9" in str(
                    full.value
                )
            assert kit.row(run.id) == before
            # Its timer is due: the run is stalled with the reason, and is not tried again and
            # again.
            await asyncio.sleep(120)
            row = kit.row(run.id)
            assert (row.head.status, row.head.wake_at, row.seq) == ("stalled", None, 10)
            assert "a run can have at most 9; end it with `opord runs terminate Notes/a`" in row.head.reason
            await engine.client.terminate(run.id, actor="ann")
            assert kit.row(run.id).head.status == "ended"

    kit.run(main())
    kit.check()


def test_a_run_stalled_for_its_full_history_is_not_woken_by_its_phase(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "HISTORY_RECORDS", 3)
    kit = Kit(
        """
contract Phased(id: str) key id
event tick()
phase Open {
  after 1m -> goto Over
  initial state Quiet -> Quiet | Over {
    on tick() -> goto Quiet
  }
}
final state Over success
""",
        lambda module: object(),
    )
    other = making()
    kit.store, kit.clock = other.store, other.clock

    async def main() -> None:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            await run.send.tick()
            await asyncio.sleep(120)
            row = kit.row(run.id)
            assert (row.head.status, row.head.wake_at, row.seq) == ("stalled", None, 4)

    kit.run(main())
    kit.check()


SPIN = """
contract Spin(id: str) key id
effect more(n: int) -> bool
action post(n: int) { repeatable }
initial state On(n: int = 0) -> Post | Off {
  let on = perform more(n)
  if on { goto Post(n) }
  goto Off
}
state Post(n: int) -> On {
  commit post(n)
  goto On(n + 1)
}
final state Off success
"""


def test_an_endless_run_is_stalled_when_its_history_is_full(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "HISTORY_RECORDS", 50)

    class Spins:
        posted = 0

        async def more(self, n: int) -> bool:
            return True

        async def post(self, n: int, *, call: Any) -> None:
            self.posted += 1

    kit = Kit(SPIN, lambda module: Spins())
    other = making()
    kit.store, kit.clock = other.store, other.clock

    async def main() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a")
            await engine.until_idle()

    kit.run(main())
    row = kit.row("Spin/a")
    assert row.head.status == "stalled"
    kinds = kit.kinds("Spin/a")
    # An open commit was completed: every intent has its outcome, and nothing is in doubt.
    assert kinds.count("intent") == kinds.count("outcome") == kit.handlers.posted
    assert 50 <= len(kinds) <= 54
    kit.check()


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in Refused.__subclasses__()]
    assert len(codes) == len(set(codes))
    assert {"queue_full", "history_full", "input_invalid"} <= set(codes)


def test_the_table_of_limits_in_the_documents_has_these_numbers() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    rows = [
        line.split("|")[2].strip()
        for line in page.split("## Limits")[1].split("## ")[0].splitlines()
        if "|" in line
    ]
    key = f"1 to {bounds.LONGEST_KEY} characters"
    assert rows[2:] == [
        f"{LIMIT_BYTES:,} bytes of JSON each",
        f"{LIMIT_DEPTH} levels",
        f"{INT_MAX.bit_length() + 1} bits",
        key,
        key,
        f"{bounds.LONGEST_NAME} characters each",
        f"{bounds.LONGEST_REASON:,} characters",
        f"{bounds.STEP_BYTES:,} bytes of JSON each",
        f"{bounds.QUEUE_MESSAGES:,}",
        f"{bounds.QUEUE_BYTES:,}, looked at for events of more than {bounds.SMALL_MESSAGE_BYTES:,} bytes",
        f"{bounds.HISTORY_RECORDS:,}",
    ]
