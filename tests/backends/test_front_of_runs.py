"""`Engine.run`, `Engine.runs`, and what misuse of an engine is told in words."""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import Coroutine
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import opord
from tests.backends.desk import DESK, Handlers, load_desk


@pytest.fixture
def flow(tmp_path: Path) -> Any:
    return load_desk(tmp_path)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def order(id: str, customer: str = "ann", **members: Any) -> dict[str, Any]:
    return {"id": id, "customer": customer, **members}


def keys(page: opord.RunPage) -> list[str]:
    return [one["run"].partition("/")[2] for one in page.runs]


def test_a_handle_of_an_existing_run_does_all_that_its_start_could(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow(Handlers())]) as engine:
            await engine.start(flow, order=order("a/b"))
            handle = engine.run(flow, "a/b")
            assert type(handle) is flow.Run
            assert (await handle.status())["state"] == "Asked"
            await handle.as_("eve", role="boss").send.approve(note="ok")
            assert (await handle.result()).receipt == "r-a/b"
            with pytest.raises(opord.RunUnknown, match="there is no run 'Desk/zzz'"):
                await engine.run(flow(Handlers()), "zzz").status()

    run(main())


def test_runs_are_listed_by_all_that_is_known_of_them(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow(Handlers())]) as engine:
            await engine.start(flow, order=order("a", total=Decimal("9.00")))
            await engine.start(flow, order=order("b", "bob"))
            await engine.start(flow, order=order("lost", "bob"), text="x" * 9000)
            for key in ("a", "lost"):
                await engine.run(flow, key).as_("eve", role="boss").send.approve(note="ok")
            await engine.until_idle()

            assert keys(await engine.runs()) == ["lost", "b", "a"]
            assert keys(await engine.runs(flow, version=1)) == ["lost", "b", "a"]
            assert keys(await engine.runs("Desk", version=2)) == []
            assert keys(await engine.runs(state="Asked")) == ["b"]
            assert keys(await engine.runs(status="ended")) == ["a"]
            assert keys(await engine.runs(outcome="success")) == ["a"]
            assert keys(await engine.runs(needs="any")) == ["lost"]
            assert keys(await engine.runs(flow, data={"order.customer": "bob"})) == ["lost", "b"]
            assert keys(await engine.runs(data={"order.customer": "bob"}, status="waiting")) == ["b"]
            assert keys(await engine.runs(data={"receipt": "r-a"})) == ["a"]
            assert keys(await engine.runs(data={"order.total": Decimal(9)})) == ["a"]
            assert keys(await engine.runs(data={"text": "x" * 9000})) == ["lost"]
            assert keys(await engine.runs(data={"text": "y"})) == []
            assert keys(await engine.runs(data={"order.customer": "bob", "cents": 0})) == ["b"]

            soon, hour = datetime.now(UTC) + timedelta(seconds=5), timedelta(hours=1)
            assert keys(await engine.runs(started_before=soon)) == ["lost", "b", "a"]
            assert keys(await engine.runs(started_from=soon)) == []
            assert keys(await engine.runs(since_from=soon - hour, since_before=soon, status="waiting")) == [
                "b"
            ]

    run(main())


def test_pages_follow_each_other_to_the_end(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            for number in range(25):
                await engine.start(flow, order=order(f"o{number}", "bob" if number % 5 == 0 else "ann"))
            listed: list[str] = []
            page = await engine.runs(flow, limit=10)
            while True:
                listed += keys(page)
                if page.after is None:
                    break
                page = await engine.runs(flow, limit=10, after=page.after)
            assert listed == [f"o{number}" for number in reversed(range(25))]
            first = await engine.runs(data={"order.customer": "bob"}, limit=3)
            assert keys(first) == ["o20", "o15", "o10"]
            rest = await engine.runs(data={"order.customer": "bob"}, limit=3, after=first.after)
            assert keys(rest) == ["o5", "o0"]
            assert rest.after is None

    run(main())


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"status": "wating"}, "there is no status 'wating'; did you mean 'waiting'?"),
        (
            {"outcome": "done"},
            "there is no outcome 'done'; there are success, failure, cancelled, terminated",
        ),
        ({"needs": "doubts"}, "there is no need 'doubts'; did you mean 'doubt'?"),
        ({"state": "Askd"}, "there is no state of Desk 'Askd'; did you mean 'Asked'?"),
        (
            {"data": {"oder.id": 1}},
            "there is no input or field of a state of Desk 'oder'; did you mean 'order'?",
        ),
        ({"data": {"order.": 1}}, "expected names joined by points"),
        ({"data": {"order.id": [[1]]}}, r"expected a text, a number, .* got: \[1\]"),
        ({"role": "bos"}, "there is no role 'bos' in a stored contract; did you mean 'boss'?"),
        ({"sort": "name"}, "expected for sort one of -started, -since, since, due, got: 'name'"),
        ({"status": ["ended", "endd"]}, "there is no status 'endd'; did you mean 'ended'?"),
        ({"started_from": datetime(2026, 1, 1)}, "started_from needs a time zone"),  # noqa: DTZ001
        ({"limit": 0}, "expected a limit of at least 1, got: 0"),
    ],
)
def test_a_condition_that_names_nothing_is_refused(flow: Any, wanted: Any, told: str) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            with pytest.raises(ValueError, match=told):
                await engine.runs(flow, **wanted)

    run(main())


