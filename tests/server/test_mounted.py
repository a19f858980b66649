"""The API as a part of somebody's application, in each framework, with keys of all signs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send
from starlette.applications import Starlette
from starlette.routing import Mount

import opord
from opord.server import HttpApi
from tests.server.kit import client_of, run

KEYS = ["a/", "/", "a%20", "o1", "a/b", "a%2Fb", "ü/ö", "opord", "/opord/api/v1/runs", "a b", "api/v1/runs"]


def in_starlette(api: HttpApi, at: str) -> Any:
    return Starlette(routes=[Mount(at, api)])


def in_fastapi(api: HttpApi, at: str) -> Any:
    app = FastAPI()
    app.mount(at, api)
    return app


def in_litestar(api: HttpApi, at: str) -> Any:
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await api(scope, receive, send)

    return Litestar([asgi(at, is_mount=True, copy_scope=True)(mounted)])


def twice(api: HttpApi, at: str) -> Any:
    outer, _, inner = at[1:].partition("/")
    return Starlette(routes=[Mount(f"/{outer}", Starlette(routes=[Mount(f"/{inner}", api)]))])


@asynccontextmanager
async def mounted(refund: Any, how: Any, at: str) -> AsyncIterator[Any]:
    engine = opord.Engine("sqlite://:memory:", [refund])
    async with engine, client_of(how(HttpApi(engine), at), f"http://localhost{at}/api/v1") as web:
        yield web


@pytest.mark.parametrize(
    ("how", "at"),
    [
        (in_starlette, "/opord"),
        (in_starlette, "/a/b"),
        (in_starlette, ""),
        (twice, "/outer/inner"),
        (in_fastapi, "/opord"),
        (in_litestar, "/opord"),
    ],
)
@pytest.mark.parametrize("key", KEYS)
def test_keys_reach_a_mounted_api_as_they_are(refund: Any, how: Any, at: str, key: str) -> None:
    async def test() -> None:
        async with mounted(refund, how, at) as web:
            started = await web.post("/contracts/Refund/runs", json={"order": key, "cents": 1})
            assert (started.status_code, started.json()["run"]) == (201, f"Refund/{key}"), started.text
            where = started.headers["location"]
            assert where.startswith(f"{at}/api/v1/runs/Refund/")
            shown = await web.get(where.removeprefix(at).removeprefix("/api/v1"))
            assert shown.json()["run"] == f"Refund/{key}", shown.text

    run(test)


def test_a_server_that_gives_no_raw_path_is_served_as_well(refund: Any) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [refund]) as engine:
            api = HttpApi(engine)

            async def without(scope: Any, receive: Any, send: Any) -> None:
                await api({name: one for name, one in scope.items() if name != "raw_path"}, receive, send)

            async with client_of(without) as web:
                await web.post("/contracts/Refund/runs", json={"order": "ü 1", "cents": 1})
                assert (await web.get("/runs/Refund/%C3%BC%201")).status_code == 200

    run(test)


def test_served_alone_it_opens_and_closes_the_engine(refund: Any) -> None:
    async def test() -> None:
        engine = opord.Engine("sqlite://:memory:", [refund])
        sent: list[str] = []
        messages = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> Any:
            kind = next(messages)
            if kind == "lifespan.shutdown":
                assert await engine.backend.versions()
            return {"type": kind}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await HttpApi(engine)({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        with pytest.raises(opord.EngineClosed):
            _ = engine.backend

    run(test)


def test_an_engine_that_is_not_open_is_told(refund: Any) -> None:
    async def test() -> None:
        async with client_of(HttpApi(opord.Engine("sqlite://:memory:", [refund]))) as web:
            answer = await web.get("/runs")
            assert (answer.status_code, answer.json()["code"]) == (503, "engine_closed")
            assert answer.headers["retry-after"] == "1"

    run(test)


def test_a_store_that_cannot_be_opened_ends_the_start(refund: Any) -> None:
    async def test() -> None:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message)

        await HttpApi(opord.Engine("sqlite:////nowhere/at/all.db", [refund]))(
            {"type": "lifespan"}, receive, send
        )
        assert sent[0]["type"] == "lifespan.startup.failed"
        assert "there is no folder /nowhere/at" in sent[0]["message"]

    run(test)
