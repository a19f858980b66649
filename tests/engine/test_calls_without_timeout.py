"""A call without `timeout` that outlasts the worker's call limit, and what it brings late."""

from __future__ import annotations

from typing import Any

import pytest

from opord.kernel.calls_under_way import calls_by_run
from opord.kernel.instants import in_words, parse
from opord.kernel.instants import text as instant_text
from opord.kernel.rows import WorkerSign
from opord.kernel.views import run_view, under_way_view
from opord.values.types import Instant
from tests.engine.desk import Here, Sim, Threads, after, fails

ENCODING = """
contract Film(ref: str) key ref version 1
effect encode(ref: str) -> str
action publish(film: str) -> str { in doubt ask }
initial state Encoding -> Publishing { let film = perform encode(ref)
  goto Publishing(film) }
state Publishing(film: str) -> Shown { let place = commit publish(film)
  goto Shown(place) }
final state Shown(place: str) success
"""

MINUTE_S = 60.0


def filming(**minutes: list[float]) -> Sim:
    """Return a run whose plain handlers take these minutes, call by call."""
    sim = Sim(ENCODING, input={"ref": "f1"}, encode=["film"], publish=["cinema"])

    def encode(self: Any, ref: str, call: Any = None) -> Any:
        return sim.desk.answer_at_once("encode", (ref,), call)

    def publish(self: Any, film: str, *, call: Any) -> Any:
        return sim.desk.answer_at_once("publish", (film,), call)

    type(sim.kit.handlers).encode = encode  # type: ignore[attr-defined]
    type(sim.kit.handlers).publish = publish  # type: ignore[attr-defined]
    seconds = [minute * MINUTE_S for name in ("encode", "publish") for minute in minutes.get(name, [0.0])]
    return sim.on_threads(Threads(seconds))


async def an_hour(here: Here) -> None:
    """Let an hour pass, in steps that no task notices."""
    for _ in range(120):
        await here.wait(30)


def test_a_late_answer_of_an_effect_is_used_while_the_run_waits_for_another_attempt() -> None:
    # Attempts begin at 0, 5, 10 and 15 minutes; the first answers during the fourth.
    sim = filming(encode=[20, 20, 20, 20]).tell(an_hour, drawn=0.0)
    assert (sim.calls("publish"), sim.ending) == (1, ("Shown", {"place": "cinema"}))
    assert sim.kinds[:5] == ["started", "attempt", "attempt", "attempt", "evidence"]
    assert (sim.record("evidence")["attempt"], sim.record("evidence")["of"]) == (1, 2)


def test_it_is_dropped_once_the_run_has_stalled() -> None:
    sim = filming(encode=[30, 30, 30, 30]).tell(an_hour, drawn=0.0)
    assert (sim.status, sim.kinds[-1]) == ("stalled", "stalled")
    assert sim.view["reason"] == "encode did not answer within the worker's limit of 300 s"


def test_a_late_answer_of_an_action_ends_its_doubt() -> None:
    sim = filming(publish=[20]).tell(an_hour)
    assert (sim.calls("publish"), sim.ending) == (1, ("Shown", {"place": "cinema"}))
    assert sim.kinds[-4:] == ["doubt", "evidence", "outcome", "transition"]


@pytest.mark.parametrize(("encode", "publish"), [(20, 0), (0, 20)])
def test_a_longer_call_limit_waits_for_both(encode: float, publish: float) -> None:
    sim = filming(encode=[encode], publish=[publish]).tell(an_hour, call_limit_s=1800)
    assert (sim.calls("encode"), sim.calls("publish")) == (1, 1)
    assert sim.ending == ("Shown", {"place": "cinema"})
    assert "attempt" not in sim.kinds
    assert "doubt" not in sim.kinds