def test_a_condition_that_there_is_not_is_told_with_a_near_one(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            with pytest.raises(TypeError, match="'stat' is not a condition; did you mean 'state'"):
                await engine.runs(flow, stat="Asked")  # type: ignore[call-arg]

    run(main())


@pytest.mark.parametrize(
    ("contract", "wanted", "told"),
    [
        ("Dsk", {}, "there is no stored contract 'Dsk'; did you mean 'Desk'?"),
        ("Invoice", {}, "there is no stored contract 'Invoice'; there are Desk"),
        ("Desk", {"state": "Askd"}, "there is no state of Desk 'Askd'; did you mean 'Asked'?"),
        (None, {"state": "Askd"}, "there is no state of a stored contract 'Askd'; did you mean 'Asked'?"),
        ("Desk", {"data": {"oder.id": "o1"}}, "there is no input or field of a state of Desk 'oder'"),
    ],
)
def test_a_name_that_no_stored_contract_has_is_told(
    flow: Any, tmp_path: Path, contract: str | None, wanted: Any, told: str
) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"

    async def main() -> None:
        async with opord.Engine(url, [flow]) as engine:
            with pytest.raises(ValueError, match=told):
                await engine.runs(contract, **wanted)
            assert keys(await engine.runs("Desk", state="Asked")) == []
            assert keys(await engine.runs("Desk", state="Asked", version=7)) == []

    run(main())
    with opord.Client(url) as client, pytest.raises(ValueError, match=told):
        client.runs(contract, **wanted)


def test_a_store_without_contracts_has_no_runs_of_any(tmp_path: Path) -> None:
    with opord.Client(f"sqlite:///{tmp_path}/empty.db") as client:
        assert client.runs("Desk", state="Asked").runs == []


def test_a_state_that_only_an_older_version_has_can_be_asked_for(flow: Any, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "desk.opord").write_text(
        DESK.replace("order.id\n", "order.id version 2\n", 1).replace("Asked", "Open")
    )
    second = opord.load(newer / "desk.opord").Desk

    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow, second]) as engine:
            await engine.start(flow, order=order("a"))
            assert keys(await engine.runs(second, state="Asked")) == ["a"]
            assert keys(await engine.runs(second, state="Open")) == []
            with pytest.raises(ValueError, match="there is no state of Desk 'Opend'; did you mean 'Open'"):
                await engine.runs(second, state="Opend")

    run(main())


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda send: send.aprove(note="ok"), AttributeError, "Desk has no event 'aprove'; did you mean send.approve?"),
        (lambda send: send.refund(), AttributeError, "Desk has no event 'refund'; it has approve, cancel"),
        (lambda send: send("approve", note="ok"), TypeError, r"sent by its method, as in `await run.send.approve\(…\)`"),
        (lambda send: send.approve("ok"), TypeError, "give each parameter of approve by its name, as in note=…, got: 'ok'"),
        (lambda send: send.approve(), opord.InputInvalid, "Desk's event approve does not fit: note is missing"),
        (lambda send: send.approve(nte="ok"), opord.InputInvalid, r"(?s)note is missing.*`nte` is .*did you mean `note`"),
        (lambda send: send.approve(note=3), opord.InputInvalid, "note: expected str, got the number 3"),
    ],
)  # fmt: skip
def test_a_wrong_event_is_told_in_words(flow: Any, call: Any, error: type[Exception], told: str) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            handle = await engine.start(flow, order=order("a"))
            with pytest.raises(error, match=told):
                await call(handle.as_("eve", role="boss").send)
            assert (await handle.status())["state"] == "Asked"

    run(main())


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda run: run.approve(note="ok"), AttributeError, r"did you mean run.send.approve\(…\)\?"),
        (lambda run: run.resume(), AttributeError, r"did you mean engine.backend.resume\('Desk/a', …\)\?"),
        (lambda run: run.results(), AttributeError, "a handle of a run has no 'results'; did you mean result?"),
        (lambda run: run.zzz, AttributeError, "has no 'zzz'; it has send, status, history, result, as_, id"),
        (lambda run: run.send.approve(sender="x", note="ok"), opord.InputInvalid, "`sender` is"),
        (lambda run: run.send.approve(self="x", note="ok"), opord.InputInvalid, "`self` is"),
    ],
)  # fmt: skip
def test_what_a_handle_does_not_have_is_told(flow: Any, call: Any, error: type[Exception], told: str) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            handle = await engine.start(flow, order=order("a"))
            with pytest.raises(error, match=told):
                await call(handle.as_("eve", role="boss"))
            assert copy.copy(handle).id == "Desk/a"
            assert not hasattr(handle, "__len__")

    run(main())


