"""Bodies that no honest client sends: each is refused with what was seen, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from opord.server import HttpLimits
from tests.server.kit import run, served

JSON = {"content-type": "application/json"}

BAD = [
    (b"order=o1", 400, "body_invalid", "not JSON"),
    (b"{", 400, "body_invalid", "not JSON"),
    (b'{"order": "o1", "cents": 1} x', 400, "body_invalid", "not JSON"),
    (b'{"order": "o1", "order": "o2", "cents": 1}', 400, "body_invalid", "order"),
    (b'{"order": "o1", "cents": 9223372036854775808}', 400, "body_invalid", "64-bit"),
    (b'{"order": "o1", "cents": ' + b"9" * 5000 + b"}", 400, "body_invalid", "64-bit"),
    (b'{"order": "o1", "cents": 1e400}', 400, "body_invalid", "too large for a float"),
    (b'{"order": "o1", "cents": NaN}', 400, "body_invalid", "NaN"),
    (b'{"order": "o\\u0000", "cents": 1}', 400, "body_invalid", "NUL"),
    (b'{"order": "\\ud800", "cents": 1}', 400, "body_invalid", "surrogate"),
    (b'{"order": "\xff", "cents": 1}', 400, "body_invalid", "not UTF-8"),
    (b"\xef\xbb\xbf{}", 400, "body_invalid", "byte order mark"),
    (b'{"order":' + b"[" * 100_000, 400, "body_invalid", "levels deep"),
    (b'{"order":' + b"[" * 100 + b"]" * 100 + b"}", 400, "body_invalid", "levels deep"),
    (b"[]", 422, "input_invalid", "object"),
    (b"null", 422, "input_invalid", "object"),
    (b'"o1"', 422, "input_invalid", "object"),
    (b"{}", 422, "input_invalid", "missing"),
    (b"", 422, "input_invalid", "missing"),
    (b'{"order": "o1", "sents": 1}', 422, "input_invalid", "did you mean"),
    (b'{"order": "o1", "cents": "1"}', 422, "input_invalid", "cents"),
    (b'{"order": "o1", "cents": 1.5}', 422, "input_invalid", "cents"),
    (b'{"order": "o1", "cents": true}', 422, "input_invalid", "cents"),
    (b'{"order": "", "cents": 1}', 422, "input_invalid", "empty"),
    (b'{"order": "%s", "cents": 1}' % (b"x" * 10_000), 422, "input_invalid", "key"),
    (b'{"order": "o1", "cents": 0}', 422, "start_refused", "nothing to pay back"),
    (b'{"order": "o1", "cents": 1, "__proto__": {}, "status": "ended"}', 422, "input_invalid", "status"),
]


@pytest.mark.parametrize(("body", "status", "code", "words"), BAD, ids=range(len(BAD)))
def test_a_bad_body_is_refused_in_words(refund: Any, body: bytes, status: int, code: str, words: str) -> None:
    async def test() -> None:
        async with served(refund) as api:
            answer = await api.web.post("/contracts/Refund/runs", content=body, headers=JSON)
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (status, code), problem
            assert words in problem["detail"]
            assert problem["type"] == f"/problems/{code}"
            assert answer.headers["content-type"] == "application/problem+json"
            assert (await api.web.get("/runs")).json()["runs"] == []

    run(test)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "application/jsonx",
        "*/*",
    ],
)
def test_a_body_has_to_be_said_to_be_json(refund: Any, kind: str) -> None:
    """What a form of another site can send without asking is not taken."""

    async def test() -> None:
        async with served(refund) as api:
            answer = await api.web.post(
                "/contracts/Refund/runs",
                content=b'{"order": "o1", "cents": 1}',
                headers={"content-type": kind},
            )
            assert (answer.status_code, answer.json()["code"]) == (415, "content_type")

    run(test)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"]
)
def test_json_is_json_however_it_is_written(refund: Any, kind: str) -> None:
    async def test() -> None:
        async with served(refund) as api:
            answer = await api.web.post(
                "/contracts/Refund/runs",
                content=b'{"order": "o1", "cents": 1}',
                headers={"content-type": kind},
            )
            assert answer.status_code == 201

    run(test)


def test_members_that_no_verb_takes_are_refused(refund: Any) -> None:
    """Who acts is never the body's to say."""

    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            for member in ("actor", "role", "status", "epoch"):
                answer = await api.web.post("/runs/Refund/o1/terminate", json={member: "eve"})
                assert (answer.status_code, answer.json()["path"]) == (400, member)
            assert (await api.web.get("/runs/Refund/o1")).json()["status"] == "waiting"

    run(test)


def test_a_hundred_megabytes_are_cut_early(refund: Any) -> None:
    async def test() -> None:
        sent = 0

        async def parts() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(1600):
                sent += 65536
                yield b" " * 65536

        async with served(refund, limits=HttpLimits(body_bytes=200_000)) as api:
            said = await api.web.post("/contracts/Refund/runs", content=b" " * 300_000, headers=JSON)
            assert (said.status_code, said.json()["limit"]) == (413, 200_000)
            streamed = await api.web.post("/contracts/Refund/runs", content=parts(), headers=JSON)
            assert (streamed.status_code, streamed.headers["connection"]) == (413, "close")
            assert sent < 500_000

    run(test)


def test_one_mebibyte_fits_and_more_is_said(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            await api.start("o1")
            fits = await api.send("o1", "approve", note="n" * 1_000_000)
            assert fits.status_code == 200
            over = await api.send("o1", "remark", text="n" * 1_048_576)
            assert over.status_code == 413

    run(test)
