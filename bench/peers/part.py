"""One part of an engine under measure: its client, its worker, or both, as a process that takes commands.

`python -m bench.peers.part NAME ROLE SETTING` runs in the environment of the engine that it is a part of. A command is
a line of JSON on standard input, its answer a line on standard output. The clients of all engines are driven by this
module, in the same way. It imports the standard library alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

from bench.peers.provider import Provider

GRACE_S = 20.0
"""How long orders may take after the last moment at which one is started."""

PACE_OF = 50
"""Steps whose median is the pace at the start, and at the end, of a loop."""


class Client(Protocol):
    """What is asked of an engine. Each method is one call of a client that knows nothing but the engine's interface."""

    async def order(self, number: int) -> None:
        """Start an order, and wait for its result."""

    async def start_held(self, number: int) -> None:
        """Start an order whose customer is held; return when the engine has taken it."""

    async def start_waiting(self, number: int) -> None:
        """Start a run that waits for an event, for 720 hours; return when the engine has taken it."""

    async def loop(self, name: str, steps: int) -> None:
        """Start a run that makes one call after the other, and wait for its end."""


async def closed_loop(client: Client, first: int, clients: int, seconds: float) -> dict[str, Any]:
    """Let clients start orders, each when its last one has ended, until the time is over.

    Orders under way at the end count, up to the moment when the last one ends. Those that have not ended after a
    grace are given up.
    """
    numbers = itertools.count(first)
    times: list[float] = []
    began = last = time.perf_counter()
    end = began + seconds

    async def one() -> None:
        nonlocal last
        while (asked := time.perf_counter()) < end:
            await client.order(next(numbers))
            last = time.perf_counter()
            times.append(last - asked)

    tasks = [asyncio.ensure_future(one()) for _ in range(clients)]
    done, late = await asyncio.wait(tasks, timeout=seconds + GRACE_S)
    for task in late:
        task.cancel()
    for task in done:
        task.result()
    times.sort()
    return {
        "orders": len(times),
        "rate": len(times) / (last - began) if times else 0.0,
        "given_up": len(late),
        "p50_ms": times[len(times) // 2] * 1e3 if times else None,
        "p99_ms": times[int(len(times) * 0.99)] * 1e3 if times else None,
        "next": next(numbers),
    }


async def fill(
    start: Callable[[int], Awaitable[None]], first: int, count: int, at_once: int, seconds: float
) -> dict[str, Any]:
    """Start runs without waiting for their ends, until there are so many or the time is over."""
    numbers = iter(range(first, first + count))
    started = 0
    began = time.perf_counter()

    async def one() -> None:
        nonlocal started
        for number in numbers:
            await start(number)
            started += 1
            if time.perf_counter() - began > seconds:
                return

    await asyncio.gather(*(one() for _ in range(at_once)))
    return {"started": started, "took_s": time.perf_counter() - began}


class Part:
    """The commands of a part."""

    def __init__(self, client: Client | None, provider: Provider) -> None:
        self._client = client
        self._provider = provider
        self._loops: dict[str, asyncio.Task[None]] = {}

    async def carry_out(self, do: str, **given: Any) -> Any:
        """Carry out a command; return what it answers."""
        match do:
            case "counts":
                return self._provider.counts()
            case "pace":
                return self._provider.pace(given["name"], PACE_OF)
            case "orders":
                return await closed_loop(self._asked, given["first"], given["clients"], given["seconds"])
            case "fill":
                start = self._asked.start_waiting if given["what"] == "waiting" else self._asked.start_held
                return await fill(start, given["first"], given["count"], given["at_once"], given["seconds"])
            case "loop":
                loop = self._asked.loop(given["name"], given["steps"])
                self._loops[given["name"]] = asyncio.ensure_future(_within(loop))
                return None
            case "loop ended":
                return self._end_of(given["name"])
            case _:  # open: a command is text of the other process
                raise ValueError(f"expected a command, got: {do}")

    @property
    def _asked(self) -> Client:
        if self._client is None:
            raise ValueError("this part has no client")
        return self._client

    def _end_of(self, name: str) -> dict[str, Any]:
        loop = self._loops[name]
        if not loop.done():
            return {"done": False, "error": None}
        error = loop.exception()
        return {"done": True, "error": None if error is None else f"{type(error).__name__}: {error}"}


async def _within(loop: Awaitable[None]) -> None:
    await loop


async def obey(part: Part) -> None:
    """Answer commands until the input ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            answer = {"ok": await part.carry_out(**json.loads(line))}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
        _answer(answer)


def _answer(answer: dict[str, Any]) -> None:
    ANSWERS.write(json.dumps(answer) + "\n")
    ANSWERS.flush()


@contextlib.contextmanager
def relaxed_collector() -> Iterator[None]:
    """Let the garbage collector run as seldom as in a worker of Opord, whichever engine this is."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    yield


ANSWERS = sys.stdout
"""Where answers go. What an engine prints goes to standard error."""


async def main(name: str, role: str, setting: dict[str, Any]) -> None:
    """Be a part until the input ends."""
    engine = importlib.import_module(f"bench.peers.on_{name}")
    provider = Provider(holds=setting.get("holds", False))
    async with getattr(engine, role)(setting, provider) as client:
        with relaxed_collector():
            _answer({"ok": "ready"})
            await obey(Part(client, provider))


if __name__ == "__main__":
    sys.stdout = sys.stderr
    asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
