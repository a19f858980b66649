"""A large value is stored once for a run.

The cost of a step does not depend on values that it does not change.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.drive.errors import EventWouldStall, RunUnreadable, StartConflict
from opord.kernel import bounds, large
from opord.kernel.large import needed
from opord.kernel.legality import verify
from opord.kernel.legality.values import Values
from opord.kernel.run import load_run
from opord.kernel.views import history_view, run_view
from opord.loading import program_of
from opord.stores.base import RunFilter
from opord.stores.memory import MemoryStore
from opord.stores.sqlite.store import SqliteStore
from opord.stores.values import read_run
from opord.values.guard import BadValue
from tests.support.kit import Kit, crash_at
from tests.support.store import FaultyStore
from tests.support.stores import EACH_STORE

WALK = """
contract Walk(id: str, items: list[Line], steps: int) key id
record Line { sku: str, tags: list[str] }
record Page { items: list[Line], at: int }
event next()
event swap(others: list[Line])
event wrap()
pure weight(line: Line) -> int
effect fetch(at: int) -> Page
action pay(items: list[Line], at: int) -> Page { in doubt ask }
initial state Ready -> Walking { goto Walking(items, 0) }
state Walking(items: list[Line], at: int) -> Walking | Waiting {
  match items[at] {
    some line -> {
      let one = weight(line)
      if at < steps { goto Walking(items, at + one) }
    }
    none -> {}
  }
  goto Waiting(items, at)
}
state Waiting(items: list[Line], at: int) -> Waiting | Wrapped {
  on next() -> goto Waiting(items, at + 1)
  on swap(others) -> goto Waiting(others, at + 1)
  on wrap() -> goto Wrapped(Page { items: items, at: at })
}
state Wrapped(page: Page) -> Wrapped | Fetching {
  on next() -> goto Wrapped(Page { items: page.items, at: page.at + 1 })
  on wrap() -> goto Fetching(page)
}
state Fetching(page: Page) -> Paid {
  let got = perform fetch(page.at)
  let paid = commit pay(got.items, page.at)
  goto Paid(page, got, paid)
}
state Paid(page: Page, got: Page, paid: Page) -> Done {
  on next() -> goto Done(paid)
}
final state Done(paid: Page) success
"""


def lines(count: int, name: str = "sku") -> list[dict[str, Any]]:
    return [{"sku": f"{name}-{number:06d}", "tags": ["a", "b"]} for number in range(count)]


class Handlers:
    """Handlers that change everything that they get, and keep what they return."""

    def __init__(self) -> None:
        self.page: dict[str, Any] = {"items": lines(300, "fetched"), "at": 7}
        self.given: list[Any] = []

    def weight(self, line: Any) -> int:
        line.tags.append("changed by a handler")
        return 1

    async def fetch(self, at: int) -> Any:
        return self.page

    async def pay(self, items: Any, at: int, *, call: Any) -> Any:
        self.page["items"].clear()
        items[0].tags.append("changed by a handler")
        answer = {"items": list(items), "at": at}
        items.clear()
        return answer


@pytest.fixture(params=EACH_STORE)
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Kit:
    kit = Kit(WALK, lambda module: Handlers())
    if request.param == "sqlite":
        kit.store = SqliteStore(tmp_path / "runs.db", clock=kit.clock.now)
    return kit


def kept_bytes(kit: Kit, run: str) -> int:
    """Return how many bytes of text are stored of a run."""
    kept = kit.store.kept(run)
    assert kept is not None
    texts = [kept.row.input, kept.row.head.body, *(record.body for record in kept.records)]
    return sum(map(len, [*texts, *(value.body for value in kept.values)]))


def data_of(kit: Kit, run: str) -> Any:
    row = kit.store.load(run)
    assert row is not None
    return run_view(read_run(kit.store, program_of(kit.workflow), row))["data"]


async def walked(kit: Kit, engine: Engine, count: int, steps: int) -> str:
    run = await engine.start(kit.workflow, id=f"w{count}", items=lines(count), steps=steps)
    await engine.until_idle()
    return str(run.id)


def test_a_list_that_is_carried_on_is_stored_once(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            run = await walked(kit, engine, 500, 100)
            for _ in range(50):
                await engine.send_event(run, "next", {})

    kit.run(story())
    (value,) = kit.store.values("Walk/w500")
    assert json.loads(value.body) == lines(500)
    assert value.digest == sha256(value.body.encode()).hexdigest()
    records = kit.records("Walk/w500")
    assert len(records) == 203
    assert all(record["values"] == {"data.items": value.digest} for record in records[1:] if "data" in record)
    assert records[0]["values"] == {"input.items": value.digest}
    assert max(len(record.body) for record in kit.store.journal("Walk/w500")) < 1000
    assert kept_bytes(kit, "Walk/w500") < len(value.body) + 203 * 800
    assert data_of(kit, "Walk/w500") == {"items": lines(500), "at": 150}
    kit.check()


def test_the_work_of_a_step_does_not_grow_with_unchanged_values(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    plain = large.encode
    monkeypatch.setattr(large, "encode", lambda rest: encoded.append(len(made := plain(rest))) or made)

    async def story() -> list[tuple[int, int]]:
        found = []
        async with kit.engine() as engine:
            for count in (200, 3_000):
                run = await walked(kit, engine, count, 10)
                await engine.send_event(run, "next", {})
                encoded.clear()
                for _ in range(10):
                    await engine.send_event(run, "next", {})
                in_a_field = len(encoded), sum(encoded)
                await engine.send_event(run, "wrap", {})
                encoded.clear()
                for _ in range(10):  # now it is in a record that changes
                    await engine.send_event(run, "next", {})
                assert in_a_field[0] == len(encoded)
                found.append((len(encoded), sum(encoded)))
        return found

    few, many = kit.run(story())
    assert few == many
    assert many[1] < 10 * 200


def test_a_process_fetches_a_value_once_and_never_for_a_list_of_runs(kit: Kit) -> None:
    fetched: list[int] = []

    class Counting(FaultyStore):
        def before(self, name: str, args: tuple[Any, ...]) -> None:
            if name == "values":
                fetched.append(len(args[1]))

    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 500, 3)
        async with kit.engine(store=Counting(kit.store)) as engine:
            for _ in range(20):
                await engine.send_event("Walk/w500", "next", {})

    kit.run(story())
    assert fetched == [1]


def test_the_cache_of_values_has_a_limit() -> None:
    cache = large.ValueCache(10_000)
    for number in range(100):
        cache.put("r", large.Large(f"{number}", "x" * 4_000), 4_000)
    cache.put("r", large.Large("too large", "x" * 20_000), 20_000)
    assert cache.get("r", "too large") is None
    assert [number for number in range(100) if cache.get("r", f"{number}")] == [98, 99]


def test_changes_of_a_handler_to_its_arguments_or_result_reach_no_run(kit: Kit) -> None:
    async def story() -> Any:
        async with kit.engine() as engine:
            run = await walked(kit, engine, 200, 20)
            await engine.send_event(run, "wrap", {})
            await engine.send_event(run, "wrap", {})
            await engine.until_idle()
            before = data_of(kit, run)
            await engine.send_event(run, "next", {})
            ended = await engine.wait_result(run)
            ended.paid.items.clear()
            return before, await engine.wait_result(run)

    before, ended = kit.run(story())
    fetched = lines(300, "fetched")
    paid = [{"sku": "fetched-000000", "tags": ["a", "b", "changed by a handler"]}, *fetched[1:]]
    assert before["page"] == {"items": lines(200), "at": 20}
    assert before["got"] == {"items": fetched, "at": 7}
    assert before["paid"]["items"] == paid
    assert len(ended.paid.items) == 300
    assert len(kit.store.values("Walk/w200")) == 3
    kit.check()


def test_histories_and_views_show_every_value_in_its_place(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same story with values stored by themselves and without: people see the same."""

    async def story() -> list[Any]:
        async with kit.engine() as engine:
            run = await walked(kit, engine, 150, 5)
            await engine.send_event(run, "swap", {"others": lines(150, "other")})
            for event in ("next", "wrap", "next", "wrap"):
                await engine.send_event(run, event, {})
                await engine.until_idle()
            shown = [dict(one) for one in await engine.run_history(run)]
            return [[{**one, "hash": "", "prev": ""} for one in shown], await engine.run_status(run)]

    with_values = kit.run(story())
    assert len(kit.store.values("Walk/w150")) == 4
    other = Kit(WALK, lambda module: Handlers())
    monkeypatch.setattr(large, "LARGE_BYTES", 10**9)
    without = Kit.run(other, _again(other))
    assert other.store.values("Walk/w150") == []
    assert with_values == without
    kit.check()
    other.check()


