"""One-use links: what they do, that they do it once, and what opens nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import opord
from opord.server import HttpApi, approving
from opord.server.credentials import LINK_PREFIX, Credential, new_id, new_secret, read, write
from opord.server.state import links
from opord.server.state.links import mark_spent, rotate_keys
from tests.server.kit import client_of, run

CLUB = """
contract Club(name: str, pin: secret str) key name
role host
role chair
record Card { pin: secret str, text: str }
event admit(note: str, seats: int) by host | chair
event greet(text: str)
event show(card: Card)
event tell(pin: secret str)

initial state Asked -> Asked | Inside | Left {
  on admit(note, seats) -> goto Inside(seats)
  on greet ignore
  on show(card) -> goto Asked
  on tell(pin) -> goto Asked
  on cancel(reason) -> goto Left
}
state Inside(seats: int) -> Asked | Left {
  on greet(text) -> goto Asked
  on cancel(reason) -> goto Left
}
final state Left success
"""
MADE = {"run": "Club/a", "event": "admit", "actor": "ann", "role": "host"}


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("club") / "club.opord"
    file.write_text(CLUB)
    return opord.load(file).Club


class Door:
    """A server with a run, and a client that is an admin with every role."""

    def __init__(self, api: HttpApi, web: httpx.AsyncClient) -> None:
        self.api, self.web = api, web

    async def link(self, **members: Any) -> str:
        """Make a link; return its path below the API."""
        answer = await self.web.post("/links", json={**MADE, **members})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["link"]).removeprefix("/api/v1")

    async def history(self) -> list[Any]:
        """Return the records of the run."""
        found: list[Any] = (await self.web.get("/runs/Club/a/history")).json()["records"]
        return found


@asynccontextmanager
async def door(club: Any, store: str = "sqlite://:memory:") -> AsyncIterator[Door]:
    engine = opord.Engine(store, [club], insecure_plaintext_secrets=True)
    async with engine, client_of(api := HttpApi(engine)) as web:
        started = await web.post("/contracts/Club/runs", json={"name": "a", "pin": "4711"})
        assert started.status_code == 201, started.text
        yield Door(api, web)
        await api.close()


ARGS = {"note": "welcome", "seats": 3}


def test_a_link_is_looked_at_without_an_effect_and_used_once(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            path = await it.link(args={"note": "welcome"})
            before = await it.history()
            for method in ("GET", "HEAD", "GET"):
                assert (await it.web.request(method, path)).status_code == 200
            shown = (await it.web.get(path)).json()
            assert shown["asks"] == ["seats"]
            assert (shown["run"], shown["event"], shown["actor"], shown["role"]) == (
                "Club/a",
                "admit",
                "ann",
                "host",
            )
            assert await it.history() == before
            used = await it.web.post(path, json={"seats": 3})
            assert (used.status_code, used.json()["reception"], used.json()["state"]) == (
                200,
                "taken",
                "Inside",
            )
            record = (await it.history())[1]
            assert (record["actor"], record["role"]) == ("ann", "host")
            for method in ("GET", "POST"):
                again = await it.web.request(
                    method, path, **({"json": {"seats": 3}} if method == "POST" else {})
                )
                assert (again.status_code, again.json()["code"]) == (410, "link_spent")

    run(test)


def test_a_link_needs_no_token(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            path = await it.link()
            made = await it.web.post("/tokens", json={"name": "root", "roles": ["opord:admin"]})
            assert made.status_code == 201
            it.api._who._known = None  # type: ignore[attr-defined]
            assert (await it.web.get("/runs")).status_code == 401
            assert (await it.web.get(path)).status_code == 200
            assert (await it.web.post(path, json=ARGS)).status_code == 200

    run(test)


@pytest.mark.parametrize("event", ["admit", "greet"])
def test_of_two_hundred_at_once_one_acts(club: Any, event: str) -> None:
    """`greet` leaves the run where it is, so nothing but the link itself stops the second one."""

    async def test() -> None:
        async with door(club) as it:
            path = await it.link(event=event, role=None if event == "greet" else "host")
            args = ARGS if event == "admit" else {"text": "hello"}
            answers = await asyncio.gather(
                *(it.web.post(path, json={**args, **({"text": f"hello {n % 3}"} if event == "greet" else {})})
                  for n in range(200))
            )  # fmt: skip
            codes = [one.json().get("code") for one in answers]
            assert codes.count(None) == 1, codes
            assert {*codes} - {None} <= {"link_spent", "link_outdated", "run_busy"}
            assert sum(one["kind"] in ("event", "ignored") for one in await it.history()) == 1

    run(test)


def test_a_server_that_dies_before_the_row_is_written_opens_no_second_act(
    club: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with door(club) as it:
            for event in ("greet", "admit"):
                path = await it.link(event=event, role="host" if event == "admit" else None)
                args = ARGS if event == "admit" else {"text": "hello"}

                async def dies(*_: Any) -> None:
                    raise RuntimeError("the server dies here")

                monkeypatch.setattr(approving, "mark_spent", dies)
                assert (await it.web.post(path, json=args)).status_code == 500
                before = len(await it.history())
                monkeypatch.setattr(approving, "mark_spent", mark_spent)
                for _ in range(3):
                    again = await it.web.post(path, json=args)
                    assert again.json()["code"] in ("link_spent", "link_outdated")
                assert len(await it.history()) == before

    run(test)


def test_a_link_is_for_one_stay_in_a_state(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            first, second = await it.link(), await it.link()
            assert (await it.web.post(first, json=ARGS)).status_code == 200
            away = await it.web.get(second)
            assert (away.status_code, away.json()["code"], away.json()["state"]) == (
                409,
                "link_outdated",
                "Inside",
            )
            back = await it.web.post("/runs/Club/a/events/greet", json={"text": "back"})
            assert back.json()["state"] == "Asked"
            late = await it.web.post(second, json=ARGS)
            assert (late.status_code, late.json()["code"]) == (409, "link_outdated")

    run(test)


def test_what_is_refused_does_not_use_the_link(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            path = await it.link(args={"note": "welcome"})
            for body in (
                {"seats": "x"},
                {"seats": 3, "note": "mine"},
                {"seats": 3, "actor": "eve"},
                [],
                {},
                7,
            ):
                refused = await it.web.post(path, json=body)
                assert refused.status_code in (400, 422), body
            assert (await it.web.post(path, json={"seats": 3.0})).status_code == 200

    run(test)


def test_a_link_expires(club: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with door(club) as it:
            path = await it.link(expires="20ms")
            await asyncio.sleep(0.03)
            for method in ("GET", "POST"):
                late = await it.web.request(method, path)
                assert (late.status_code, late.json()["code"]) == (410, "link_expired")

    run(test)


def test_what_is_no_link_opens_nothing(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            path = await it.link()
            text = path.removeprefix("/links/")
            given = read(LINK_PREFIX, text)
            forged = [
                text[:-1], text + "0", text.swapcase(), "x", "opordlink_", "%00", "opordlink_" + "0" * 61,
                write(LINK_PREFIX, Credential(given.id, new_secret())),
                write(LINK_PREFIX, Credential(given.id, bytes(32))),
                write(LINK_PREFIX, Credential(new_id(), given.secret)),
                write("opord_", given),
            ]  # fmt: skip
            for one in forged:
                for method in ("GET", "POST"):
                    answer = await it.web.request(method, f"/links/{one}")
                    assert answer.status_code in (400, 404), one
                    assert answer.json()["code"] in ("link_unknown", "path_invalid")
            assert (await it.web.get(path)).status_code == 200

    run(test)


CHANGES = {
    "run": "'Club/b'", "event": "'cancel'", "actor": "'eve'", "role": "'chair'", "args": "'{\"seats\":9}'", "state": "'Inside'",
    "entered": "entered + 1", "expires_at": "expires_at + 1",
}  # fmt: skip


@pytest.mark.parametrize("column", CHANGES)
def test_a_row_that_was_changed_opens_nothing(club: Any, column: str) -> None:
    async def test() -> None:
        async with door(club) as it:
            path = await it.link()
            await it.api.state.execute(f"UPDATE opord.server_links SET {column} = {CHANGES[column]}")
            answer = await it.web.post(path, json=ARGS)
            assert (answer.status_code, answer.json()["code"]) == (404, "link_unknown")

    run(test)


def test_keys_are_rotated_and_dropped(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            old = await it.link()
            await rotate_keys(it.api.state, drop=False)
            new = await it.link()
            assert [(await it.web.get(one)).status_code for one in (old, new)] == [200, 200]
            await rotate_keys(it.api.state, drop=True)
            assert [(await it.web.get(one)).status_code for one in (old, new)] == [404, 404]
            assert (await it.web.get(await it.link())).status_code == 200

    run(test)


def test_what_the_store_holds_opens_no_link(club: Any, tmp_path: Path) -> None:
    async def test() -> None:
        async with door(club, f"sqlite:///{tmp_path}/x.db") as it:
            text = (await it.link()).removeprefix("/links/")
        held = contents(tmp_path)
        assert text.encode() not in held
        assert read(LINK_PREFIX, text).secret not in held

    run(test)


def contents(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.iterdir())


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"run": "Club/none"}, "run_unknown"),
        ({"run": "Nothing/a"}, "run_unknown"),
        ({"event": "nothing"}, "event_refused"),
        ({"role": "guest"}, "role_required"),
        ({"role": None}, "role_required"),
        ({"actor": ""}, "input_invalid"),
        ({"actor": "an\u202en"}, "input_invalid"),
        ({"actor": 7}, "input_invalid"),
        ({"args": [1]}, "input_invalid"),
        ({"args": {"nothing": 1}}, "input_invalid"),
        ({"expires": "91d"}, "input_invalid"),
        ({"expires": "-1s"}, "input_invalid"),
        ({"event": "tell", "role": None, "args": {"pin": "4711"}}, "input_invalid"),
        ({"event": "show", "role": None, "args": {"card": {"pin": "4711", "text": "x"}}}, "input_invalid"),
        ({"made_by": "ann"}, "body_invalid"),
        ({"state": "Inside"}, "body_invalid"),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(club: Any, members: dict[str, Any], code: str) -> None:
    async def test() -> None:
        async with door(club) as it:
            answer = await it.web.post("/links", json={**MADE, **members})
            assert answer.json()["code"] == code, answer.text
            assert "4711" not in answer.text

    run(test)


def test_a_link_may_no_more_than_its_maker(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            made = {}
            for name, roles, contracts in (
                ("small", ["opord:admin"], None), ("host", ["opord:admin", "host"], None),
                ("away", ["opord:admin", "host"], ["Other"]), ("clerk", ["host"], None),
            ):  # fmt: skip
                body = {"name": name, "roles": roles, "contracts": contracts}
                made[name] = body
            root = (
                await it.web.post("/tokens", json={"name": "root", "roles": ["opord:admin", "*"]})
            ).json()["token"]
            it.api._who._known = None  # type: ignore[attr-defined]
            it.web.headers["authorization"] = f"Bearer {root}"
            texts = {
                name: (await it.web.post("/tokens", json=body)).json()["token"] for name, body in made.items()
            }
            it.api._who._known = None  # type: ignore[attr-defined]
            for name, status, code in (
                ("small", 403, "grant_refused"), ("away", 404, "run_unknown"), ("clerk", 403, "role_required"), ("host", 201, None),
            ):  # fmt: skip
                it.web.headers["authorization"] = f"Bearer {texts[name]}"
                answer = await it.web.post("/links", json=MADE)
                assert (answer.status_code, answer.json().get("code")) == (status, code), name

    run(test)


def test_a_link_does_not_outlive_the_token_of_its_maker(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            body = {"name": "root", "roles": ["opord:admin", "*"], "expires": "1d"}
            root = (await it.web.post("/tokens", json=body)).json()["token"]
            it.api._who._known = None  # type: ignore[attr-defined]
            it.web.headers["authorization"] = f"Bearer {root}"
            refused = await it.web.post("/links", json={**MADE, "expires": "2d"})
            assert (refused.status_code, refused.json()["code"]) == (403, "grant_refused")
            assert (await it.web.post("/links", json={**MADE, "expires": "1h"})).status_code == 201

    run(test)


OWN = """
contract Claim(id: str, employee: str) key id
role boss
event approve(note: str) by boss except employee
initial state Asked -> Paid { on approve(note) -> goto Paid }
final state Paid success
"""


def test_nobody_approves_their_own_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "claim.opord").write_text(OWN)
    claim = opord.load(tmp_path / "claim.opord").Claim

    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [claim]) as engine, client_of(HttpApi(engine)) as web:
            await web.post("/contracts/Claim/runs", json={"id": "c1", "employee": "ann"})
            for actor, status in (("ann", 403), ("bob", 200)):
                body = {"run": "Claim/c1", "event": "approve", "actor": actor}
                made = await web.post("/links", json=body)
                path = made.json()["link"].removeprefix("/api/v1")
                for _ in range(2 if status == 403 else 1):
                    used = await web.post(path, json={"note": "ok"})
                    assert used.status_code == status, used.text
                    assert status == 200 or used.json()["code"] == "sender_excluded"

    run(test)


def test_the_trail_says_who_used_a_link(club: Any) -> None:
    async def test() -> None:
        async with door(club) as it:
            path = await it.link()
            id = read(LINK_PREFIX, path.removeprefix("/links/")).id
            await it.web.post(path, json=ARGS)
            await asyncio.sleep(0.05)
            acts = (await it.web.get("/audit?who=ann")).json()["acts"]
            assert [(one["act"], one["token"], one["run"], one["status"]) for one in acts] == [
                ("send admit", f"link {id}", "Club/a", 200)
            ]

    run(test)


def test_old_links_are_forgotten(club: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "KEPT_US", 0)

    async def test() -> None:
        async with door(club) as it:
            path = await it.link(expires="1ms")
            await asyncio.sleep(0.01)
            await it.link()
            assert (await it.web.get(path)).json()["code"] == "link_unknown"

    run(test)
