"""Who may do what: every route, for every kind of principal, on its own and on foreign runs.

The table of routes makes the tests. A route without a sample request turns them red.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, assert_never, get_args

import httpx
import pytest

import opord
from opord.server import HttpApi, Principal
from opord.server.access import Access
from opord.server.api import ROUTES
from opord.server.routing import Route
from tests.server.kit import client_of, load_refund, run

OTHER = """
contract Payroll(month: str) key month
event pay(cents: int)
initial state Open -> Done {
  on pay(cents) -> goto Done
  on cancel(reason) -> goto Done
}
final state Done success
"""


class Sample(NamedTuple):
    """A request for a route, on the run `{run}` of the contract `{contract}`."""

    path: str
    body: Any = None


RUN = "/runs/{contract}/{key}"
SAMPLES: Mapping[tuple[str, str], Sample] = {
    ("POST", "/contracts/{contract}/runs"): Sample(
        "/contracts/{contract}/runs", {"order": "new", "cents": 5}
    ),
    ("POST", f"{RUN}/events/{{event}}"): Sample(f"{RUN}/events/approve", {"note": "ok"}),
    ("POST", f"{RUN}/cancel"): Sample(f"{RUN}/cancel", {}),
    ("POST", f"{RUN}/resume"): Sample(f"{RUN}/resume", {}),
    ("POST", f"{RUN}/resolve"): Sample(f"{RUN}/resolve", {"happened": False}),
    ("POST", f"{RUN}/acknowledge"): Sample(f"{RUN}/acknowledge", {}),
    ("POST", f"{RUN}/drop-event"): Sample(f"{RUN}/drop-event", {"event_id": "e"}),
    ("POST", f"{RUN}/terminate"): Sample(f"{RUN}/terminate", {}),
    ("GET", RUN): Sample(RUN),
    ("GET", f"{RUN}/history"): Sample(f"{RUN}/history"),
    ("GET", f"{RUN}/changes"): Sample(f"{RUN}/changes"),
    ("POST", "/runs/bulk"): Sample(
        "/runs/bulk", {"verb": "resume", "filter": {"status": "stalled"}, "reason": "x"}
    ),
    ("GET", "/runs/bulk/{id}"): Sample("/runs/bulk/none"),
    ("POST", "/runs/bulk/{id}/confirm"): Sample("/runs/bulk/none/confirm", {}),
    ("POST", "/runs/bulk/{id}/stop"): Sample("/runs/bulk/none/stop", {}),
    ("GET", "/runs"): Sample("/runs"),
    ("GET", "/runs/changes"): Sample("/runs/changes"),
    ("GET", "/contracts"): Sample("/contracts"),
    ("GET", "/contracts/{contract}"): Sample("/contracts/{contract}"),
    ("GET", "/contracts/{contract}/versions"): Sample("/contracts/{contract}/versions"),
    ("GET", "/contracts/{contract}/diagram"): Sample("/contracts/{contract}/diagram?format=mermaid"),
    ("GET", "/contracts/{contract}/text"): Sample("/contracts/{contract}/text"),
    ("GET", "/contracts/{contract}/openapi.json"): Sample("/contracts/{contract}/openapi.json"),
    ("GET", "/tokens"): Sample("/tokens"),
    ("POST", "/tokens"): Sample("/tokens", {"name": "new"}),
    ("DELETE", "/tokens/{id}"): Sample("/tokens/none"),
    ("POST", "/links"): Sample("/links", {"run": "{contract}/{key}", "event": "remark", "actor": "bob"}),
    ("GET", "/links/{link}"): Sample("/links/opordlink_none"),
    ("POST", "/links/{link}"): Sample("/links/opordlink_none", {}),
    ("GET", "/audit"): Sample("/audit"),
}
USUAL_REFUSALS = {"bulk_unknown", "event_id_unknown", "token_unknown", "link_unknown"}
"""What a sample request is answered with that may ask for what does not exist."""

NO_MORE_THAN_OWN = {"grant_refused", "whole_store"}
"""What a principal is refused that is limited to contracts, whatever its role."""

OWN_MEMBERS = {
    ("POST", "/tokens"): ("contracts",),
    ("POST", "/links"): ("actor", "role"),
}

ROLES = ["", "guest", "clerk", "boss guest", "*", "opord:operator", "opord:admin", "operator admin"]
SCOPES: list[tuple[str, ...] | None] = [None, ("Refund",), ("Payroll",), ("Payroll", "Refund"), ()]


def of(route: Route) -> tuple[str, str]:
    return route.method, route.path.removeprefix("/api/v1")


def request_of(route: Route, contract: str, key: str) -> tuple[str, str, Any]:
    """Return the sample request of a route for a run."""
    sample = SAMPLES[of(route)]
    body = sample.body
    if isinstance(body, dict):
        body = {
            name: value.format(contract=contract, key=key) if isinstance(value, str) else value
            for name, value in body.items()
        }
    return route.method, sample.path.format(contract=contract, key=key), body


def may(access: Access, roles: list[str]) -> bool:
    """Say, without asking the code under test, whether roles are enough for a refund."""
    match access:
        case "signed" | "look" | "start":
            return True
        case "send":
            return bool({"clerk", "boss", "*"} & {*roles})
        case "cancel" | "operate":
            return bool({"opord:operator", "opord:admin"} & {*roles})
        case "administer":
            return "opord:admin" in roles
        case _:
            assert_never(access)


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("who")
    (folder / "payroll.opord").write_text(OTHER)
    return [load_refund(folder), opord.load(folder / "payroll.opord").Payroll]


class Place(NamedTuple):
    """A server with runs, which a test asks as whom it likes."""

    engine: opord.Engine
    web: httpx.AsyncClient
    asking: list[Principal | None]

    async def ask(self, who: Principal | None, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask as somebody; return the status and the body, of a stream its status alone."""
        self.asking[:] = [who]
        kwargs = {"json": body} if body is not None else {}
        if path.endswith("/changes"):
            method = "HEAD"
        answer = await self.web.request(method, path, **kwargs)
        kind = answer.headers.get("content-type", "")
        return answer.status_code, answer.json() if "json" in kind and answer.content else answer.text

    async def fresh(self, key: str) -> None:
        """Start a refund and a payroll of this key."""
        self.asking[:] = [Principal("maker", None)]
        for name, body in (("Refund", {"order": key, "cents": 5}), ("Payroll", {"month": key})):
            assert (await self.web.post(f"/contracts/{name}/runs", json=body)).status_code == 201