def _again(kit: Kit) -> Any:
    async def story() -> list[Any]:
        async with kit.engine() as engine:
            run = await walked(kit, engine, 150, 5)
            await engine.send_event(run, "swap", {"others": lines(150, "other")})
            for event in ("next", "wrap", "next", "wrap"):
                await engine.send_event(run, event, {})
                await engine.until_idle()
            shown = [dict(one) for one in await engine.run_history(run)]
            return [[{**one, "hash": "", "prev": ""} for one in shown], await engine.run_status(run)]

    return story()


def test_a_repeated_start_is_compared_by_its_whole_input(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            run = await walked(kit, engine, 500, 1)
            again = await engine.start(kit.workflow, id="w500", items=lines(500), steps=1)
            assert str(again.id) == run
            with pytest.raises(StartConflict):
                await engine.start(kit.workflow, id="w500", items=[*lines(499), *lines(1, "x")], steps=1)

    kit.run(story())


def test_limits_apply_to_the_whole_size(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = {"items": lines(500), "at": 6}
    size = len(json.dumps(rest, separators=(",", ":")))

    async def story() -> str:
        async with kit.engine() as engine:
            run = await walked(kit, engine, 500, 6)
            monkeypatch.setattr(bounds, "STEP_BYTES", size)
            for _ in range(2):
                await engine.send_event(run, "next", {})
            monkeypatch.setattr(bounds, "STEP_BYTES", size - 1)
            with pytest.raises(
                EventWouldStall, match=f"has {size:,} bytes, and at most {size - 1:,} are kept"
            ):
                await engine.send_event(run, "next", {})
            return run

    run = kit.run(story())
    assert kit.row(run).head.status == "waiting"


def test_the_values_are_stored_after_a_crash_at_any_point() -> None:
    kit = Kit(WALK, lambda module: Handlers())

    async def story(engine: Engine) -> None:
        run = await walked(kit, engine, 120, 2)
        for state in ("Waiting", "Wrapped"):
            if kit.row(run).head.state == state:
                await engine.send_event(run, "wrap", {})
                await engine.until_idle()

    async def main() -> list[str]:
        found: list[str] = []
        while True:
            kit.store, kit.handlers = MemoryStore(kit.clock.now), Handlers()
            at = await crash_at(kit, len(found) + 1, story)
            if at is None:
                return found
            found.append(at)
            kit.check()
            async with kit.engine() as engine:
                await asyncio.sleep(60)
                await story(engine)
            head = kit.row("Walk/w120").head
            assert (head.state, head.status) in [("Paid", "waiting"), ("Fetching", "in_doubt")]
            kit.check()

    points = kit.run(main())
    assert {"start written", "event written", "intent written", "call answered"} <= set(points)


def test_a_run_from_before_large_values_goes_on_and_verifies(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(events: list[str]) -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 300, 3)
            for event in events:
                await engine.send_event("Walk/w300", event, {})
                await engine.until_idle()

    with monkeypatch.context() as before:
        before.setattr(large, "LARGE_BYTES", 10**9)
        kit.run(story(["next"]))
    assert kit.store.values("Walk/w300") == []
    journal = kit.store.journal("Walk/w300")
    kit.run(story(["next", "wrap", "next", "wrap", "next"]))
    assert kit.store.journal("Walk/w300")[: len(journal)] == journal
    assert kit.row("Walk/w300").head.state == "Done"
    assert len(kit.store.values("Walk/w300")) == 3
    kit.check()


HOSTILE = """
contract Odd(id: str, values: json, data: json) key id
event put(values: json)
effect ask(id: str) -> json
action act(values: json) -> json { in doubt ask }
initial state First -> Second {
  let got = perform ask(id)
  let done = commit act(values)
  goto Second(values, got, done)
}
state Second(values: json, got: json, done: json) -> Second | Last {
  on put(values: new) -> goto Second(new, got, done)
  at run.started_at + 999h -> goto Last(values)
}
final state Last(values: json) success
"""


class Echo:
    """Handlers that answer what they are told to."""

    def __init__(self) -> None:
        self.answer: Any = None

    async def ask(self, id: str) -> Any:
        return self.answer

    async def act(self, values: Any, *, call: Any) -> Any:
        return self.answer


KEPT = "0" * 64
LOOKS_LIKE_ONE: list[Any] = [
    {"$values": {"values": KEPT}},
    {"values": {"data.values": KEPT, "pending.intent.args.values": KEPT}},
    {"values": {"values": KEPT}, "$values": {"id": KEPT, "data": KEPT}},
    {"ok": {"values": {"0.ok": KEPT}}, "0.ok": 1, "": 2, "data.values": [KEPT]},
    [{"failed": KEPT}, {"values": {"outcome.ok": KEPT}}],
    KEPT,
]


@pytest.mark.parametrize("padding", ["", "pad " * 2_000], ids=["small", "large"])
@pytest.mark.parametrize("store", EACH_STORE)
def test_users_data_cannot_be_mistaken_for_a_reference(store: str, padding: str) -> None:
    kit = Kit(
        HOSTILE.replace("on put(values: new)", "on put(values)").replace("Second(new", "Second(values"),
        lambda _: Echo(),
    )
    if store == "sqlite":
        kit.store = SqliteStore(None, clock=kit.clock.now)

    async def story() -> None:
        for number, looks in enumerate(LOOKS_LIKE_ONE):
            value = (
                looks
                if not padding
                else {**looks, "pad": padding}
                if isinstance(looks, dict)
                else [looks, padding]
            )
            kit.handlers.answer = value
            async with kit.engine() as engine:
                run = await engine.start(kit.workflow, id=f"r{number}", values=value, data=value)
                await engine.until_idle()
                await engine.send_event(run.id, "put", {"values": value})
            async with kit.engine() as engine:  # this engine does not know the values yet
                found = await engine.client.read(run.id)
                fields = found.fields
                assert [found.input.values, found.input.data] == [value, value]
                assert [fields.values, fields.got, fields.done] == [value, value, value]
                assert data_of(kit, run.id) == {"values": value, "got": value, "done": value}
                history = await engine.run_history(run.id)
                assert history[0]["input"] == {"id": f"r{number}", "values": value, "data": value}
                assert {"ok": value} in [one.get("outcome") for one in history]
            assert len(kit.store.values(run.id)) == bool(padding)

    kit.run(story())
    kit.check()


def damaged(kit: Kit, change: Callable[[dict[str, str]], None]) -> list[str]:
    """Verify a run whose values were changed."""
    kept = kit.store.kept("Walk/w500")
    assert kept is not None
    values = {value.digest: value.body for value in kept.values}
    change(values)
    rows = [type(kept.values[0])(*value) for value in values.items()]
    problems = verify(program_of(kit.workflow), kept.row, kept.records, kept.inbox, rows)
    return [str(problem) for problem in problems]


def test_a_missing_altered_or_unused_value_is_reported_with_its_record(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 500, 3)

    kit.run(story())
    (value,) = kit.store.values("Walk/w500")
    assert damaged(kit, lambda values: None) == []
    (missing,) = damaged(kit, dict.clear)
    assert missing == f"record 1: value: the value {value.digest} is not kept, and this refers to it"
    altered = damaged(kit, lambda values: values.update({value.digest: value.body.replace("a", "b")}))
    assert f"the stored run: value: {value.digest} does not have this digest: it was changed" in altered
    (extra,) = damaged(kit, lambda values: values.update({sha256(b"[]").hexdigest(): "[]"}))
    assert extra.endswith("is kept, and no record refers to it")


def test_verification_checks_a_value_once_however_many_records_refer_to_it(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 500, 5)

    kit.run(story())
    program, run = program_of(kit.workflow), "Walk/w500"
    values = Values(program, run, kit.store.values(run))
    moves = [values.whole(json.loads(one.body)) for one in kit.store.journal(run) if one.kind == "transition"]
    walking = [one["data"] for one in moves if one["to"] == "Walking"]
    codec = program.states["Walking"].fields
    first, *others = (values.decode(codec, data) for data in walking)
    assert others
    assert [each.at for each in others] == [data["at"] for data in walking[1:]]
    assert all(each.items is first.items for each in others)
    assert codec.dump(first) == walking[0]
    copied = values.decode(codec, {**walking[0], "items": list(walking[0]["items"])})
    assert copied.items is not first.items


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"sku":"sku-000007"', '"sku":7', "expected str"),
        ('"sku":"sku-000007"', '"sky":"sku-000007"', "does not fit its type"),
        ('"sku":"sku-000007"', '"sku":"sku-000007","more":1', "is not kept as its type is"),
    ],
)
def test_each_record_whose_value_does_not_fit_its_type_is_reported(
    kit: Kit, old: str, new: str, why: str
) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 500, 3)

    kit.run(story())
    moves = sum(one.kind == "transition" for one in kit.store.journal("Walk/w500"))
    (value,) = kit.store.values("Walk/w500")
    found = damaged(kit, lambda values: values.update({value.digest: value.body.replace(old, new)}))
    told = [
        problem for problem in found if "what Walking carries" in problem or "what Waiting carries" in problem
    ]
    assert len(told) == moves
    assert all(why in problem for problem in told)


