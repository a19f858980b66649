"""Whatever a handler raises or returns, the worker and other runs go on.

An operator can read the error. An effect is retried and then stalls its run. An action is in doubt,
by its contract's rule. A pure stalls at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.stores.memory import MemoryStore
from tests.support.contracts import compiled, workflow_of
from tests.support.kit import Kit

TEXT = """
contract Hostile(id: str) key id version 1
record Receipt { id: str, cents: int = 1, rate: float = 1.0 }
pure rate(id: str) -> float
effect look(id: str) -> str
action pay(id: str) -> Receipt { in doubt ask }
initial state Asking -> Paying {
  let found = perform look(id)
  goto Paying(found, rate(id))
}
state Paying(found: str, rate: float) -> Done {
  let receipt = commit pay(found)
  goto Done(receipt)
}
final state Done(receipt: Receipt) success
"""


class Mute(Exception):
    """An error that cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Odd(Exception):
    """An error whose text no store takes."""

    def __str__(self) -> str:
        return "half a pair \ud800 and \0"


class Liar:
    """A value that attacks any code that looks at it."""

    def __repr__(self) -> str:
        raise RuntimeError("do not look")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not compare")

    def __hash__(self) -> int:
        raise RuntimeError("do not hash")

    def __str__(self) -> str:
        raise RuntimeError("do not print")


def _deep() -> Any:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def _round() -> Any:
    value: dict[str, Any] = {}
    value["id"] = value
    return value


RAISED: dict[str, tuple[Callable[[], BaseException], str]] = {
    "Exception": (lambda: ValueError("no such thing"), "ValueError: no such thing"),
    "BaseException": (lambda: BaseException("base"), "BaseException: base"),
    "SystemExit": (lambda: SystemExit(3), "SystemExit: 3"),
    "KeyboardInterrupt": (KeyboardInterrupt, "KeyboardInterrupt"),
    "MemoryError": (MemoryError, "MemoryError"),
    "CancelledError": (asyncio.CancelledError, "CancelledError"),
    "GeneratorExit": (GeneratorExit, "GeneratorExit"),
    "StopIteration": (lambda: StopIteration(1), "StopIteration"),
    "StopAsyncIteration": (StopAsyncIteration, "StopAsyncIteration"),
    "RecursionError": (lambda: RecursionError("too deep"), "RecursionError: too deep"),
    "TimeoutError": (lambda: TimeoutError("socket"), "TimeoutError: socket"),
    "a group": (
        lambda: BaseExceptionGroup("two", [SystemExit(1), ValueError("x")]),
        "BaseExceptionGroup: two",
    ),
    "without words": (Mute, "Mute"),
    "unstorable": (Odd, "Odd: half a pair \\ud800 and \\0"),
}

RETURNED: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "another type": lambda: [17],
    "the class": lambda: Kit,
    "a hostile object": Liar,
    "a hostile field": lambda: {"id": Liar()},
    "NaN": lambda: {"id": "r", "rate": float("nan")},
    "infinity": lambda: {"id": "r", "rate": float("inf")},
    "65 bits": lambda: {"id": "r", "cents": 1 << 64},
    "a lone surrogate": lambda: {"id": "\ud800"},
    "NUL": lambda: {"id": "\0"},
    "2 MiB": lambda: {"id": "x" * (2 << 20)},
    "a field too many": lambda: {"id": "r", "more": 1},
    "no field": dict,
    "too deep": lambda: {"id": _deep()},
    "itself": _round,
    "a generator": lambda: (n for n in range(3)),
}


class Handlers:
    """Handlers that behave, except in one call of the run `bad`."""

    def __init__(self, where: str, what: Callable[[], Any]) -> None:
        self.where, self.what = where, what
        self.paid: list[str] = []

    def _at(self, where: str, id: str, good: Any) -> Any:
        if where != self.where or not id.startswith("bad"):
            return good
        made = self.what()
        if isinstance(made, BaseException):
            raise made
        return made

    def rate(self, id: str) -> float:
        value: float = self._at("pure", id, 1.5)
        return value

    async def look(self, id: str) -> str:
        self._at("effect at once", id, None)
        await asyncio.sleep(0.01)
        text: str = self._at("effect", id, id)
        return text

    async def pay(self, id: str, *, call: Any) -> Any:
        self._at("action at once", id, None)
        await asyncio.sleep(0.01)
        self.paid.append(id)
        return self._at("action", id, {"id": "r"})


class OnThreads(Handlers):
    """The same, with the action on a thread."""

    def pay(self, id: str, *, call: Any) -> Any:  # type: ignore[override]
        self.paid.append(id)
        return self._at("action", id, {"id": "r"})


def kinds(kit: Kit) -> list[str]:
    return kit.kinds("Hostile/bad")


def tell(kit: Kit) -> None:
    """Start a bad run and a good one, let hours pass, and check that the good one has ended."""

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="bad")
            good = await engine.start(kit.workflow, id="good")
            await good.result()
            await kit.until(
                lambda: kit.row("Hostile/bad").head.status in ("stalled", "in_doubt"), seconds=3600
            )
            await asyncio.sleep(100)
            # The worker still takes new runs.
            assert await (await engine.start(kit.workflow, id="better")).result()

    kit.run(story())
    kit.check()


