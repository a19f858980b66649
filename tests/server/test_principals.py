"""Who asks: without sign-in this machine alone, and no web site in a browser on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from opord.server import HttpApi, Principal
from tests.server.kit import at, run, served, somebody


async def answer_to(
    refund: Any, *, client: Any = ("127.0.0.1", 5000), method: str = "GET", **headers: str
) -> httpx.Response:
    """Answer a request with these headers (`_` stands for `-`)."""
    async with served(refund, handlers=False) as api:
        transport = httpx.ASGITransport(HttpApi(api.engine), client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            return await web.request(method, "/api/v1/runs", headers=given)


@pytest.mark.parametrize("client", [("127.0.0.1", 1), ("127.1.2.3", 1), ("::1", 1), ("::ffff:127.0.0.1", 1)])
@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_this_machine_is_answered(refund: Any, client: Any, host: str) -> None:
    async def test() -> None:
        assert (await answer_to(refund, client=client, host=host)).status_code == 200

    run(test)


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (("192.168.1.7", 1), {}),
        (("10.0.0.1", 1), {"host": "127.0.0.1"}),
        (("127.0.0.1", 1), {"host": "rebound.example"}),
        (("127.0.0.1", 1), {"host": "127.0.0.1.rebound.example"}),
        (("127.0.0.1", 1), {"host": "localhost.rebound.example:80"}),
        (("127.0.0.1", 1), {"host": "localhost:8000:80"}),
        (("127.0.0.1", 1), {"host": "evil@localhost"}),
        (("127.0.0.1", 1), {"host": "2130706433"}),
        (("127.0.0.1", 1), {"host": ""}),
        (("127.0.0.1", 1), {"x_forwarded_for": "127.0.0.1"}),
        (("127.0.0.1", 1), {"forwarded": "for=127.0.0.1"}),
        (("127.0.0.1", 1), {"via": "1.1 proxy"}),
    ],
)
def test_others_are_not(refund: Any, client: Any, headers: Mapping[str, str]) -> None:
    async def test() -> None:
        answer = await answer_to(refund, client=client, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_local")

    run(test)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://evil.example", "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://localhost:9999"},
        {"origin": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_page_of_another_site_may_ask(refund: Any, method: str, headers: Mapping[str, str]) -> None:
    async def test() -> None:
        answer = await answer_to(refund, method=method, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_origin")

    run(test)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost"},
        {"origin": "http://localhost:80"},
        {"origin": "http://localhost:8000", "host": "localhost:8000"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin"},
    ],
)
def test_pages_of_this_server_may(refund: Any, headers: Mapping[str, str]) -> None:
    async def test() -> None:
        assert (await answer_to(refund, **headers)).status_code == 200

    run(test)


def test_other_sites_may_be_allowed_by_name(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, origins=["https://shop.example"]) as api:
            shop = await api.web.get("/runs", headers={"origin": "https://shop.example"})
            other = await api.web.get("/runs", headers={"origin": "https://shop.example.evil"})
            assert (shop.status_code, other.status_code) == (200, 403)

    run(test)


def test_who_asks_is_asked_once_and_stands_in_the_journal(refund: Any) -> None:
    async def test() -> None:
        asked: list[str] = []

        async def who(scope: Mapping[str, Any]) -> Principal | None:
            asked.append(scope["path"])
            return await somebody(scope)

        async with served(refund, handlers=False, who=who) as api:
            nobody = await api.start("o1")
            assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
            api.web.headers["x-who"] = "ann: clerk"
            await api.start("o1")
            await api.send("o1", "approve", note="ok")
            assert len(asked) == 3
            record = (await api.web.get(f"{at('o1')}/history")).json()["records"][1]
            assert (record["actor"], record["role"]) == ("ann", "clerk")

    run(test)


OPERATOR_VERBS = ("resume", "resolve", "acknowledge", "drop-event", "cancel")


@pytest.mark.parametrize(
    ("roles", "verbs"),
    [
        ("", ()),
        ("clerk boss operator admin", ()),
        ("opord:operator", OPERATOR_VERBS),
        ("opord:admin", (*OPERATOR_VERBS, "terminate")),
    ],
)
def test_a_person_acts_on_runs_in_a_built_in_role_alone(
    refund: Any, roles: str, verbs: tuple[str, ...]
) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, who=somebody) as api:
            api.web.headers["x-who"] = f"ann: {roles}"
            await api.start("o1")
            for verb in (*OPERATOR_VERBS, "terminate"):
                answer = await api.web.post(f"{at('o1')}/{verb}", json={})
                refused = answer.status_code == 403
                assert refused == (verb not in verbs), (verb, answer.text)
                if refused:
                    assert answer.json()["roles"]

    run(test)
