"""A run pays for its ten-thousandth step what it paid for its tenth. Counted, not timed."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from typing import Any, NamedTuple

import apsw
import msgspec

from opord.stores.sqlite.store import SqliteStore
from tests.support.kit import Kit
from tests.support.store import FaultyStore
from tests.support.stores import CHOSEN, new_store

LOOP = """
contract Loop(id: str, first: int, last: int) key id
effect look(n: int) -> str
action pay(n: int, text: str) { key "{id}/{n}" }
initial state Ready -> Turning { goto Turning(first) }
state Turning(n: int) -> Turning | Done {
  if n == last { goto Done(n) }
  let text = perform look(n)
  commit pay(n, text)
  goto Turning(n + 1)
}
final state Done(n: int) success
"""
# All numbers of steps have as many digits, so that their records are equally long.
FIRST, STEPS, WINDOW = 10_000, 1_000, 100


class Counts(NamedTuple):
    """What a store was asked so far, and what this process has in memory."""

    asked: Counter[str]
    written_bytes: int
    sqlite_steps: int
    memory_bytes: int


class SeenStore(FaultyStore):
    """A store that counts what it is asked and what it writes."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.written_bytes = self.sqlite_steps = 0
        if isinstance(store, SqliteStore):
            store._pool.writer.connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._add)

    def _add(self, event: Any) -> None:
        self.sqlite_steps += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

    def before(self, name: str, args: tuple[Any, ...]) -> None:
        if name == "apply":
            self.written_bytes += len(msgspec.json.encode(args[0]))

    def counts(self) -> Counts:
        memory, _ = tracemalloc.get_traced_memory()
        return Counts(Counter(self.asked), self.written_bytes, self.sqlite_steps, memory)


def test_a_step_costs_the_same_at_the_end_of_a_long_loop_as_at_its_start() -> None:
    at: dict[int, Counts] = {}

    class Handlers:
        def look(self, n: int) -> str:
            if n % WINDOW == 0:
                at[n - FIRST] = store.counts()
            return "seen"

        def pay(self, n: int, text: str, *, call: Any) -> None: ...

    kit = Kit(LOOP, lambda _: Handlers())
    kit.store = new_store(kit.clock.now, CHOSEN if CHOSEN == "postgres" else "sqlite")
    store = SeenStore(kit.store)

    async def story() -> None:
        async with kit.engine(store=store) as engine:
            run = await engine.start(kit.workflow, id="one", first=FIRST, last=FIRST + STEPS)
            await run.result()

    tracemalloc.start()
    try:
        kit.run(story())
    finally:
        tracemalloc.stop()
    begun, soon, late, end = (at[n] for n in (WINDOW, 2 * WINDOW, STEPS - 2 * WINDOW, STEPS - WINDOW))
    assert end.asked - late.asked == soon.asked - begun.asked
    # The numbers of records have more digits.
    longer_bytes = end.written_bytes - late.written_bytes - (soon.written_bytes - begun.written_bytes)
    assert 0 <= longer_bytes < 12 * WINDOW
    assert end.sqlite_steps - late.sqlite_steps == soon.sqlite_steps - begun.sqlite_steps
    assert end.memory_bytes - begun.memory_bytes < 20_000
