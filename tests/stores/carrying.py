"""Carry runs through trouble in a PostgreSQL server, and count their charges."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from opord.backends.front import Engine
from opord.stores.base import StoreError, StoreRefused, StoreUnavailable
from tests.support.contracts import compiled, workflow_of
from tests.support.postgres import Server

TWO_CALLS = """contract C(a: int) key str(a) version 1
action charge(a: int) -> int { key }
initial state A -> B {
  let first = commit charge(a)
  goto B(first)
}
state B(first: int) -> Done {
  let second = commit charge(a + first)
  goto Done(second)
}
final state Done(second: int) success
"""
RUNS = 40


class Handlers:
    """Handlers that count their calls by key."""

    def __init__(self, disturb: Callable[[int], None] = lambda call: None) -> None:
        self.calls: Counter[str] = Counter()
        self._disturb = disturb

    async def charge(self, a: int, *, call: Any) -> int:
        self.calls[call.key] += 1
        await asyncio.to_thread(self._disturb, sum(self.calls.values()))
        return a


class Charges:
    """Handlers that list what they have charged."""

    def __init__(self) -> None:
        self.charged: list[int] = []

    async def charge(self, a: int, *, call: Any) -> int:
        self.charged.append(a)
        return a


async def until(condition: Callable[[], bool]) -> None:
    """Wait up to 30 seconds for a condition."""
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about")


def carry(url: str, handlers: Handlers, *, runs: int = RUNS, within_s: float = 30) -> Counter[str]:
    """Start runs and carry them to their ends, while a handler makes trouble; count the states."""
    workflow = workflow_of(compiled(TWO_CALLS))

    async def main() -> Counter[str]:
        async with Engine(url, [workflow(handlers)], drain_s=2, concurrency=5) as engine:
            started = await asyncio.gather(*(engine.start(workflow, a=n) for n in range(runs)))
            ended = await asyncio.wait_for(asyncio.gather(*(run.result() for run in started)), within_s)
            return Counter(type(one).__name__ for one in ended)

    return asyncio.run(main())


def once(call: int, act: Callable[[], None]) -> Callable[[int], None]:
    """Act at a call of the handlers, counted from 1."""
    return lambda number: act() if number == call else None


def holds(found: Counter[str], handlers: Handlers, *, runs: int = RUNS) -> None:
    """Check that each run ended well, and that each call was made once."""
    assert found == {"Done": runs}
    assert len(handlers.calls) == 2 * runs
    assert set(handlers.calls.values()) == {1}


def cut_all(server: Server) -> None:
    """End every connection of Opord to the server."""
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'opord'")


def answered(verb: Callable[[], Any], *, tries: int = 60) -> Any:
    """Call a verb again and again until the store answers, as the engine does."""
    for _ in range(tries):
        try:
            return verb()
        except StoreUnavailable:
            continue
    return verb()


def refusal(verb: Callable[[], Any]) -> StoreError:
    """Return the error with which a store refuses a verb."""
    with pytest.raises(StoreError) as caught:
        verb()
    assert isinstance(caught.value, StoreUnavailable | StoreRefused), caught.value
    return caught.value
