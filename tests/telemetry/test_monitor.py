"""Whether a process lives and is ready, for those who may know no more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from opord.server import HttpApi
from opord.telemetry import Metrics, Monitor, TelemetryApp, monitor
from tests.telemetry.kit import Handlers, run, watched


async def health(app: Any, path: str, method: str = "GET") -> tuple[int, str]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://elsewhere") as web:
        answer = await web.request(method, path)
        return answer.status_code, answer.text


def test_a_worker_is_ready_while_it_claims(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel) as here:
            app = TelemetryApp(here.monitor)
            assert await health(app, "/livez") == (200, "ok\n")
            assert await health(app, "/readyz") == (200, "ok\n")
            assert here.engine.worker is not None
            await here.engine.worker.drain(0)
            assert await health(app, "/readyz") == (503, "not ready\n")
            assert await health(app, "/livez") == (200, "ok\n")

    run(test)


def test_a_process_without_an_open_store_lives_and_is_not_ready(parcel: Any) -> None:
    async def test() -> None:
        engine = opord.Engine("sqlite://:memory:", [parcel.Parcel(Handlers())])
        for source in (None, engine):
            app = TelemetryApp(Monitor(source))
            assert await health(app, "/livez") == (200, "ok\n")
            assert await health(app, "/readyz") == (503, "not ready\n")

    run(test)


def test_a_store_that_can_be_read_and_not_written_is_away(
    parcel: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(monitor, "READY_FOR_S", 0.0)
    monkeypatch.setattr(monitor, "COUNT_EVERY_S", 0.0)
    monkeypatch.setattr(monitor, "SHARE", 1.0)

    async def test() -> None:
        store, metrics = tmp_path / "runs.db", Metrics()
        async with opord.Engine(f"sqlite:///{store}", [parcel.Parcel], observer=metrics) as engine:
            watching = Monitor(engine, metrics)
            app = TelemetryApp(watching)
            assert await health(app, "/readyz") == (200, "ok\n")
            store.rename(tmp_path / "moved.db")
            start = asyncio.ensure_future(engine.start(parcel.Parcel, name="a"))
            async with asyncio.timeout(10):
                away = None
                while away is None:
                    await asyncio.sleep(0.01)
                    away = engine.backend.outage()
                assert await health(app, "/readyz") == (503, "not ready\n")
                assert "opord_store_up 0.0" in (await health(app, "/metrics"))[1]
            (tmp_path / "moved.db").rename(store)
            await start
            assert await health(app, "/readyz") == (200, "ok\n")
            assert "opord_store_up 1.0" in (await health(app, "/metrics"))[1]
            watching.close()

    run(test)


def test_a_store_that_is_silent_is_asked_once_for_all_and_not_for_long(
    parcel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "ANSWER_S", 0.05)

    async def test() -> None:
        asked = 0
        async with watched(parcel, handlers=False) as here:

            async def silent(_: str) -> None:
                nonlocal asked
                asked += 1
                await asyncio.Event().wait()

            monkeypatch.setattr(here.engine.backend, "contract", silent)
            app = TelemetryApp(here.monitor)
            answers = await asyncio.gather(*(health(app, "/readyz") for _ in range(5)))
            assert (answers, asked) == ([(503, "not ready\n")] * 5, 1)
            assert await health(app, "/readyz") == (503, "not ready\n")
            assert asked == 1  # the answer is used for a second

    run(test)


def test_the_api_says_how_it_is_to_everybody_and_is_not_ready_once_it_stops(parcel: Any) -> None:
    async def nobody(scope: Any) -> None:
        raise AssertionError("who asks does not matter")

    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [parcel.Parcel]) as engine:
            app = HttpApi(engine, who=nobody)
            assert await health(app, "/livez") == (200, "ok\n")
            assert await health(app, "/readyz") == (200, "ok\n")
            assert await health(app, "/livez", "HEAD") == (200, "")
            app.stop()
            assert await health(app, "/readyz") == (503, "not ready\n")

    run(test)


def test_there_is_nothing_else_on_the_page(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel) as here:
            app = TelemetryApp(here.monitor)
            assert (await health(app, "/"))[0] == 404
            assert (await health(app, "/metrics", "POST"))[0] == 405
            assert (await health(TelemetryApp(Monitor(here.engine)), "/metrics"))[0] == 404
            openmetrics = await here.web.get("/metrics", headers={"accept": "application/openmetrics-text"})
            assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
            assert openmetrics.text.endswith("# EOF\n")

    run(test)


def test_requests_are_counted_by_the_route_and_not_by_the_run(parcel: Any) -> None:
    async def test() -> None:
        async with watched(parcel, handlers=False) as here:
            app = HttpApi(here.engine, metrics=here.metrics)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
                await web.post("/api/v1/contracts/Parcel/runs", json={"name": "a"})
                for name in ("a", "b", "%00"):
                    await web.get(f"/api/v1/runs/Parcel/{name}")
                await web.get("/livez")
                await web.request("BREW", "/coffee")
            found = await here.numbers()
        said = {name: value for name, value in found.items() if name.startswith("opord_http_requests")}
        start, show = "/api/v1/contracts/{contract}/runs", "/api/v1/runs/{contract}/{key}"
        assert said == {
            f"opord_http_requests_total{{method=POST,route={start},status=201}}": 1,
            f"opord_http_requests_total{{method=GET,route={show},status=200}}": 1,
            f"opord_http_requests_total{{method=GET,route={show},status=404}}": 1,
            "opord_http_requests_total{method=GET,route=other,status=400}": 1,
            "opord_http_requests_total{method=other,route=other,status=404}": 1,
        }
        assert found[f"opord_http_request_duration_seconds_count{{method=GET,route={show}}}"] == 2

    run(test)
