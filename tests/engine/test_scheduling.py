"""Runs of a higher priority go first, and a worker takes the runs of its labels alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.drive.errors import SchedulingInvalid
from opord.kernel.legality import verify_kept
from opord.loading import program_of
from opord.stores.memory import MemoryStore
from opord.testing import World
from opord.values.types import RunId
from tests.support.contracts import compiled

TEXT = """contract Job(id: str) key id version 1
event go
action work(id: str) -> int { key }
initial state Working -> Done | Waiting {
  let n = commit work(id)
  if n > 5 { goto Waiting }
  goto Done(n)
}
state Waiting -> Done { on go -> goto Done(0) }
final state Done(n: int) success
"""


class Hands:
    """Handlers that keep the order of their calls."""

    def __init__(self) -> None:
        self.worked: list[str] = []

    async def work(self, id: str, *, call: opord.Call) -> int:
        self.worked.append(id)
        return len(id)


@pytest.fixture
def job() -> Any:
    return compiled(TEXT).Job


def told(story: Callable[[MemoryStore], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(MemoryStore()), 30))


def test_a_start_puts_priority_and_label_on_record(job: Any) -> None:
    async def story(store: MemoryStore) -> None:
        async with opord.Engine(store, [job]) as engine:
            run = await engine.start(job.prepare(id="a"), priority=-7, label="gpu:a.b-c_1")
            plain = await engine.start(job, id="b")
            view, history = await run.status(), await run.history()
            usual = await plain.status()
            page = await engine.runs(job, label="gpu:a.b-c_1")
            without = await engine.runs(job, label="")
        assert (view["priority"], view["label"]) == (-7, "gpu:a.b-c_1")
        assert (usual["priority"], usual["label"]) == (0, None)
        assert (history[0]["priority"], history[0]["label"]) == (-7, "gpu:a.b-c_1")
        assert ([one["run"] for one in page.runs], [one["run"] for one in without.runs]) == (
            ["Job/a"],
            ["Job/b"],
        )
        row = store.load(RunId("Job/a"))
        assert row is not None
        assert (row.priority, row.label) == (-7, "gpu:a.b-c_1")
        (record,) = store.journal(RunId("Job/b"))
        assert not {"priority", "label"} & json.loads(record.body).keys(), "as older versions wrote it"
        for name in ("Job/a", "Job/b"):
            kept = store.kept(RunId(name))
            assert kept is not None
            assert verify_kept(program_of(job), kept) == []

    told(story)


def test_a_row_with_another_priority_or_label_than_its_journal_is_found(job: Any) -> None:
    async def story(store: MemoryStore) -> None:
        async with opord.Engine(store, [job]) as engine:
            await engine.start(job.prepare(id="a"), priority=5, label="gpu")
        kept = store.kept(RunId("Job/a"))
        assert kept is not None
        for change, what in (({"priority": 6}, "priority"), ({"label": ""}, "label")):
            problems = verify_kept(program_of(job), kept.replace(row=kept.row.replace(**change)))
            assert [one.what for one in problems] == [what]

    told(story)


def test_a_start_that_finds_its_run_leaves_priority_and_label(job: Any) -> None:
    async def story(store: MemoryStore) -> None:
        async with opord.Engine(store, [job]) as engine:
            first = await engine.start(job.prepare(id="a"), priority=5, label="gpu")
            again = await engine.start(job.prepare(id="a"), priority=9)
            assert again.id == first.id
            view = await again.status()
            assert (view["priority"], view["label"]) == (5, "gpu")

    told(story)


def test_runs_of_a_higher_priority_are_carried_first(job: Any) -> None:
    hands = Hands()

    async def story(store: MemoryStore) -> None:
        async with opord.Engine(store, [job]) as engine:
            for name, priority in (("a", 0), ("b", -1), ("c", 50), ("d", 0), ("e", 100)):
                await engine.start(job.prepare(id=name), priority=priority)
        async with opord.Engine(store, [job(hands)], concurrency=1) as engine:
            await engine.until_idle()

    told(story)
    assert hands.worked == ["e", "c", "a", "d", "b"]


def test_a_worker_carries_the_runs_of_its_labels_alone(job: Any) -> None:
    gpu, others = Hands(), Hands()

    async def story(store: MemoryStore) -> None:
        async with opord.Engine(store, [job(gpu)], labels=["gpu", "big"]) as engine:
            # Started where another process has the handlers: it goes to that one.
            for name, label in (("g", "gpu"), ("n", None), ("b", "big"), ("x", "other")):
                await engine.start(job.prepare(id=name), label=label)
            assert await engine.until_idle() is None, "what is left is another worker's"
            assert sorted(gpu.worked) == ["b", "g"]
            (worker,) = await engine.backend.workers()
            assert worker.labels == ("big", "gpu")
            waiting = await engine.runs(job, needs="unserved")
            assert {one["run"]: one["reason"] for one in waiting.runs} == {
                "Job/n": "no worker has handlers for Job version 1",
                "Job/x": "no worker for the label other has handlers for Job version 1",
            }
            async with opord.Engine(store, [job(others)]) as second:
                await second.until_idle()
        assert others.worked == ["n"]
        async with opord.Engine(store, [job(others)], labels=["other", ""]) as third:
            await third.start(job, id="m")
            await third.until_idle()
        assert others.worked == ["n", "m", "x"] or others.worked == ["n", "x", "m"]

    told(story)


def test_an_event_wakes_a_run_for_the_workers_of_its_label(job: Any) -> None:
    gpu, others = Hands(), Hands()

    async def story(store: MemoryStore) -> None:
        async with (
            opord.Engine(store, [job(gpu)], labels=["gpu"]) as there,
            opord.Engine(store, [job(others)]) as here,
        ):
            run = await here.start(job.prepare(id="longer"), label="gpu")
            await there.until_idle()
            assert (await run.status())["state"] == "Waiting"
            await run.send.go()
            assert (await run.result()).n == 0
        assert (gpu.worked, others.worked) == (["longer"], [])

    told(story)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"priority": 101}, "expected a priority from -100 to 100, got: 101"),
        ({"priority": True}, "got: True, which is no whole number"),
        ({"priority": "5"}, "got: '5', which is no whole number"),
        ({"label": "gp u!"}, "got: 'gp u!'; did you mean 'gp-u'?"),
        ({"label": "a,b"}, "which has a comma; a run has one label"),
        ({"label": ""}, "leave it out if the run needs none"),
        ({"label": "x" * 65}, "at most 64 characters, got 65"),
        ({"label": 5}, "expected a label as a text, got: 5"),
        ({"label": "é"}, "expected a label of letters, digits"),
    ],
)
def test_what_is_no_priority_or_label_is_refused(job: Any, given: dict[str, Any], why: str) -> None:
    async def story(store: MemoryStore) -> None:
        async with opord.Engine(store, [job]) as engine:
            with pytest.raises(SchedulingInvalid) as refused:
                await engine.start(job.prepare(id="a"), **given)
            assert why in str(refused.value)
            with pytest.raises(SchedulingInvalid):
                await engine.start_run(program_of(job), {"id": "a"}, **given)
        assert store.load(RunId("Job/a")) is None

    told(story)


def test_a_priority_beside_the_input_is_told_its_place(job: Any) -> None:
    async def story(store: MemoryStore) -> None:
        async with opord.Engine(store, [job]) as engine:
            with pytest.raises(opord.InputInvalid, match=r"start\(Job\.prepare\(…\), priority=…\)"):
                await engine.start(job, id="a", priority=5)
            with pytest.raises(TypeError, match="give priority=… and label=… alone, got: id"):
                await engine.start(job.prepare(id="a"), id="b")

    told(story)


def test_an_engine_says_what_is_wrong_with_its_labels(job: Any) -> None:
    with pytest.raises(TypeError, match=r'expected a list of labels, as in \["gpu"\], got: \'gpu\''):
        opord.Engine("sqlite:///x.db", labels="gpu")
    with pytest.raises(ValueError, match="did you mean 'g-u'"):
        opord.Engine("sqlite:///x.db", labels=["g u"])


def test_a_client_and_transactions_start_runs_with_both(job: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    with opord.Client(url) as client:
        assert client.start(job.prepare(id="a"), priority=5, label="gpu").status()["label"] == "gpu"
        with client.transaction() as transaction:
            transaction.start(job.prepare(id="b"), priority=6)
        assert client.run(job, "b").status()["priority"] == 6

    async def main() -> None:
        async with opord.Engine(url, [job]) as engine:
            async with engine.transaction() as transaction:
                await transaction.start(job.prepare(id="c"), label="big")
            assert (await engine.run(job, "c").status())["label"] == "big"

    asyncio.run(main())


def test_a_world_carries_runs_of_all_labels_unless_it_is_given_its_own(job: Any) -> None:
    with_all = World()
    with_all.start(job.prepare(id="a"), label="gpu", handlers=Hands()).assert_ended("success")
    with_all.close()
    world = World(labels=["gpu", ""])
    world.start(job.prepare(id="a"), label="gpu", priority=3, handlers=Hands()).assert_ended("success")
    world.start(job.prepare(id="b"), label="other").assert_state("Working")
    world.start(job, id="c").assert_ended("success")
    world.advance("1h")
    world.close()