def test_a_call_under_way_says_since_when_and_when_it_is_given_up() -> None:
    text = ENCODING.replace("in doubt ask", "in doubt ask, retry 2 times backoff 1m to 1m, timeout 30m")
    text = (
        text.replace("-> str { in", "-> str fails Line { in")
        .replace("effect", "failure Line { Busy transient }\neffect")
        .replace("commit publish(film)", "commit publish(film) else problem -> goto Shown(film)")
    )
    sim = Sim(text, input={"ref": "f1"}, encode=["film"], publish=[fails("Line.Busy"), after(1200, "cinema")])
    seen: list[Any] = []

    async def story(here: Here) -> None:
        await here.until(lambda: sim.calls("publish") == 2)
        await here.wait(30)
        seen.append(under_way_view(sim.run)["under_way"])
        await here.reaches("Shown")
        seen.append(under_way_view(sim.run)["under_way"])

    sim.tell(story, drawn=0.999)
    begun = next(one for one in sim.kit.records(sim.id) if one["kind"] == "attempt" and "outcome" not in one)
    since = parse(begun["at"])
    assert seen == [
        {
            "call": "publish",
            "key": begun["key"],
            "attempt": 2,
            "since": instant_text(since),
            "until": instant_text(Instant(since + 1_800_000_000)),
        },
        None,
    ]


def test_the_first_attempt_of_an_effect_is_known_from_its_worker_once_it_lasts() -> None:
    sim = filming(encode=[4])
    seen: list[Any] = []

    def look() -> dict[str, Any]:
        store = sim.kit.store
        workers = {
            row.worker: WorkerSign(row.alive_until, row.trouble, calls_by_run(row.calls))
            for row in store.workers()
        }
        reason = run_view(sim.run, now=store.now(), workers=workers)["reason"]
        return {"reason": reason, **under_way_view(sim.run, workers, store.now())}

    async def story(here: Here) -> None:
        seen.append(look())
        await here.wait(120)
        seen.append(look())
        await here.wait(600)
        seen.append(look())

    sim.tell(story)
    began, during, after_it = seen
    assert (began["under_way"], began["reason"], after_it["under_way"]) == (None, None, None)
    call = during["under_way"]
    assert (call["call"], call["key"], call["attempt"], call["until"]) == ("encode", None, 1, None)
    assert during["reason"] == f"attempt 1 of encode is under way since {in_words(parse(call['since']))}"
    assert sim.kit.store.workers(gone=True)[0].calls == ""


def test_a_call_of_a_worker_that_is_gone_is_not_said_to_be_under_way() -> None:
    sim = filming(publish=[4])
    seen: list[Any] = []

    async def story(here: Here) -> None:
        await here.wait(120)
        later = Instant(sim.kit.store.now() + 3_600_000_000)
        now = sim.kit.store.now()
        for workers in ({}, {sim.run.worker: WorkerSign(later)}):
            call = under_way_view(sim.run, workers, now)["under_way"]
            assert (call is None) == (workers == {})
            seen.append(run_view(sim.run, now=now, workers=workers)["reason"])

    sim.tell(story)
    gone, alive = seen
    assert "shows no sign of life" in gone
    assert "under way" not in gone
    assert alive.startswith("attempt 1 of publish is under way since ")


def test_without_a_timeout_it_does_not_know_when() -> None:
    sim = filming(publish=[20])
    seen: list[Any] = []

    async def story(here: Here) -> None:
        await here.until(lambda: sim.calls("publish") == 0 and sim.state == "Publishing")
        await here.wait(60)
        seen.append(under_way_view(sim.run)["under_way"])
        await here.wait(600)
        seen.append(under_way_view(sim.run)["under_way"])

    sim.tell(story)
    (call, in_doubt) = seen
    assert (call["call"], call["attempt"], call["until"]) == ("publish", 1, None)
    assert in_doubt is None


def test_a_coroutine_is_cancelled_at_the_limit_and_brings_nothing() -> None:
    sim = Sim(ENCODING, input={"ref": "f1"}, encode=[after(1200, "film")])
    sim.tell(an_hour, drawn=0.0)
    assert (sim.calls("encode"), sim.status) == (4, "stalled")
