"""A report is ordered once, polled for as often as the service allows, and dropped if it takes too long."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from examples.patterns.poller.handlers import Handlers
from examples.patterns.poller.report_export import Progress, ReportExport, ServiceError
from examples.patterns.service import Answer, NotSent, Recorded
from opord.testing import Fakes, Run, World, crash_everywhere


def faked(world: World) -> Fakes:
    fakes = world.fakes(ReportExport)
    fakes.order.returns("j1")
    fakes.progress.returns(Progress.Ready(url="/j1.csv"))
    fakes.drop.returns()
    return fakes


def started(world: World) -> Run:
    return world.start(ReportExport, account="a1", month="2026-02", token="t0ken")


@crash_everywhere
def test_it_is_ordered_once_and_found_ready(opord_world: World) -> None:
    fakes = faked(opord_world)
    fakes.progress.returns(Progress.Working(percent=40)).then.returns(Progress.Ready(url="/j1.csv"))
    run = started(opord_world).advance("10m")
    run.assert_ended().assert_state("Exported", job="j1", url="/j1.csv")
    assert fakes.order.happened == 1
    assert "t0ken" not in run.story


def test_the_pause_is_what_progress_and_service_ask_for(opord_world: World) -> None:
    fakes = faked(opord_world)
    working = fakes.progress.returns(Progress.Working(percent=40))
    working.then.fails(ServiceError.TooMany(wait=timedelta(minutes=20))).then.fails(
        ServiceError.TooMany(wait=timedelta(0))
    ).then.returns(Progress.Working(percent=95)).then.returns(Progress.Ready(url="/j1.csv"))
    started(opord_world).advance("1h").assert_state("Exported")
    times = [made.at for made in fakes.progress.calls]
    pauses = [int((later - earlier).total_seconds()) for earlier, later in itertools.pairwise(times)]
    assert pauses == [120, 1200, 10, 15]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (lambda fake: fake.returns(Progress.Broken(reason="no data")), "no data"),
        (lambda fake: fake.fails(ServiceError.Forbidden), "the account may not look"),
        (lambda fake: fake.returns(Progress.Working(percent=1)), "not ready after six hours"),
        (lambda fake: fake.fails(ServiceError.Down), "not ready after six hours"),
        (lambda fake: fake.times_out(), "not ready after six hours"),
    ],
)
def test_what_does_not_come_is_dropped(opord_world: World, script: Any, reason: str) -> None:
    fakes = faked(opord_world)
    script(fakes.progress)
    started(opord_world).advance("6h").assert_state("Dropped", reason=reason).assert_ended("failure")
    assert fakes.drop.happened == 1


def test_it_is_cancelled_while_it_rests(opord_world: World) -> None:
    fakes = faked(opord_world)
    run = started(opord_world)
    run.send.cancel(reason="not needed")
    run.assert_state("Dropped", reason="not needed")
    assert fakes.progress.calls == []


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ServiceError.Forbidden, "the account may not"),
        (ServiceError.TooMany(wait=timedelta(hours=1)), "the service takes no orders"),
        (ServiceError.Down, "the service takes no orders"),
    ],
)
def test_what_is_not_ordered_is_not_dropped(opord_world: World, failure: Any, reason: str) -> None:
    fakes = faked(opord_world)
    fakes.order.fails(failure)
    started(opord_world).assert_state("NotOrdered", reason=reason)
    assert fakes.drop.calls == []


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_orders_nothing_twice(opord_world: World, happened: bool) -> None:
    fakes = faked(opord_world)
    fakes.order.unknown(*(["j1"] if happened else []), happened=happened).then.returns("j1")
    started(opord_world).advance("1m").assert_state("Exported", job="j1")
    assert (fakes.order.happened, set(fakes.order.keys)) == (1, {"a1/2026-02"})


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, {"status": "ready", "url": "/u"}), "ok"),
        (Answer(200, {"status": "broken", "reason": "x"}), "ok"),
        (Answer(200, {"status": "working", "percent": 3}), "ok"),
        (Answer(403), "ServiceError.Forbidden"),
        (Answer(429, {"retry_after": 60}), "ServiceError.TooMany"),
        (Answer(503), "ServiceError.Down"),
        (NotSent(), "ServiceError.Down"),
        (Answer(500), "Strange"),
    ],
)
def test_what_the_service_says_is_what_the_contract_hears(
    opord_world: World, answer: Any, outcome: str
) -> None:
    service = Recorded(
        {
            "/reports": Answer(202, {"job": "j9"}),
            "/reports/j9?token=t0ken": answer,
            "/reports/j9/drop": Answer(200),
        }
    )
    fakes = opord_world.fakes(ReportExport, real=Handlers(service))
    run = started(opord_world).advance("10s")
    assert fakes.progress.calls[0].outcome == outcome
    if run.status == "waiting":
        run.send.cancel(reason="enough")
        assert service.posts[-1] == ("/reports/j9/drop", {"token": "t0ken"}, "j9")
    assert service.posts[0][2] == "a1/2026-02"