def test_the_whole_name_of_a_run_is_no_key(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            await engine.start(flow, order=order("a"))
            with pytest.raises(opord.RunUnknown, match="did you mean 'Desk/a'"):
                await engine.run(flow, "Desk/a").status()

    run(main())


def test_all_wrong_names_of_a_start_are_told(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            with pytest.raises(opord.InputInvalid) as wrong:
                await engine.start(flow, oder=1, txt="x")
            assert [str(one) for one in wrong.value.problems] == [
                "oder is not a parameter of Desk; did you mean order?",
                "txt is not a parameter of Desk; did you mean text?",
                "order is missing",
            ]

    run(main())


def test_an_engine_without_async_says_so(flow: Any) -> None:
    engine: Any = opord.Engine("sqlite://:memory:", [flow])
    with pytest.raises(TypeError, match="opened with `async with`; a program without an event loop"), engine:
        pass


@pytest.mark.parametrize("wait_s", [-1, float("nan")])
def test_a_wait_below_nothing_is_refused(flow: Any, tmp_path: Path, wait_s: float) -> None:
    with opord.Client(f"sqlite:///{tmp_path}/desk.db") as client:
        handle = client.start(flow, order=order("a"))
        with pytest.raises(ValueError, match="expected wait_s of at least 0, got: "):
            handle.result(wait_s=wait_s)


def test_the_names_of_words_that_python_has_are_sent_as_in_the_contract(tmp_path: Path) -> None:
    (tmp_path / "k.opord").write_text(
        "contract K(id: str) key id\nevent raise(class: str)\n"
        "initial state A -> B { on raise(class) -> goto B }\nfinal state B success\n"
    )
    contract = opord.load(tmp_path / "k.opord").K

    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [contract]) as engine:
            handle = await engine.start(contract, id="1")
            assert inspect.iscoroutinefunction(handle.send.raise_)
            with pytest.raises(opord.InputInvalid) as told:
                await handle.send.raise_(class_="x", clas="y")
            assert len(told.value.problems) == 1
            assert "`clas` is" in told.value.problem
            assert (await handle.send.raise_(class_="x")).status == "taken"

    run(main())


def test_what_is_no_contract_is_told_in_words(flow: Any, tmp_path: Path) -> None:
    module = ModuleType("desk")
    module.Desk = flow  # type: ignore[attr-defined]
    for wrong, told in [
        ("Desk", r"expected a list of contracts, as in \[OrderFulfilment\(Handlers\(\)\)\], got: 'Desk'"),
        (flow, "expected a list of contracts, .* got: the class Desk"),
        (
            [Handlers()],
            r"expected a contract, as in OrderFulfilment\(Handlers\(\)\): .* an object of the class Handlers",
        ),
        ([Handlers], "expected a contract, .* got: the class Handlers"),
        ([module], "desk is a module: give its class, desk.Desk"),
        (["desk.opord"], "expected a contract, .*`opord.load.* got: 'desk.opord'"),
    ]:
        with pytest.raises(TypeError, match=told):
            opord.Engine("sqlite://:memory:", wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"started_from": "2026-01-01"}, "expected a datetime for started_from, .* got: '2026-01-01'"),
        ({"since_before": date(2026, 1, 1)}, "expected a datetime for since_before"),
        ({"data": ["order"]}, r"expected data by place, as in .* got: \['order'\]"),
        ({"limit": "5"}, "expected a whole number for limit, got: '5'"),
        ({"limit": None}, "expected a whole number for limit, got: None"),
        ({"after": 3}, "expected for after what the page before has .* got: 3"),
        ({"version": "1"}, "expected a whole number for version, got: '1'"),
    ],
)
def test_a_condition_of_a_wrong_type_is_refused(flow: Any, wanted: Any, told: str) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            with pytest.raises(TypeError, match=told):
                await engine.runs(flow, **wanted)

    run(main())


