"""The backend over a store: each verb, with the same refusals on SQLite and in memory."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

import opord
from opord.backends.base import LIMITS, Backend, PruneWish, RunFilter, RunPruned
from opord.backends.codes import code_of
from opord.loading import load, program_of
from opord.stores.base import Store
from opord.stores.memory import MemoryStore
from opord.stores.sqlite.store import SqliteStore

T = TypeVar("T")

DESK = """
contract Desk(id: str) key id
role boss
event approve(note: str) by boss
action charge(id: str) -> str { in doubt ask }
initial state Asked -> Charging | Gone {
  on approve(note) -> goto Charging
  on cancel(reason) -> goto Gone
}
state Charging -> Paid {
  let receipt = commit charge(id)
  goto Paid(receipt)
}
final state Paid(receipt: str) success
final state Gone cancelled
"""


class Handlers:
    async def charge(self, id: str, *, call: Any) -> str:
        if id == "lost":
            raise ConnectionError("the answer was lost")
        if id == "wrong":
            return 7  # type: ignore[return-value]
        return f"r-{id}"


@pytest.fixture(params=["sqlite", "memory"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "runs.db")
    return MemoryStore().another


@pytest.fixture
def flow(tmp_path: Path) -> Any:
    (tmp_path / "desk.opord").write_text(DESK)
    return load(tmp_path / "desk.opord").Desk


def run(open_store: Callable[[], Store], flow: Any, job: Callable[[Backend], Coroutine[Any, Any, T]]) -> T:
    """Run a job with the backend of an engine that carries out the contract."""

    async def main() -> T:
        store = open_store()
        async with opord.Engine(store, [flow(Handlers())]) as engine:
            answer = await job(engine.backend)
        store.close()
        return answer

    return asyncio.run(main())


async def paid(backend: Backend, flow: Any, key: str) -> None:
    await backend.start(program_of(flow), {"id": key})
    await backend.send(f"Desk/{key}", "approve", {"note": "ok"}, actor="ann", role="boss")


async def refused(verb: Coroutine[Any, Any, Any]) -> str:
    """Return the code with which a verb is refused."""
    try:
        await verb
    except Exception as error:
        found = code_of(error)
        assert found is not None
        assert found.reached
        return found.code
    return "done"


def test_a_run_is_carried_out_read_and_verified(open_store: Callable[[], Store], flow: Any) -> None:
    async def job(backend: Backend) -> None:
        program = program_of(flow)
        assert (await backend.start(program, {"id": "a"})).created
        assert not (await backend.start(program, {"id": "a"})).created
        sent = await backend.send("Desk/a", "approve", {"note": "ok"}, actor="ann", role="boss")
        assert (sent[0], sent.state) == ("taken", "Charging")
        head = (await backend.end_of("Desk/a")).head
        assert (head.state, head.outcome) == ("Paid", "success")
        assert (await backend.row("Desk/a")).head == head
        kinds = [record.kind async for record in backend.records("Desk/a")]
        assert kinds[0] == "started"
        assert kinds[-1] == "transition"
        assert [r.seq async for r in backend.records("Desk/a", after=2)] == list(range(3, len(kinds) + 1))
        assert await backend.inbox("Desk/a") == []
        (version,) = await backend.versions()
        assert (version.name, version.version, version.digest) == ("Desk", 1, program.digest)
        assert await backend.versions("Another") == []
        stored = await backend.contract(version.digest)
        assert stored is not None
        assert stored.name == "Desk"
        assert await backend.contract("0" * 64) is None
        assert await backend.served() == {(version.digest, "")}
        assert [worker.contracts for worker in await backend.workers()] == [(version.digest,)]
        (found,) = [each async for each in backend.verify()]
        assert (found.run, found.records, found.problems, found.needs) == (
            "Desk/a",
            len(kinds),
            [],
            (),
        )
        assert {status: count for status, count in (await backend.counts()).items() if count} == {"ended": 1}

    run(open_store, flow, job)


def test_each_refusal_has_its_code(open_store: Callable[[], Store], flow: Any) -> None:
    async def job(backend: Backend) -> None:
        program = program_of(flow)
        await backend.start(program, {"id": "a"})
        nobody, who = "Desk/nobody", {"actor": "ann"}
        wanted = [
            (backend.start(program, {"id": 3}), "input_invalid"),
            (backend.start(program, {"id": "x" * (LIMITS.key_chars + 1)}), "input_invalid"),
            (backend.send("Desk/a", "shout", {}), "event_unknown"),
            (backend.send("Desk/a", "approve", {"note": "ok"}), "role_required"),
            (backend.send("Desk/a", "approve", {}, role="boss"), "input_invalid"),
            (backend.resume("Desk/a", **who), "not_stalled"),
            (backend.resolve("Desk/a", happened=False, **who), "not_in_doubt"),
            (backend.acknowledge("Desk/a", **who), "no_alarm"),
            (backend.acknowledge(nobody, **who), "run_unknown"),
            (backend.drop_event("Desk/a", "m1", **who), "event_id_unknown"),
            (backend.drop_event("Desk/a", "", **who), "input_invalid"),
            (backend.drop_event("Desk/a", "m1", actor=""), "input_invalid"),
            (backend.drop_event(nobody, "m1", **who), "run_unknown"),
            (backend.terminate("Desk/a", actor="x" * (LIMITS.name_chars + 1)), "input_invalid"),
            (backend.terminate("Desk/a", actor=" "), "input_invalid"),
            (backend.resume("Desk/a", actor=""), "input_invalid"),
            (backend.acknowledge("Desk/a", actor=""), "input_invalid"),
            (backend.resolve("Desk/a", happened=False, actor=""), "input_invalid"),
            (backend.row(nobody), "run_unknown"),
            (backend.end_of(nobody), "run_unknown"),
            (backend.send(nobody, "approve", {}), "run_unknown"),
            (backend.cancel(nobody, **who), "run_unknown"),
            (backend.terminate(nobody, **who), "run_unknown"),
            (anext(backend.verify(nobody)), "run_unknown"),  # type: ignore[arg-type]
            (backend.terminate("Desk/a", **who), "done"),
            (backend.terminate("Desk/a", **who), "run_ended"),
            (backend.drop_event("Desk/a", "m1", **who), "run_ended"),
            (backend.cancel("Desk/a", **who), "run_ended"),
        ]
        for verb, code in wanted:
            assert await refused(verb) == code

    run(open_store, flow, job)


def test_a_person_resolves_a_doubt_and_resumes_a_stalled_run(
    open_store: Callable[[], Store], flow: Any
) -> None:
    async def job(backend: Backend) -> None:
        await paid(backend, flow, "lost")
        async with asyncio.timeout(20):
            while (await backend.row("Desk/lost")).head.status != "in_doubt":  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        (found,) = [each async for each in backend.verify("Desk/lost")]
        assert (found.problems, found.needs) == ([], ("doubt",))
        await backend.resolve("Desk/lost", happened=True, result="r-1", actor="ann")
        assert (await backend.end_of("Desk/lost")).head.state == "Paid"
        await backend.start(program_of(flow), {"id": "c"})
        await backend.cancel("Desk/c", actor="ann")
        assert (await backend.end_of("Desk/c")).head.outcome == "cancelled"

    run(open_store, flow, job)


def test_runs_are_listed_page_by_page(open_store: Callable[[], Store], flow: Any) -> None:
    async def job(backend: Backend) -> None:
        for number in range(5):
            await backend.start(program_of(flow), {"id": str(number)})
        seen: list[str] = []
        after = None
        pages = 0
        while True:
            page = await backend.runs(RunFilter("Desk"), limit=2, after=after)
            pages += 1
            seen += [row.run for row in page.rows]
            after = page.after
            if after is None:
                break
        assert (seen, pages) == ([f"Desk/{number}" for number in (4, 3, 2, 1, 0)], 3)

    run(open_store, flow, job)


def test_ended_runs_are_pruned_into_an_archive(
    open_store: Callable[[], Store], flow: Any, tmp_path: Path
) -> None:
    async def job(backend: Backend) -> None:
        assert backend.can == {"prune", "archive", "transactions"}
        for key in ("a", "b"):
            await paid(backend, flow, key)
            await backend.end_of(f"Desk/{key}")
        await asyncio.sleep(0.01)
        wish = PruneWish(age_us=0, keep_us=10**12)
        (tally,) = [each async for each in backend.prune(wish, None, dry_run=True)]
        assert tally.pruned == 2
        assert (await backend.row("Desk/a")).run == "Desk/a"
        archive = await backend.archive(tmp_path / "old.jsonl")
        tallies = [each async for each in backend.prune(wish, archive)]
        archive.close()
        assert tallies[-1].pruned == 2
        with pytest.raises(RunPruned) as pruned:
            await backend.row("Desk/a")
        assert pruned.value.tombstone.run == "Desk/a"

    run(open_store, flow, job)


def test_a_wait_ends_with_a_change_by_others_or_with_the_timeout(
    open_store: Callable[[], Store], flow: Any
) -> None:
    async def main() -> None:
        ours, theirs = open_store(), open_store()
        async with opord.Engine(ours, [flow]) as here, opord.Engine(theirs, [flow]) as there:
            seen = await here.backend.wait_for_change(None, 5)
            began = time.monotonic()
            assert await here.backend.wait_for_change(seen, 0.15) == seen
            assert 0.1 < time.monotonic() - began < 4
            waits = asyncio.ensure_future(here.backend.wait_for_change(seen, 30))
            await asyncio.sleep(0.02)
            await there.backend.start(program_of(flow), {"id": "a"})
            assert await asyncio.wait_for(waits, 10) != seen
            ends = asyncio.ensure_future(here.backend.end_of("Desk/a"))
            await asyncio.sleep(0.02)
            await there.backend.terminate("Desk/a", actor="ann")
            assert (await asyncio.wait_for(ends, 10)).head.outcome == "terminated"
        ours.close()
        theirs.close()

    asyncio.run(main())


class Slow(SqliteStore):
    """A store that can delay reads and batches, to show what goes on beside them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.hold = threading.Event()
        self.hold.set()
        self.reading = 0
        self.most = 0
        self._counting = threading.Lock()

    def load(self, run: str) -> Any:
        with self._counting:
            self.reading += 1
            self.most = max(self.most, self.reading)
        self.hold.wait(20)
        with self._counting:
            self.reading -= 1
        return super().load(run)