@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("where", ["pure", "effect", "effect at once"])
def test_an_error_of_a_pure_or_an_effect_stalls_its_run_with_the_error_on_record(
    where: str, name: str
) -> None:
    made, said = RAISED[name]
    kit = Kit(TEXT, lambda _: Handlers(where, made))
    tell(kit)
    row = kit.row("Hostile/bad")
    assert (row.head.status, row.head.state, row.head.worker) == ("stalled", "Asking", None)
    assert said in row.head.reason
    tried = [] if where == "pure" else ["attempt"] * 3
    assert kinds(kit) == ["started", *tried, "stalled"]
    (trouble,) = [one for one in kit.records("Hostile/bad") if one["kind"] == "stalled"]
    assert said in trouble["error"]
    assert trouble["traceback"]


@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("where", ["action", "action at once"])
def test_an_undeclared_error_of_an_action_is_a_doubt_with_the_error_as_its_reason(
    where: str, name: str
) -> None:
    made, said = RAISED[name]
    kit = Kit(TEXT, lambda _: Handlers(where, made))
    tell(kit)
    _is_in_doubt(kit, said)


@pytest.mark.parametrize("name", RETURNED)
def test_a_misfit_result_of_an_action_is_a_doubt(name: str) -> None:
    made = RETURNED[name]
    kit = Kit(TEXT, lambda _: Handlers("action", made))
    tell(kit)
    _is_in_doubt(kit, "")
    assert len(kit.row("Hostile/bad").head.reason) < 1000


@pytest.mark.parametrize("name", RETURNED)
@pytest.mark.parametrize("where", ["pure", "effect"])
def test_a_misfit_result_of_a_pure_or_an_effect_stalls_its_run(where: str, name: str) -> None:
    made = RETURNED[name]
    kit = Kit(TEXT, lambda _: Handlers(where, made))
    tell(kit)
    assert kit.row("Hostile/bad").head.status == "stalled"


def _is_in_doubt(kit: Kit, said: str) -> None:
    row = kit.row("Hostile/bad")
    assert (row.head.status, row.head.state, row.head.worker) == ("in_doubt", "Paying", None)
    assert kinds(kit).count("intent") == 1
    assert kinds(kit).count("doubt") == 1
    assert "attempt" not in kinds(kit)
    (doubt,) = [one for one in kit.records("Hostile/bad") if one["kind"] == "doubt"]
    assert said in doubt["reason"]
    assert "a person has to say" in row.head.reason


@pytest.mark.parametrize("name", RAISED)
def test_handlers_on_threads_behave_the_same(name: str) -> None:
    made, said = RAISED[name]
    module = compiled(TEXT)
    workflow = workflow_of(module)
    store = MemoryStore()
    handlers = OnThreads("action", made)

    async def story() -> None:
        async with Engine(store, [workflow(handlers)]) as engine:
            await engine.start(workflow, id="bad")
            good = await engine.start(workflow, id="good")
            await good.result()
            await engine.until_idle()

    asyncio.run(story())
    row = store.load("Hostile/bad")
    assert row is not None
    assert said in row.head.reason
    assert handlers.paid.count("bad") == 1


async def cancel_at_once() -> None:
    current_task().cancel()


async def cancel_and_raise() -> None:
    current_task().cancel()
    raise asyncio.CancelledError


async def cancel_and_wait() -> None:
    current_task().cancel()
    await asyncio.sleep(1)


async def cancel_after_a_wait() -> None:
    await asyncio.sleep(1)
    current_task().cancel()


async def cancel_and_swallow() -> None:
    with suppress(asyncio.CancelledError):
        await cancel_and_wait()
    await asyncio.sleep(1)


async def cancel_and_take_it_back() -> None:
    with suppress(asyncio.CancelledError):
        await cancel_and_wait()
    current_task().uncancel()


def current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


CANCELLING = {
    cancel_at_once: True,
    cancel_after_a_wait: True,
    cancel_and_swallow: True,
    cancel_and_take_it_back: True,
    cancel_and_raise: False,
    cancel_and_wait: False,
}
"""Ways to cancel one's own task, and whether the handler answers then."""


@pytest.mark.parametrize("cancels", CANCELLING)
@pytest.mark.parametrize("where", ["look", "pay"])
def test_a_handler_that_cancels_its_own_task_cancels_nothing_else(
    where: str, cancels: Callable[[], Awaitable[None]]
) -> None:
    """Its run goes on in another task, and what it raises is its own exception."""

    class Handlers:
        async def look(self, id: str) -> str:
            if where == "look":
                await cancels()
            return id

        def rate(self, id: str) -> float:
            return 1.0

        async def pay(self, id: str, *, call: Any) -> dict[str, Any]:
            if where == "pay":
                await cancels()
            return {"id": id}

    kit = Kit(TEXT, lambda _: Handlers())

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a")
            await kit.until(lambda: kit.row("Hostile/a").head.status in ("ended", "in_doubt", "stalled"))

    kit.run(story())
    head = kit.row("Hostile/a").head
    if CANCELLING[cancels]:
        assert (head.status, head.reason) == ("ended", None)
    else:
        assert head.status == ("stalled" if where == "look" else "in_doubt")
        assert head.reason is not None
        assert "CancelledError" in head.reason
    kit.check()
