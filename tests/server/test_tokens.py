"""Tokens: what they look like, who they say asks, what they may grant, and when they stop."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from opord.server import HttpApi, sign_in
from opord.server.credentials import PREFIX, Credential, Mistyped, new_id, new_secret, read, write
from opord.server.state.tokens import Token, Wish, make_token, revoke
from opord.values.types import Instant
from tests.server.kit import at, client_of, run


class Desk:
    """A server that asks for tokens, and a way to make them."""

    def __init__(self, api: HttpApi, web: httpx.AsyncClient, engine: opord.Engine) -> None:
        self.api, self.web, self.engine = api, web, engine

    async def token(
        self,
        name: str = "ann",
        roles: str = "",
        contracts: list[str] | None = None,
        expires: int | None = None,
    ) -> tuple[Token, dict[str, str]]:
        """Make a token; return it, and the headers of a request with it."""
        now = await self.api.state.now()
        wish = Wish(name, roles.split(), contracts, None if expires is None else Instant(now + expires))
        token, text = await make_token(self.api.state, wish, "the test")
        self.api._who._known = None  # type: ignore[attr-defined]  # as after a second
        return token, {"authorization": f"Bearer {text}"}


@asynccontextmanager
async def desk(refund: Any, **how: Any) -> AsyncIterator[Desk]:
    async with opord.Engine("sqlite://:memory:", [refund]) as engine:
        api = HttpApi(engine, **how)
        async with client_of(api) as web:
            yield Desk(api, web, engine)
        await api.close()


def all_bytes(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.iterdir())


# --- the text ------------------------------------------------------------------------------------


def test_a_token_is_its_prefix_an_id_a_secret_and_a_checksum() -> None:
    for _ in range(200):
        given = Credential(new_id(), new_secret())
        text = write(PREFIX, given)
        assert re.fullmatch("opord_[0-9A-Za-z]{61}", text)
        assert read(PREFIX, text) == given


def test_every_typo_is_told_without_asking_the_store() -> None:
    text = write(PREFIX, Credential(new_id(), new_secret()))
    wrong = [
        text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :] for place in range(len(text))
    ]
    wrong += [text[:length] for length in range(len(text))]
    wrong += [
        text + "0",
        text + "\n",
        f" {text}",
        text.upper(),
        text.replace("opord_", "opordlink_"),
        text + text,
    ]
    wrong += [text[:10] + text[11] + text[10] + text[12:]] if text[10] != text[11] else []
    for one in wrong:
        with pytest.raises(Mistyped):
            read(PREFIX, one)


@pytest.mark.parametrize("extreme", [bytes(32), b"\xff" * 32])
def test_every_secret_can_be_written(extreme: bytes) -> None:
    given = Credential("0" * 12, extreme)
    assert read(PREFIX, write(PREFIX, given)) == given


# --- who asks ------------------------------------------------------------------------------------


def test_a_token_says_who_asks(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            _, ann = await it.token("ann", "clerk")
            body = {"order": "o1", "cents": 5}
            assert (await it.web.post("/contracts/Refund/runs", json=body, headers=ann)).status_code == 201
            sent = await it.web.post(f"{at('o1')}/events/approve", json={"note": "x"}, headers=ann)
            assert sent.status_code == 200
            record = (await it.web.get(f"{at('o1')}/history", headers=ann)).json()["records"][1]
            assert (record["actor"], record["role"]) == ("ann", "clerk")

    run(test)


WRONG = [
    "Bearer {cut}",
    "Bearer {other}",
    "Bearer {same_id}",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer opord_",
    "Basic YW5uOng=",
    "{text}",
    "Bearer {text} {text}",
    "Bearer {text},",
    "bearer\t{text}",
    "Bearer " + "x" * 20_000,
    "Bearer opord_é",
    "Bearer ' OR 1=1 --",
]


def test_what_is_no_good_token_is_refused_in_the_same_words(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            token, ann = await it.token()
            text = ann["authorization"].removeprefix("Bearer ")
            gone, of_gone = await it.token("gone")
            await revoke(it.api.state, gone.id, "the test")
            _, of_late = await it.token("late", expires=1)
            words = {
                "cut": text[:-1], "text": text,
                "other": write(PREFIX, Credential(new_id(), new_secret())),
                "same_id": write(PREFIX, Credential(token.id, new_secret())),
            }  # fmt: skip
            said = {}
            for form in WRONG:
                header = form.format(**words)
                answer = await it.web.get("/runs", headers={"authorization": header.encode()})
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), form
                assert answer.headers["www-authenticate"].startswith('Bearer realm="opord"')
                assert text not in answer.text
                said[form] = answer.json()["detail"]
            for one in (of_gone, of_late):
                answer = await it.web.get("/runs", headers=one)
                assert answer.status_code == 401
                assert answer.json()["detail"] == said["Bearer {other}"] == said["Bearer {same_id}"]
                assert answer.headers["www-authenticate"] == 'Bearer realm="opord", error="invalid_token"'
            twice = await it.web.get("/runs", headers=[("authorization", f"Bearer {text}")] * 2)
            assert twice.status_code == 401
            assert (await it.web.get("/runs", headers=ann)).status_code == 200
            assert (
                await it.web.get("/runs", headers={"authorization": f"bEARER  {text}"})
            ).status_code == 200

    run(test)


def test_the_address_of_nothing_is_told_to_nobody(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund, tokens_only=True) as it:
            for path in ("/nothing", "/runs/Refund/x", "/tokens", "/audit"):
                assert (await it.web.get(path)).status_code == 401
            assert (await it.web.put("/runs")).status_code == 401

    run(test)


def test_while_no_token_was_made_this_machine_needs_none(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            assert (await it.web.get("/runs")).status_code == 200
            made = await it.web.post("/tokens", json={"name": "ann", "roles": ["opord:admin"]})
            assert made.status_code == 201
            it.api._who._known = None  # type: ignore[attr-defined]
            assert (await it.web.get("/runs")).status_code == 401
            headers = {"authorization": f"Bearer {made.json()['token']}"}
            assert (await it.web.get("/runs", headers=headers)).status_code == 200
            # A token that is no longer good does not open the server again.
            assert (await it.web.delete(f"/tokens/{made.json()['id']}", headers=headers)).status_code == 200
            it.api._who._known = None  # type: ignore[attr-defined]
            assert (await it.web.get("/runs")).status_code == 401

    run(test)


def test_a_server_for_tokens_alone_answers_nobody_without_one(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund, tokens_only=True) as it:
            assert (await it.web.get("/runs")).status_code == 401

    run(test)


def test_a_revoked_token_is_refused_within_a_second(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "KNOWN_S", 0.02)

    async def test() -> None:
        async with desk(refund) as it:
            token, ann = await it.token()
            assert (await it.web.get("/runs", headers=ann)).status_code == 200
            await revoke(it.api.state, token.id, "the test")
            await asyncio.sleep(0.03)
            assert (await it.web.get("/runs", headers=ann)).status_code == 401

    run(test)


def test_a_token_ends_at_its_instant_by_the_clock_of_the_store(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            _, ann = await it.token(expires=60_000)
            assert (await it.web.get("/runs", headers=ann)).status_code == 200
            await asyncio.sleep(0.07)  # the server still knows the token from before
            assert (await it.web.get("/runs", headers=ann)).status_code == 401

    run(test)


def test_a_stream_ends_with_its_token(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "KNOWN_S", 0.01)

    async def test() -> None:
        async with desk(refund) as it:
            it.api._again_s = 0.02
            token, ann = await it.token()
            _, admin = await it.token("root", "opord:admin")
            stream = asyncio.create_task(it.web.get("/runs/changes", headers=ann))
            held = asyncio.create_task(it.web.get(f"{at('o1')}?wait=10s", headers=ann))
            await asyncio.sleep(0.1)
            assert not stream.done()
            assert (await it.web.delete(f"/tokens/{token.id}", headers=admin)).status_code == 200
            answer = await asyncio.wait_for(stream, 10)
            assert answer.status_code == 200
            held.cancel()

    run(test)


def test_a_held_answer_is_not_given_to_a_token_that_ended(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "KNOWN_S", 0.01)

    async def test() -> None:
        async with desk(refund) as it:
            it.api._again_s = 0.02
            token, ann = await it.token()
            body = {"order": "o1", "cents": 5}
            await it.web.post("/contracts/Refund/runs", json=body, headers=ann)
            tag = (await it.web.get(at("o1"), headers=ann)).headers["etag"]
            held = asyncio.create_task(
                it.web.get(f"{at('o1')}?wait=300ms", headers={**ann, "if-none-match": tag})
            )
            await asyncio.sleep(0.05)
            await revoke(it.api.state, token.id, "the test")
            assert (await held).status_code == 401

    run(test)


def test_a_flood_of_wrong_tokens_costs_no_queries(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            _, ann = await it.token()
            await it.web.get("/runs", headers=ann)
            reads = 0
            read_tokens = sign_in.live_tokens

            async def counted(*given: Any) -> Any:
                nonlocal reads
                reads += 1
                return await read_tokens(*given)

            monkeypatch.setattr(sign_in, "live_tokens", counted)
            for _ in range(200):
                wrong = write(PREFIX, Credential(new_id(), new_secret()))
                answer = await it.web.get("/runs", headers={"authorization": f"Bearer {wrong}"})
                assert answer.status_code == 401
            assert reads <= 10  # one a second at most

    run(test)


def test_the_openapi_document_says_that_a_token_is_needed(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            path = "/contracts/Refund/openapi.json"
            assert "security" not in (await it.web.get(path)).json()
            _, ann = await it.token()
            document = (await it.web.get(path, headers=ann)).json()
            assert document["security"] == [{"token": []}]
            assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"

    run(test)


def test_an_answer_that_was_kept_for_a_key_is_not_shown_to_one_who_does_not_see_the_run(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            _, wide = await it.token("ann", "clerk")
            _, narrow = await it.token("ann", "clerk", ["Payroll"])
            body, key = {"order": "o1", "cents": 5}, {"idempotency-key": "k1"}
            made = await it.web.post("/contracts/Refund/runs", json=body, headers={**wide, **key})
            assert made.status_code == 201
            again = await it.web.post("/contracts/Refund/runs", json=body, headers={**narrow, **key})
            assert (again.status_code, again.json()["code"]) == (404, "contract_unknown")
            for path in ("/tokens", "/links"):
                _, root = await it.token("root", "opord:admin")
                kept = await it.web.post(path, json={"name": "x"}, headers={**root, **key})
                assert (kept.status_code, kept.json()["code"]) == (400, "header_invalid")

    run(test)


# --- what is kept --------------------------------------------------------------------------------


def test_no_secret_of_a_token_is_kept_or_told(
    refund: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with opord.Engine(f"sqlite:///{tmp_path}/x.db", [refund]) as engine:
            api = HttpApi(engine)
            async with client_of(api) as web:
                made = (await web.post("/tokens", json={"name": "ann", "roles": ["opord:admin"]})).json()
                api._who._known = None  # type: ignore[attr-defined]
                secret = read(PREFIX, made["token"]).secret
                headers = {"authorization": f"Bearer {made['token']}"}
                for path in ("/tokens", "/audit", "/runs"):
                    assert made["token"] not in (await web.get(path, headers=headers)).text
                await web.get("/runs", headers={"authorization": f"Bearer {made['token']}x"})
            await api.close()
        files = all_bytes(tmp_path)
        assert made["token"].encode() not in files
        assert made["token"][18:-6].encode() not in files
        assert secret not in files
        assert sha256(secret).digest() in files
        assert made["token"] not in caplog.text

    run(test)


# --- granting ------------------------------------------------------------------------------------


def test_tokens_are_made_listed_and_revoked_by_an_admin(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            _, root = await it.token("root", "opord:admin *")
            body = {"name": "shop", "roles": ["clerk"], "contracts": ["Refund"], "expires": "90d"}
            made = await it.web.post("/tokens", json=body, headers=root)
            assert made.status_code == 201
            shown = made.json()
            assert (shown["name"], shown["roles"], shown["contracts"]) == ("shop", ["clerk"], ["Refund"])
            assert shown["made_by"] == "root"
            assert shown["expires_at"] > shown["made_at"]
            listed = (await it.web.get("/tokens", headers=root)).json()["tokens"]
            assert [one["name"] for one in listed] == ["root", "shop"]
            assert listed[1] == {name: value for name, value in shown.items() if name != "token"}
            gone = await it.web.delete(f"/tokens/{shown['id']}", headers=root)
            assert gone.json() == {"id": shown["id"], "done": "revoke"}
            after = (await it.web.get("/tokens", headers=root)).json()["tokens"][1]
            assert (after["revoked_by"], after["revoked_at"] is not None) == ("root", True)
            assert (await it.web.delete("/tokens/nothing", headers=root)).status_code == 404

    run(test)


GRANTS: list[tuple[str, list[str] | None, int | None, dict[str, Any], bool]] = [
    ("opord:admin", None, None, {"roles": ["opord:operator"]}, True),
    ("opord:admin", None, None, {"roles": ["opord:admin"]}, True),
    ("opord:admin", None, None, {"roles": ["clerk"]}, False),
    ("opord:admin", None, None, {"roles": ["*"]}, False),
    ("opord:admin clerk", None, None, {"roles": ["clerk"]}, True),
    ("opord:admin *", None, None, {"roles": ["clerk", "boss"]}, True),
    ("opord:admin *", None, None, {"roles": ["*"]}, True),
    ("opord:admin", ["Refund"], None, {}, False),
    ("opord:admin", ["Refund"], None, {"contracts": None}, False),
    ("opord:admin", ["Refund"], None, {"contracts": ["Refund", "Payroll"]}, False),
    ("opord:admin", ["Refund"], None, {"contracts": ["Refund"]}, True),
    ("opord:admin", ["Refund"], None, {"contracts": []}, True),
    ("opord:admin", None, 86_400_000_000, {}, False),
    ("opord:admin", None, 86_400_000_000, {"expires": "2d"}, False),
    ("opord:admin", None, 86_400_000_000, {"expires": "1h"}, True),
]


@pytest.mark.parametrize(("roles", "contracts", "expires", "body", "allowed"), GRANTS)
def test_nobody_grants_more_than_they_have(
    refund: Any,
    roles: str,
    contracts: list[str] | None,
    expires: int | None,
    body: dict[str, Any],
    allowed: bool,
) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            _, maker = await it.token("maker", roles, contracts, expires)
            answer = await it.web.post("/tokens", json={"name": "new", **body}, headers=maker)
            if allowed:
                assert answer.status_code == 201, answer.text
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "grant_refused")

    run(test)


def test_an_admin_of_some_contracts_sees_and_revokes_tokens_of_these_alone(refund: Any) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            _, small = await it.token("small", "opord:admin", ["Refund"])
            root, _ = await it.token("root", "opord:admin")
            other, _ = await it.token("other", "", ["Payroll", "Refund"])
            own, _ = await it.token("own", "", ["Refund"])
            listed = (await it.web.get("/tokens", headers=small)).json()["tokens"]
            assert [one["name"] for one in listed] == ["small", "own"]
            for foreign in (root, other):
                gone = await it.web.delete(f"/tokens/{foreign.id}", headers=small)
                assert (gone.status_code, gone.json()["code"]) == (404, "token_unknown")
            assert (await it.web.delete(f"/tokens/{own.id}", headers=small)).status_code == 200
            assert (await it.web.get("/audit", headers=small)).status_code == 403

    run(test)


BAD = [
    {}, {"name": ""}, {"name": " "}, {"name": 7}, {"name": "x" * 501}, {"name": "a\nb"}, {"name": "a\x1b[31m"},
    {"name": "ann "}, {"name": "an\u200bn"}, {"name": "\u202eann"}, {"name": "a", "roles": "clerk"}, {"name": "a", "roles": ["a b"]},
    {"name": "a", "roles": ["opord:root"]}, {"name": "a", "roles": [1]}, {"name": "a", "roles": {"x": 1}}, {"name": "a", "contracts": "Refund"},
    {"name": "a", "contracts": ["Re/fund"]}, {"name": "a", "expires": "yesterday"}, {"name": "a", "expires": "-1d"}, {"name": "a", "expires": "999999999w"},
    {"name": "a", "expires": "0s"}, {"name": "a", "expires": "2001-01-01T00:00:00Z"}, {"name": "a", "expires": 5}, {"name": "a", "id": "x"},
    {"name": "a", "digest": "x"}, {"name": "a", "made_by": "ann"}, {"name": "a", "roles": ["r"] * 101 + ["s"]},
]  # fmt: skip


@pytest.mark.parametrize("body", BAD)
def test_a_token_that_makes_no_sense_is_refused(refund: Any, body: dict[str, Any]) -> None:
    async def test() -> None:
        async with desk(refund) as it:
            answer = await it.web.post("/tokens", json=body)
            if body.get("roles") == ["r"] * 101 + ["s"]:
                body["roles"] = [f"r{n}" for n in range(101)]
                answer = await it.web.post("/tokens", json=body)
            assert answer.status_code in (400, 422), answer.text

    run(test)