@asynccontextmanager
async def place(flows: list[Any]) -> Any:
    asking: list[Principal | None] = [None]

    async def who(scope: Mapping[str, Any]) -> Principal | None:
        return asking[0]

    async with opord.Engine("sqlite://:memory:", flows) as engine, client_of(HttpApi(engine, who=who)) as web:
        yield Place(engine, web, asking)


def principals() -> Iterator[tuple[Principal, list[str]]]:
    for roles in ROLES:
        for scope in SCOPES:
            yield Principal("ann", roles.split(), scope), roles.split()


def test_every_route_has_a_sample() -> None:
    assert {of(one) for one in ROUTES} == set(SAMPLES), "say in SAMPLES how the new route is asked"
    assert {one.access for one in ROUTES} <= set(get_args(Access))


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: " ".join(of(one)))
def test_every_role_on_every_route(flows: list[Any], route: Route) -> None:
    sample = SAMPLES[of(route)]
    names_a_run = "{contract}" in f"{sample.path}{sample.body}"

    async def test() -> None:
        async with place(flows) as at:
            for number, (who, roles) in enumerate(principals()):
                key = f"k{number}"
                await at.fresh(key)
                status, body = await at.ask(who, *request_of(route, "Refund", key))
                if names_a_run and not who.sees("Refund"):
                    assert status in (403, 404), (who, body)
                    # A run that does not exist is answered in the same way.
                    other, said = await at.ask(who, *request_of(route, "Nothing", key))
                    assert status == other, (who, body, said)
                    if isinstance(body, dict):
                        assert str(body).replace("Refund", "Nothing") == str(said), who
                elif not may(route.access, roles):
                    assert (status, body["code"]) == (403, "role_required"), (who, body)
                elif status in (403, 404):
                    limited = NO_MORE_THAN_OWN if who.contracts is not None else set()
                    assert body["code"] in USUAL_REFUSALS | limited, (who, body)
                else:
                    assert status != 401, (who, body)

    run(test)


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: " ".join(of(one)))
def test_nobody_gets_nothing(flows: list[Any], route: Route) -> None:
    async def test() -> None:
        async with place(flows) as at:
            await at.fresh("k")
            status, body = await at.ask(None, *request_of(route, "Refund", "k"))
            assert route.access == "signed" or status == 401, body

    run(test)


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: " ".join(of(one)))
def test_no_answer_names_what_the_sender_does_not_see(flows: list[Any], route: Route) -> None:
    """Ask for one contract, and look for the other one and its runs in all that comes back."""

    async def test() -> None:
        async with place(flows) as at:
            await at.fresh("secret-key")
            for roles in ("", "clerk", "opord:admin"):
                who = Principal("ann", roles.split(), ["Refund"])
                for contract in ("Refund", "Refnd", "Payrol", "payroll"):
                    for key in ("no-such-run", "secret-key", "SECRET-KEY"):
                        _, body = await at.ask(who, *request_of(route, contract, key))
                        assert "Payroll" not in str(body)

    run(test)


