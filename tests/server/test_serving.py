"""Connections: slow clients, large heads, broken requests, and an end in good order."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from opord.server import HttpLimits, serving
from tests.server.kit import run
from tests.server.live import running

START = (
    b"POST /api/v1/contracts/Refund/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
)
LIST = b"GET /api/v1/runs HTTP/1.1\r\nhost: localhost\r\n\r\n"


def status(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


def test_a_head_that_does_not_end_is_given_up(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch, head_s=0.05) as server:
            for begun in (b"", b"GET /api", LIST[:-2], LIST[:-2] + b"x: y\r\n"):
                assert status(await server.ask(begun)) == 408

    run(test)


def test_a_head_that_drips_is_given_up_as_well(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch, head_s=0.1) as server:
            reader, writer = await server.connect()

            async def drip() -> None:
                for byte in LIST[:-2] + b"x: " + b"y" * 1000:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.01)

            dripping = asyncio.create_task(drip())
            async with asyncio.timeout(20):
                assert status(await reader.read()) == 408
            dripping.cancel()

    run(test)


def test_a_second_request_on_a_connection_has_its_own_time(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch, head_s=0.1) as server:
            reader, writer = await server.connect()
            for _ in range(3):
                writer.write(LIST)
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(len(b'{"after":null,"runs":[]}'))
                await asyncio.sleep(0.15)  # idle: that is no head under way
            writer.write(b"GET /api")
            async with asyncio.timeout(20):
                assert status(await reader.read()) == 408

    run(test)


def test_a_large_head_is_refused(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch, head_bytes=10_000) as server:
            assert status(await server.ask(LIST[:-2] + b"x: " + b"y" * 20_000)) == 431
            assert status(await server.ask(b"GET /" + b"y" * 20_000)) == 431
            many = b"".join(b"x-%d: y\r\n" % number for number in range(2000))
            assert status(await server.ask(LIST[:-2] + many)) == 431

    run(test)


def test_a_body_that_drips_is_given_up(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch, limits=HttpLimits(body_s=0.05)) as server:
            said = await server.ask(START + b'content-length: 100\r\n\r\n{"order":')
            assert status(said) == 408
            assert b'"code":"body_slow"' in said

    run(test)


def test_a_large_body_is_refused_before_it_comes(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server:
            said = await server.ask(START + b"content-length: 104857600\r\nexpect: 100-continue\r\n\r\n")
            assert status(said) == 413
            chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
            reader, writer = await server.connect()
            writer.write(START + b"transfer-encoding: chunked\r\n\r\n")
            sent = 0

            async def send() -> None:
                nonlocal sent
                for _ in range(1600):
                    writer.write(chunk)
                    await writer.drain()
                    sent += len(chunk)

            sending = asyncio.create_task(send())
            async with asyncio.timeout(20):
                assert status(await reader.readuntil(b"\r\n\r\n")) == 413
            await asyncio.gather(sending, return_exceptions=True)
            assert sent < 50_000_000

    run(test)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
        START + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        START + b"content-length: 5\r\ncontent-length: 6\r\n\r\n{}",
        START + b"content-length: -1\r\n\r\n",
        START + b"transfer-encoding: chunked\r\n\r\nZZ\r\n",
        START + b" folded: x\r\n\r\n",
        b"GET /api/v1/runs HTTP/1.1\r\nhost: localhost\r\nx y: z\r\n\r\n",
        b"GET /api/v1/runs HTTP/9.9\r\nhost: localhost\r\n\r\n",
    ],
)
def test_a_broken_request_is_400_and_ends_the_connection(
    refund: Any, monkeypatch: pytest.MonkeyPatch, request_: bytes
) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server:
            assert status(await server.ask(request_)) == 400

    run(test)


def test_a_refused_body_does_not_spoil_the_next_request(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server:
            body = b'{"order": "o1", "cents": 1, "text": "%s"}' % (b"x" * 100_000)
            wrong = (
                START.replace(b"contracts", b"contrahents") + b"content-length: %d\r\n\r\n" % len(body) + body
            )
            said = await server.ask(wrong + LIST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
            assert (status(said), said.count(b"HTTP/1.1 ")) == (404, 2)
            assert said.endswith(b'{"after":null,"runs":[]}')

    run(test)


def test_a_client_that_does_not_read_is_left(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch, read_s=0.1) as server:
            for number in range(12):
                body = b'{"order": "o%d%s", "cents": 1}' % (number, b"x" * 400)
                await server.ask(
                    START + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
                )
            reader, writer = await server.connect()
            reader._transport.pause_reading()  # type: ignore[attr-defined]

            async def send_on() -> None:
                while True:
                    writer.write(LIST * 100)
                    await writer.drain()
                    await asyncio.sleep(0.01)

            async with asyncio.timeout(20):
                with pytest.raises(ConnectionError):
                    await send_on()

    run(test)


def test_five_hundred_starts_of_one_key_at_once_are_one_run(
    refund: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def test() -> None:
        store = f"sqlite:///{tmp_path / 'runs.db'}"
        async with running(refund, monkeypatch, store=store) as server, server.client() as web:
            body = {"order": "o1", "cents": 5}
            answers = await asyncio.gather(
                *(web.post("/contracts/Refund/runs", json=body) for _ in range(500))
            )
            assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 499}
            assert {answer.json()["run"] for answer in answers} == {"Refund/o1"}
            history = (await web.get("/runs/Refund/o1/history")).json()["records"]
            assert [record["kind"] for record in history] == ["started"]

    run(test)


def test_connections_have_a_limit(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch, connections=3) as server:
            kept = [await server.connect() for _ in range(3)]
            await asyncio.sleep(0.05)
            assert status(await server.ask(LIST)) == 503
            for _, writer in kept:
                writer.close()
            await asyncio.sleep(0.05)
            assert (
                status(await server.ask(LIST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))) == 200
            )

    run(test)


def test_requests_under_way_end_before_the_server_does(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server:
            reader, writer = await server.connect()
            writer.write(START + b"content-length: 27\r\n\r\n{")
            await asyncio.sleep(0.05)
            server.stop.set()
            await asyncio.sleep(0.2)
            writer.write(b'"order": "o1", "cents": 1}')
            async with asyncio.timeout(20):
                assert status(await reader.read()) == 201
                await server.serving
            with pytest.raises(ConnectionError):
                await server.connect()

    run(test)


def test_a_request_that_does_not_end_does_not_keep_the_server(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with running(refund, monkeypatch) as server:
            _, writer = await server.connect()
            writer.write(START + b"content-length: 27\r\n\r\n{")
            await asyncio.sleep(0.05)
            server.stop.set()
            async with asyncio.timeout(5):
                await server.serving

    run(test)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.0.1", False),
        ("example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, local: bool) -> None:
    assert serving.is_loopback(host) == local