def test_reads_run_side_by_side_and_beside_a_write(tmp_path: Path, flow: Any) -> None:
    async def main() -> None:
        store = Slow(tmp_path / "runs.db")
        async with opord.Engine(store, [flow]) as engine:
            program = program_of(flow)
            await engine.backend.start(program, {"id": "a"})
            store.hold.clear()
            reads = [asyncio.ensure_future(engine.backend.row("Desk/a")) for _ in range(3)]
            async with asyncio.timeout(20):
                while store.reading < 3:  # noqa: ASYNC110 - it is read on other threads
                    await asyncio.sleep(0.001)
            assert (await asyncio.wait_for(engine.backend.start(program, {"id": "b"}), 10)).created
            store.hold.set()
            assert [row.run for row in await asyncio.gather(*reads)] == ["Desk/a"] * 3
            assert store.most == 3
        store.close()

    asyncio.run(main())


def test_a_writer_reads_its_own_write(tmp_path: Path, flow: Any) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "runs.db")
        async with opord.Engine(store, [flow]) as engine:

            async def one(number: int) -> None:
                await engine.backend.start(program_of(flow), {"id": str(number)})
                assert (await engine.backend.row(f"Desk/{number}")).seq == 1
                await engine.backend.terminate(f"Desk/{number}", actor="ann")
                assert (await engine.backend.row(f"Desk/{number}")).head.status == "ended"
                assert (await engine.backend.end_of(f"Desk/{number}")).head.outcome == "terminated"

            await asyncio.gather(*(one(number) for number in range(60)))
        store.close()

    asyncio.run(main())