def test_a_listing_has_the_own_runs_alone_page_by_page(flows: list[Any]) -> None:
    async def test() -> None:
        async with place(flows) as at:
            for number in range(25):
                await at.fresh(f"k{number}")
            everyone, one, both, none = (
                Principal("ann", (), scope) for scope in (None, ["Refund"], ["Refund", "Payroll"], [])
            )
            for who, runs in ((everyone, 50), (one, 25), (both, 50), (none, 0)):
                for query in ("", "&status=waiting", "&data.month=k7", "&contract=Payroll"):
                    told: list[str] = []
                    after = ""
                    for _ in range(60):
                        status, page = await at.ask(who, "GET", f"/runs?limit=7{query}{after}")
                        if status == 400:  # as of a contract that does not exist
                            assert page["code"] == "name_unknown"
                            assert not who.sees("Payroll")
                            break
                        told += [view["run"] for view in page["runs"]]
                        if page["after"] is None:
                            break
                        assert len(page["runs"]) == 7 or "data" in query
                        after = f"&after={page['after']}"
                    assert len(told) == len({*told})
                    wanted = {
                        "": runs, "&status=waiting": runs, "&data.month=k7": int(who.sees("Payroll")),
                        "&contract=Payroll": 25 * who.sees("Payroll"),
                    }[query]  # fmt: skip
                    assert len(told) == wanted, (who, query, told)
                    assert all(who.sees(name.partition("/")[0]) for name in told)

    run(test)


@pytest.mark.parametrize("after", ["Payroll/k1", "Refund/k1", "e30", "eyJQYXlyb2xsIjoiIn0=", "x", "[]", "é"])
def test_the_place_of_a_page_is_no_way_to_foreign_runs(flows: list[Any], after: str) -> None:
    async def test() -> None:
        async with place(flows) as at:
            await at.fresh("k1")
            who = Principal("ann", (), ["Refund"])
            status, body = await at.ask(who, "GET", f"/runs?after={after}")
            assert (status, body.get("code")) == (400, "query_invalid") or body["runs"] == []

    run(test)


@pytest.mark.parametrize("scope", [None, ["Refund"]])
@pytest.mark.parametrize("roles", ROLES)
@pytest.mark.parametrize("verb", ["cancel", "events/cancel"])
def test_both_ways_to_cancel_want_the_same_role(
    flows: list[Any], verb: str, roles: str, scope: list[str] | None
) -> None:
    async def test() -> None:
        async with place(flows) as at:
            await at.fresh("k")
            who = Principal("ann", roles.split(), scope)
            status, body = await at.ask(who, "POST", f"/runs/Refund/k/{verb}", {"reason": "no more"})
            assert (status == 200) == may("cancel", roles.split()), body

    run(test)


def test_a_cancel_of_the_contract_wants_the_roles_of_the_contract(tmp_path: Path) -> None:
    text = OTHER.replace("event pay", "role clerk\nevent cancel(reason: str) by clerk\nevent pay")
    (tmp_path / "payroll.opord").write_text(text)
    flow = opord.load(tmp_path / "payroll.opord").Payroll

    async def test() -> None:
        for verb in ("cancel", "events/cancel"):
            for roles, wanted in (("opord:admin", 403), ("clerk", 200)):
                async with place([flow]) as at:
                    at.asking[:] = [Principal("maker", None)]
                    await at.web.post("/contracts/Payroll/runs", json={"month": "k"})
                    who = Principal("ann", roles.split())
                    status, body = await at.ask(who, "POST", f"/runs/Payroll/k/{verb}", {"reason": "x"})
                    assert status == wanted, body

    run(test)


@pytest.mark.parametrize("member", ["status", "seq", "actor", "role", "state", "epoch", "as", "contracts"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda one: " ".join(of(one)))
def test_no_body_sets_what_is_not_the_senders_to_say(flows: list[Any], route: Route, member: str) -> None:
    sample = SAMPLES[of(route)]
    if not isinstance(sample.body, dict) or member in OWN_MEMBERS.get(of(route), ()) or "link}" in route.path:
        return

    async def test() -> None:
        async with place(flows) as at:
            await at.fresh("k")
            method, path, body = request_of(route, "Refund", "k")
            status, problem = await at.ask(Principal("ann", None), method, path, {**body, member: "clerk"})
            assert status in (400, 422), problem
            assert member in str(problem)

    run(test)


def test_the_stream_of_all_runs_tells_the_own_ones(flows: list[Any]) -> None:
    async def test() -> None:
        async with place(flows) as at:
            await at.fresh("k1")
            now = await at.engine.backend.now()
            at.asking[:] = [Principal("ann", (), ["Refund"])]
            app = HttpApi(at.engine, who=lambda _: _now(Principal("ann", (), ["Refund"])))
            told: list[bytes] = []
            sent = 0

            async def receive() -> dict[str, Any]:
                nonlocal sent
                sent += 1
                if sent > 1:
                    while not any(b"changed" in one for one in told):
                        await _now(None)
                    return {"type": "http.disconnect"}
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send(message: Any) -> None:
                told.append(message.get("body", b""))

            scope = {
                "type": "http", "method": "GET", "path": "/api/v1/runs/changes", "query_string": b"",
                "headers": [(b"host", b"x"), (b"last-event-id", str(now - 1_000_000).encode())],
            }  # fmt: skip
            await app(scope, receive, send)
            text = b"".join(told)
            assert b"Refund/k1" in text
            assert b"Payroll" not in text

    run(test)


async def _now(what: Any) -> Any:
    import asyncio

    await asyncio.sleep(0)
    return what