@pytest.mark.parametrize("name", ["lease_s", "call_limit_s", "drain_s", "concurrency"])
@pytest.mark.parametrize("value", ["4", None, True])
def test_a_setting_that_is_no_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"expected a (whole )?number for {name}, got: {value!r}"):
        opord.Engine("sqlite://:memory:", **{name: value})


@pytest.mark.parametrize("key", [None, 3.5, True, ["o1"]])
def test_what_is_no_key_of_a_run_is_refused_where_it_is_given(flow: Any, key: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="expected the key of a run"):
        opord.Engine("sqlite://:memory:", [flow]).run(flow, key)
    for contract in (flow, "Desk"):
        with pytest.raises(TypeError, match="expected the key of a run"):
            opord.Client(f"sqlite:///{tmp_path}/runs.db").run(contract, key)


@pytest.mark.parametrize(
    ("actor", "role", "told"),
    [
        (7, "boss", "the actor's name: expected a text, got: 7"),
        (None, "boss", "the actor's name: expected a text, got: None"),
        ("eve", ["boss"], r"the role: expected a text, got: \['boss'\]"),
    ],
)
def test_a_sender_that_is_no_text_is_refused(flow: Any, actor: Any, role: Any, told: str) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            desk = await engine.start(flow, order={"id": "a", "customer": "ann"})
            with pytest.raises(opord.InputInvalid, match=told):
                await desk.as_(actor, role=role).send.approve(note="ok")

    run(main())


def test_an_engine_is_opened_once(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            with pytest.raises(RuntimeError, match="the engine is open already; open it once"):
                await engine.__aenter__()
            assert (await engine.runs()).runs == []

    run(main())


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "orders.db",
            "expected a store like sqlite:///opord.db or postgresql://user@host/database, got: 'orders.db'",
        ),
        ("sqlite://orders.db", "three slashes before a file"),
        ("mysql://x/y", "got the scheme 'mysql'"),
        ("", "expected a store like"),
    ],
)
def test_a_wrong_url_is_refused_when_the_engine_is_made(url: str, told: str) -> None:
    with pytest.raises(opord.StoreRefused, match=told):
        opord.Engine(url)
    with pytest.raises(opord.StoreRefused, match=told):
        opord.Client(url)


def test_a_store_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"expected the URL of a store, .* the class PosixPath"):
        opord.Engine(tmp_path / "orders.db")  # type: ignore[arg-type]


def test_wrong_arguments_of_a_start_are_told_by_name(flow: Any) -> None:
    async def main() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            for args, named, error, told in [
                (("Desk",), {}, TypeError, "expected a contract, as in OrderFulfilment: .* got: 'Desk'"),
                ((Handlers,), {}, TypeError, "expected a contract, .* got: the class Handlers"),
                ((flow, order("a")), {}, TypeError, "give each input of Desk by its name, as in order=…"),
                (
                    (flow,),
                    {"oder": 1},
                    opord.InputInvalid,
                    "oder is not a parameter of Desk; did you mean order?",
                ),
                ((flow,), {"x": 1}, opord.InputInvalid, "x is not a parameter of Desk; it has order, text"),
                ((flow,), {}, opord.InputInvalid, "the input of Desk does not fit: order is missing"),
            ]:
                with pytest.raises(error, match=told):
                    await engine.start(*args, **named)

    run(main())


def test_an_engine_that_is_not_open_says_how_to_open_it(flow: Any) -> None:
    async def main() -> None:
        with pytest.raises(
            opord.EngineClosed, match=r"use it inside `async with opord.Engine\(...\) as engine:`"
        ):
            await opord.Engine("sqlite://:memory:", [flow]).start(flow, order=order("a"))

    run(main())