def test_a_run_with_a_missing_or_altered_value_is_put_off_and_partly_shown(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 500, 3)

    kit.run(story())
    row, program = kit.row("Walk/w500"), program_of(kit.workflow)
    (value,) = kit.store.values("Walk/w500", needed(row))
    altered = value.replace(body=value.body.replace("sku-000007", "sku-777777"))
    for wrong, why in (([], "is not in the store"), ([altered], "was changed")):
        with pytest.raises(BadValue, match=f"{value.digest[:12]}… that Walk/w500 refers to {why}"):
            load_run(program, row, wrong)
    assert load_run(program, row, [value]).fields.at == 3
    history = history_view(program, kit.store.journal("Walk/w500"))
    assert [one["kind"] for one in history][:2] == ["started", "transition"]
    assert kit.store.runs(RunFilter(), limit=1) == [row]


def test_a_run_whose_value_is_gone_can_still_be_terminated(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 500, 3)
        with monkeypatch.context() as gone:
            gone.setattr(kit.store, "values", lambda *_: [])
            async with kit.engine(serve=False) as engine:
                with pytest.raises(RunUnreadable, match="is not in the store"):
                    await engine.send_event("Walk/w500", "next", {})
                await engine.client.terminate("Walk/w500", actor="root", reason="lost")

    kit.run(story())
    assert kit.row("Walk/w500").head.outcome == "terminated"
    assert damaged(kit, lambda values: None) == []


def test_a_history_shows_a_value_once_however_many_records_refer_to_it(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 500, 20)

    kit.run(story())
    program, run = program_of(kit.workflow), "Walk/w500"
    shown = history_view(program, kit.store.journal(run), (), kit.store.values(run))
    lists = [one["data"]["items"] for one in shown if one["kind"] == "transition"]
    assert len(lists) > 20
    assert all(each is lists[0] for each in lists)
    assert lists[0] == shown[0]["input"]["items"]
    assert lists[0][7]["sku"] == "sku-000007"


def test_runs_without_a_large_value_share_empty_tables_that_stay_empty(kit: Kit) -> None:
    async def story() -> None:
        async with kit.engine() as engine:
            await walked(kit, engine, 5, 3)
            await walked(kit, engine, 500, 3)
            await engine.send_event("Walk/w500", "wrap", {})

    kit.run(story())
    assert (large._NO_ENTRIES, large._NO_RESTS, large._NO_SPLITS) == ({}, {}, {})
