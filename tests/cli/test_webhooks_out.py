"""Webhooks out on the command line: the settings, `opord webhooks`, and what the doctor says."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import opord
from opord.backends.endpoints import EndpointInvalid, read_endpoints
from opord.cli.errors import CliError
from opord.kernel.outgoing import Subscription, Tried
from opord.server import serving
from opord.server.outgoing.sender import Sender
from opord.server.outgoing.signing import key_of, new_secret, signed
from opord.server.outgoing.target import target_of
from opord.stores.sqlite import SqliteStore
from opord.values.types import Duration
from tests.cli.kit import Shop, stop

GOOD = {"url": "https://billing.example/opord?key=hidden", "secrets": ["env:S"]}


def refusal(table: Any) -> str:
    with pytest.raises(EndpointInvalid) as refused:
        read_endpoints(table)
    return str(refused.value)


def test_an_endpoint_is_told_everything_unless_it_says_what() -> None:
    one, two = read_endpoints(
        {
            "b": GOOD,
            "a": {**GOOD, "contracts": ["Refund", "Order"], "on": ["ended"], "format": "cloudevents"},
        }
    )
    assert one.subscription == Subscription("a", ("Order", "Refund"), moves=False, ends=True, needs=False)
    assert (one.format, two.format, two.allow_private) == ("cloudevents", "standard", False)
    assert two.subscription == Subscription("b")
    assert two.place == "https://billing.example"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (5, "expected a table for each endpoint, as in [webhooks_out.billing]"),
        ({"b": 5}, "expected a table, as in [webhooks_out.b], got: 5"),
        ({"a b": GOOD}, "`webhooks_out.a b`: a name has letters, digits, - and _, and at most 60 of them"),
        ({"b": {**GOOD, "secret": "x"}}, "`webhooks_out.b` sets `secret`, which is not known; did you mean `secrets`?"),
        ({"b": {**GOOD, "contracts": "Order"}}, "expected a list of texts for `contracts`, got: 'Order'"),
        ({"b": {**GOOD, "contracts": ["Or der"]}}, "'Or der' in `contracts` is no name of a contract"),
        ({"b": {**GOOD, "on": ["end"]}}, "'end' in `on` is not known; there are transition, ended, needs"),
        ({"b": {**GOOD, "on": []}}, "`on` is empty, so nothing would be told"),
        ({"b": {**GOOD, "format": "xml"}}, "expected standard or cloudevents for `format`, got: 'xml'"),
        ({"b": {**GOOD, "allow_private": "no"}}, "expected true or false for `allow_private`, got: 'no'"),
        ({"b": {"secrets": ["env:S"]}}, "has no `url`"),
        ({"b": {**GOOD, "url": "billing.example"}}, "expected https://host/path"),
        ({"b": {**GOOD, "url": "ftp://billing.example"}}, "expected https://host/path"),
        ({"b": {**GOOD, "url": "https://a.example:port/"}}, "`url` cannot be read"),
        ({"b": {**GOOD, "url": "https://hidden:hidden@a.example/"}}, "`url` has a user or a fragment"),
        ({"b": {**GOOD, "url": "https://a.example/#hidden"}}, "`url` has a user or a fragment"),
        ({"b": {**GOOD, "url": "https://a.example/ü"}}, "others than ASCII"),
        ({"b": {**GOOD, "url": "https://a.example/\r\nx: hidden"}}, "others than ASCII"),
        ({"b": {**GOOD, "url": "http://a.example/hidden"}}, "`url` is without TLS"),
        ({"b": {"url": GOOD["url"]}}, "expected where the secrets are for `secrets`"),
        ({"b": {**GOOD, "secrets": ["whsec_hidden"]}}, "expected where the secrets are for `secrets`"),
        ({f"b{n}": GOOD for n in range(51)}, "there are 51 endpoints; at most 50 can be told"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_and_shows_nothing_secret(table: Any, why: str) -> None:
    said = refusal(table)
    assert why in said
    assert "hidden" not in said


def test_a_contract_that_nobody_knows_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "order.opord").write_text(
        "contract Order(id: str) key id\ninitial state A -> B { goto B }\nfinal state B success\n"
    )
    order = opord.load(tmp_path / "order.opord").Order

    async def opened(*contracts: str) -> list[str]:
        caplog.clear()
        table = {"b": {**GOOD, "contracts": list(contracts)}}
        async with opord.Engine("sqlite://:memory:", [order], webhooks_out=table):
            return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]

    assert asyncio.run(opened("Order")) == []
    assert asyncio.run(opened("Ordr", "Zebra")) == [
        "webhooks to b: there is no contract Ordr yet; did you mean Order? Its runs are not told",
        "webhooks to b: there is no contract Zebra yet; its runs are told once there is",
    ]


def test_secrets_are_read_from_the_environment_and_from_files(tmp_path: Path) -> None:
    one, two, three = (new_secret() for _ in range(3))
    (tmp_path / "s").write_text(f"{three}\n")
    (settings,) = read_endpoints({"b": {**GOOD, "secrets": ["env:S", f"file:{tmp_path}/s"]}})
    assert target_of(settings, {"S": f"{one} {two}"}).keys == tuple(map(key_of, (one, two, three)))


@pytest.mark.parametrize(
    ("secrets", "why"),
    [
        (["env:NONE"], "the environment variable NONE is not set; it has the secret (`env:NONE`)"),
        (
            ["env:BAD"],
            "the secret in `env:BAD` cannot be used: a secret of Standard Webhooks begins with whsec_",
        ),
        (["file:/none/s"], "the secret in `file:/none/s` cannot be read: No such file or directory"),
        (["env:"], "a secret is named, as in `env:STRIPE_SECRET`"),
    ],
)
def test_a_secret_that_is_missing_or_wrong_is_refused(secrets: list[str], why: str) -> None:
    (settings,) = read_endpoints({"b": {**GOOD, "secrets": secrets}})
    with pytest.raises(EndpointInvalid) as refused:
        target_of(settings, {"BAD": "hidden", "": new_secret()})
    assert why in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_file_of_secrets_that_is_too_long_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("\n".join(new_secret() for _ in range(100)))
    (settings,) = read_endpoints({"b": {**GOOD, "secrets": [f"file:{tmp_path}/s"]}})
    with pytest.raises(EndpointInvalid, match=r"has more than 4,096 bytes"):
        target_of(settings, {})
    (tmp_path / "s").write_text(" \n")
    with pytest.raises(EndpointInvalid, match=r"is empty"):
        target_of(settings, {})


# --- the commands --------------------------------------------------------------------------------


def settings(shop: Shop, url: str = "https://billing.example/opord", more: str = "") -> None:
    (shop.folder / "opord.toml").write_text(
        f'[webhooks_out.billing]\nurl = "{url}"\nsecrets = ["env:BILLING"]\nallow_private = true\n{more}'
    )


class _Receives(BaseHTTPRequestHandler):
    status = 204
    got: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def receiving(status: int = 204) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Run a receiver; yield its address, and what it got."""
    handler = type("Receives", (_Receives,), {"status": status, "got": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", handler.got
        server.shutdown()
        thread.join()


def test_a_worker_writes_and_a_sender_sends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = shop.opord("webhooks", "secret").out.strip()
    monkeypatch.setenv("BILLING", secret)
    with receiving() as (url, got):
        settings(shop, url)
        assert shop.process("webhooks", "test", "billing").out == f"{url.removesuffix('/hook')}: HTTP 204\n"
        headers, body = got.pop()
        sent_at = int(headers["webhook-timestamp"])
        assert (
            headers["webhook-signature"]
            == signed([key_of(secret)], headers["webhook-id"], sent_at, body)["webhook-signature"]
        )
        schema = json.loads(shop.opord("webhooks", "schema").out)
        jsonschema.validate(json.loads(body), schema)

        shop.start("a")  # before there is an endpoint
        assert shop.work().status == 0
        shop.start("b")
        said = shop.opord("webhooks", "list", "--json").json
        assert (said[0]["endpoint"], said[0]["on"], said[0]["sender"]) == (
            "billing", ["transition", "ended", "needs"], None,
        )  # fmt: skip
        assert said[0]["waiting"] >= 2
        assert "nobody sends" in shop.opord("webhooks", "list").out
        assert "nobody sends webhooks to billing" in shop.opord("doctor").out

        sender = shop.begin("webhooks", "send")
        assert shop.work().status == 0
        for _ in range(600):
            if shop.opord("webhooks", "list", "--json").json[0]["waiting"] == 0:
                break
            threading.Event().wait(0.05)
        ended = stop(sender)
        assert ended.status == 0, ended.err
        assert "sending webhooks of" in ended.err
        assert secret not in ended.err
        messages = [json.loads(body) for _, body in got]
        told = [(one["data"]["run"], one["type"]) for one in messages]
        assert ("Desk/b", "run.ended") in told
        assert "4242-secret" not in str(got)
        for one in messages:
            jsonschema.validate(one, schema)


def test_a_failed_test_says_why(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING", new_secret())
    with receiving(500) as (url, _):
        settings(shop, url)
        said = shop.process("webhooks", "test", "billing")
        assert (said.status, said.err) == (
            1,
            f"error[webhook_failed]: {url.removesuffix('/hook')}: HTTP 500\n",
        )
        said = shop.process("webhooks", "test", "biling")
        assert (said.status, said.err) == (
            2, "error[endpoint_unknown]: the settings have no endpoint 'biling'; there are billing\n",
        )  # fmt: skip


def test_wrong_settings_stop_a_worker_and_a_sender(shop: Shop) -> None:
    settings(shop, more='on = ["end"]')
    why = "error[webhooks_out]: `webhooks_out.billing`: 'end' in `on` is not known; there are transition, ended, needs\n"
    assert (shop.work().status, shop.work().err) == (2, why)
    assert shop.process("webhooks", "send").err == why
    settings(shop)
    assert "the environment variable BILLING is not set" in shop.process("webhooks", "send").err
    (shop.folder / "opord.toml").write_text("")
    assert "the settings have no endpoint" in shop.process("webhooks", "send").err


def test_a_server_that_fails_lets_its_sender_end_before_the_store_is_closed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*args: Any, **how: Any) -> None:
        await asyncio.sleep(0.05)
        raise CliError("address", "the port is gone", 2)

    ended = []

    async def end(sender: Sender) -> None:
        ended.append((await sender._backend.read_outbox(lambda box: box.endpoints()))[0].name)

    monkeypatch.setenv("BILLING", new_secret())
    monkeypatch.setattr(serving, "serve", fails)
    monkeypatch.setattr(Sender, "_end", end)
    settings(shop)
    said = shop.opord("serve", "--port", "0")
    assert (said.status, ended) == (2, ["billing"]), said.err


@pytest.fixture
def given_up(shop: Shop) -> tuple[Shop, SqliteStore, int]:
    """Return a shop with an endpoint that has a message that was given up, and one that waits."""
    store = SqliteStore(shop.folder / "opord.db")
    store.outbox.subscribe([Subscription("billing")])
    shop.start("a", "b")
    (lease,) = store.outbox.lease("s", ["billing"], ttl_us=Duration(10**9))
    first = store.outbox.due(lease, limit=1)[0]
    store.outbox.sent(lease, [Tried(first, False, store.now(), None, "HTTP 500")])
    return shop, store, first.id


def test_messages_are_shown_retried_and_dropped(given_up: tuple[Shop, SqliteStore, int]) -> None:
    shop, _, id = given_up
    said = shop.opord("webhooks", "show", "billing")
    assert "given up:   1" in said.out
    assert [line.split()[:4] for line in said.out.splitlines()[-2:]] == [
        [str(id), "Desk/a", "1", "move"],
        [str(id + 1), "Desk/b", "1", "move"],
    ]
    data = shop.opord("webhooks", "show", "billing", "--json").json
    assert [(one["given_up"], one["trouble"]) for one in data["messages"]] == [
        (True, "HTTP 500"),
        (False, None),
    ]
    assert "1 message to the endpoint billing was given up" in shop.opord("doctor").out

    assert shop.opord("webhooks", "retry", "billing", str(id)).out == "1 message will be sent\n"
    assert shop.opord("webhooks", "retry", "billing", "--given-up").status == 1
    assert shop.opord("webhooks", "retry", "billing").status == 2
    assert (
        shop.opord("webhooks", "drop", "billing", str(id), str(id + 1), "999").out == "2 messages dropped\n"
    )
    unknown = shop.opord("webhooks", "show", "biling")
    assert unknown.err == "error[endpoint_unknown]: there is no endpoint 'biling'; did you mean 'billing'?\n"


def test_all_that_was_given_up_can_be_dropped(given_up: tuple[Shop, SqliteStore, int]) -> None:
    shop, _, _ = given_up
    assert shop.opord("webhooks", "drop", "billing", "--given-up").out == "1 message dropped\n"


def test_an_endpoint_is_resumed_and_forgotten(given_up: tuple[Shop, SqliteStore, int]) -> None:
    shop, store, _ = given_up
    (lease,) = store.outbox.lease("s", ["billing"], ttl_us=Duration(10**9))
    store.outbox.stop(lease, "HTTP 410")
    assert "stopped: HTTP 410" in shop.opord("webhooks", "list").out
    assert (
        "the endpoint billing wants no more webhooks (HTTP 410); 1 message of it waits"
        in shop.opord("doctor").out
    )
    assert shop.opord("webhooks", "resume", "billing").out == "messages to billing are sent again\n"
    assert "nobody sends" in shop.opord("webhooks", "list").out
    forgotten = shop.opord("webhooks", "forget", "billing")
    assert forgotten.out == "the endpoint billing is forgotten, with 2 messages that waited\n"
    assert "this store has no endpoints" in shop.opord("webhooks", "list").err
