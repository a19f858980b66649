"""Deliveries of webhooks over HTTP: what each does, and what its sender is told."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.server import HttpLimits
from opord.server.state.audit import Wanted
from tests.server import signing
from tests.server.hooks import ENVIRONMENT, PAID, PLACED, REMARKED, charge, hooked, load_order
from tests.server.kit import run

NOTE = """
contract Note(text: str)
event go()
initial state Waiting -> Gone { on go() -> goto Gone }
final state Gone success
"""

ROUTES = {"stripe": PAID, "shop": PLACED, "github": REMARKED}


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_order(tmp_path_factory.mktemp("order"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return


class TestWhatADeliveryDoes:
    def test_it_sends_an_event_as_the_route(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                said = await hooks.stripe(charge("o1"))
                assert (said.status_code, said.json()) == (
                    200,
                    {"delivery": "evt_1", "did": "taken", "run": "Order/o1"},
                )
                records = [json.loads(one.body) async for one in hooks.engine.backend.records("Order/o1")]  # type: ignore[arg-type]
                event = next(one for one in records if one["kind"] == "event")
                assert (event["actor"], event["delivery"]) == ("webhook:stripe", "stripe evt_1")
                assert event["args"] == {"charge": "ch_1", "cents": 900}

        run(test)

    def test_it_starts_a_run(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                said = await hooks.standard({"order": "o/1", "cents": 7.0}, extra={"x-note": "fast"})
                assert said.json() == {"delivery": "msg_1", "did": "started", "run": "Order/o/1"}
                row = await hooks.engine.backend.row("Order/o/1")  # type: ignore[arg-type]
                assert json.loads(row.input) == {"id": "o/1", "cents": 7, "note": "fast"}

        run(test)

    def test_a_key_that_is_a_number_names_a_run_too(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("17")
                comment = {"action": "edited", "issue": {"number": 17}, "comment": {"body": "nice"}}
                said = await hooks.github(comment, event="issue_comment")
                assert said.json() == {"delivery": "g-1", "did": "ignored", "run": "Order/17"}
                assert await hooks.records("17") == ["started", "ignored"]

        run(test)

    def test_what_no_route_is_for_is_accepted(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                for said in (
                    await hooks.stripe({**charge("o1"), "type": "charge.refunded"}),
                    await hooks.stripe({"id": "evt_2"}),
                    await hooks.github({"action": "created"}, event="push"),
                    await hooks.github({"action": "deleted"}, event="issue_comment"),
                ):
                    assert (said.status_code, said.json()["did"]) == (200, "ignored")

        run(test)

    def test_two_routes_share_a_path(self, order: Any) -> None:
        async def test() -> None:
            cancelled = PAID | {
                "when": {"body.type": "charge.failed"}, "event": "Order.cancel", "args": {"reason": "text:no money"},
            }  # fmt: skip
            async with hooked(order, ROUTES | {"failed": cancelled}) as hooks:
                await hooks.start("o1")
                await hooks.start("o2")
                assert (await hooks.stripe(charge("o1"))).json()["did"] == "taken"
                failed = await hooks.stripe({**charge("o2", "evt_2"), "type": "charge.failed"})
                assert failed.json()["did"] == "taken"
                assert (await hooks.state("o1"), await hooks.state("o2")) == ("Paid", "Cancelled")

        run(test)

    def test_an_object_is_put_together_and_a_role_is_declared(self, order: Any) -> None:
        async def test() -> None:
            checked = PAID | {
                "event": "Order.checked",
                "role": "cashier",
                "args": {
                    "charge": {"id": "body.data.object.id", "cents": "body.data.object.amount", "paid_at": "body.data.object.at"},
                    "tags": "body.data.object.tags",
                    "weight": 2.5,
                },
            }  # fmt: skip
            async with hooked(order, {"stripe": checked}) as hooks:
                await hooks.start("o1")
                await hooks.start("o2")
                said = await hooks.stripe(charge("o1", tags=["a"], at="2026-01-02T03:04:05Z"))
                assert said.json()["did"] == "taken", said.text
                assert (await hooks.stripe(charge("o2", "evt_2", tags=[]))).json()["did"] == "taken"
                assert await hooks.state("o1") == "Checked"

        run(test)


class TestOnce:
    def test_two_hundred_at_once_are_one_event(self, order: Any, tmp_path: Path) -> None:
        async def test() -> None:
            store = f"sqlite:///{tmp_path}/one.db"
            async with hooked(order, ROUTES, store=store) as one, hooked(order, ROUTES, store=store) as two:
                await one.start("o1")
                answers = await asyncio.gather(*(hooks.stripe(charge("o1")) for hooks in [one, two] * 100))
                assert {said.status_code for said in answers} == {200}
                did = [said.json()["did"] for said in answers]
                assert (did.count("taken"), did.count("repeated")) == (1, 199)
                assert await one.records("o1") == ["started", "event", "transition"]

        run(test)

    def test_two_hundred_at_once_are_one_start(self, order: Any, tmp_path: Path) -> None:
        async def test() -> None:
            store = f"sqlite:///{tmp_path}/one.db"
            async with hooked(order, ROUTES, store=store) as one, hooked(order, ROUTES, store=store) as two:
                answers = await asyncio.gather(
                    *(hooks.standard({"order": "o1", "cents": 5}) for hooks in [one, two] * 100)
                )
                assert {said.status_code for said in answers} == {200}
                assert sorted({said.json()["did"] for said in answers}) == ["repeated", "started"]
                assert await one.records("o1") == ["started"]

        run(test)

    def test_a_contract_without_a_key_is_started_once_by_a_delivery(self, tmp_path: Path) -> None:
        note = opord.load(write(tmp_path / "note.opord", NOTE)).Note
        routes = {"noted": PLACED | {"start": "Note", "args": {"text": "body.text"}}}

        async def test() -> None:
            async with hooked(note, routes) as hooks:
                answers = await asyncio.gather(*(hooks.standard({"text": "hello"}, "m1") for _ in range(20)))
                did = [said.json()["did"] for said in answers]
                assert (did.count("started"), did.count("repeated")) == (1, 19)
                assert len({said.json()["run"] for said in answers}) == 1
                other = await hooks.standard({"text": "hello"}, "m2")
                assert other.json()["did"] == "started"

        run(test)

    def test_a_delivery_is_known_in_every_later_state(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                await hooks.stripe(charge("o1"))
                assert (await hooks.stripe(charge("o1"))).json()["did"] == "repeated"
                await hooks.engine.backend.send("Order/o1", "remark", {"text": "-"})  # type: ignore[arg-type]
                assert await hooks.state("o1") == "Shipped"
                assert (await hooks.stripe(charge("o1"))).json()["did"] == "repeated"

        run(test)

    def test_a_value_of_a_header_may_differ_the_second_time(self, order: Any) -> None:
        async def test() -> None:
            noted = {"start": PLACED, "event": PLACED | {
                "path": "/hooks/remark", "event": "Order.remark", "run": "body.order",
                "args": {"text": "headers.x-note"}, "start": None,
            }}  # fmt: skip
            del noted["event"]["start"]
            async with hooked(order, noted) as hooks:
                for note, did in (("a", "started"), ("b", "repeated")):
                    said = await hooks.standard({"order": "o1", "cents": 5}, extra={"x-note": note})
                    assert said.json()["did"] == did
                for note, did in (("a", "ignored"), ("b", "repeated")):
                    said = await hooks.standard({"order": "o1"}, path="/hooks/remark", extra={"x-note": note})
                    assert said.json()["did"] == did

        run(test)

    def test_another_delivery_with_the_same_key_and_another_input_is_a_conflict(
        self, order: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.standard({"order": "o1", "cents": 5}, "m1")
                assert (await hooks.standard({"order": "o1", "cents": 5}, "m2")).json()["did"] == "repeated"
                said = await hooks.standard({"order": "o1", "cents": 777}, "m3")
                assert (said.status_code, said.json()["code"]) == (409, "start_conflict")

        run(test)
        assert (
            "delivery m3 is refused (start_conflict): Order/o1 was started with another input" in caplog.text
        )
        assert "777" not in caplog.text

    def test_an_event_key_with_other_content_is_a_conflict(self, order: Any) -> None:
        async def test() -> None:
            settled = PAID | {
                "event": "Order.settled", "args": {"ref": "body.data.object.id", "cents": "body.data.object.amount"},
            }  # fmt: skip
            async with hooked(order, {"stripe": settled}) as hooks:
                await hooks.start("o1")
                assert (await hooks.stripe(charge("o1", "e1", 5))).json()["did"] == "taken"
                assert (await hooks.stripe(charge("o1", "e2", 5))).json()["did"] == "repeated"
                assert (await hooks.stripe(charge("o1", "e3", 6))).json()["code"] == "event_conflict"

        run(test)


class TestWhatCannotBeUsedNow:
    def test_a_run_that_is_not_there_yet_is_waited_for_by_the_sender(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                said = await hooks.stripe(charge("soon"))
                assert (said.status_code, said.json()["code"]) == (404, "run_unknown")
                await hooks.start("soon")
                assert (await hooks.stripe(charge("soon"))).json()["did"] == "taken"

        run(test)

    def test_so_is_a_state_that_takes_the_event(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                await hooks.stripe(charge("o1", "e1"))
                said = await hooks.stripe(charge("o1", "e2"))
                assert (said.status_code, said.json()["code"]) == (409, "event_refused")

        run(test)

    def test_a_route_may_accept_both(self, order: Any) -> None:
        async def test() -> None:
            lenient = PAID | {"unknown": "accept", "unhandled": "accept"}
            async with hooked(order, {"stripe": lenient}) as hooks:
                said = await hooks.stripe(charge("nobody"))
                assert (said.status_code, said.json()["did"], said.json()["why"]) == (
                    200,
                    "ignored",
                    "run_unknown",
                )
                await hooks.start("o1")
                said = await hooks.stripe(charge("o1", cents=-5))
                assert (said.status_code, said.json()["why"]) == (200, "event_refused")
                assert await hooks.records("o1") == ["started"]

        run(test)

    def test_a_run_that_has_ended_takes_nothing_more_and_the_log_says_so(
        self, order: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                await hooks.engine.backend.cancel("Order/o1", actor="ann")  # type: ignore[arg-type]
                said = await hooks.stripe(charge("o1"))
                assert (said.status_code, said.json()["did"], said.json()["why"]) == (
                    200,
                    "ignored",
                    "run_ended",
                )

        run(test)
        assert "delivery evt_1 comes too late: Order/o1 has ended" in caplog.text


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("payload", "wanted"),
        [
            (charge("o1", cents="ten"), "cents"),
            (charge("o1", cents=None), "cents"),
            (charge("o1", cents=1.5), "cents"),
            (charge(["o1"]), "body.data.object.metadata.order is not a text"),
            (charge(True), "is not a text"),
            (charge(""), "is not a text"),
            ({"id": "e", "type": "charge.succeeded"}, "body.data.object.metadata.order is missing"),
        ],
    )
    def test_it_is_told_once_in_the_log_and_says_what_is_wanted(
        self, order: Any, caplog: pytest.LogCaptureFixture, payload: Any, wanted: str
    ) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                for _ in range(3):
                    said = await hooks.stripe(payload)
                    assert (said.status_code, said.json()["code"]) == (422, "input_invalid")
                    assert wanted in said.json()["detail"]
                assert await hooks.records("o1") == ["started"]

        run(test)
        told = [one for one in caplog.records if one.name == "opord.webhooks"]
        assert [one.levelno for one in told] == [logging.WARNING]
        assert payload["id"] in told[0].getMessage()
        assert "ten" not in told[0].getMessage()

    def test_a_start_that_the_contract_refuses(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                said = await hooks.standard({"order": "o1", "cents": -1})
                assert (said.status_code, said.json()["code"]) == (422, "start_refused")

        run(test)

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"null nonsense", b'{"id":"e","id":"f"}', b'{"id":"e","n":1e999}', b"\xff\xfe",
            b'{"id":"e","t":"\\u0000"}', b"[" * 5000, b"payload=%7B%7D", b'{"id":""}', b'{"id":7}', b"[]",
            b'{"id":"a\\nb"}', gzip.compress(b'{"id":"e"}' * 1000, mtime=0),
        ],
    )  # fmt: skip
    def test_a_signed_body_that_is_nonsense(self, order: Any, body: bytes) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                said = await hooks.stripe(body)
                assert (said.status_code, said.json()["code"]) == (400, "body_invalid")

        run(test)


class TestWhatIsWrittenDown:
    def test_each_delivery_is_an_act_with_its_address_and_its_outcome(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                for payload in (
                    charge("o1"),
                    charge("o1"),
                    charge("o2", "evt_2"),
                    {"id": "e", "type": "other"},
                ):
                    await hooks.stripe(payload)
                await hooks.standard({"order": "o3", "cents": 5})
                await hooks.stripe(b"nonsense")
                await hooks.stripe(charge("o1"), secret="wrong")
                audit = hooks.app._desk.audit
                await audit.close()
                acts = [
                    (one.actor, one.token, one.address, one.act, one.run, one.status, one.code)
                    for one in await audit.entries(Wanted(), 10)
                ]
                assert acts == [
                    ("webhook:shop", "delivery msg_1", "127.0.0.1", "starts Order", "Order/o3", 200, ""),
                    (
                        "webhook:stripe",
                        "delivery evt_2",
                        "127.0.0.1",
                        "sends Order.paid",
                        "Order/o2",
                        404,
                        "run_unknown",
                    ),
                    (
                        "webhook:stripe",
                        "delivery evt_1",
                        "127.0.0.1",
                        "sends Order.paid",
                        "Order/o1",
                        200,
                        "",
                    ),
                    (
                        "webhook:stripe",
                        "delivery evt_1",
                        "127.0.0.1",
                        "sends Order.paid",
                        "Order/o1",
                        200,
                        "",
                    ),
                ]

        run(test)

    def test_a_payload_writes_no_lines_of_its_own_into_the_log(
        self, order: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                said = await hooks.stripe(charge("x\n2026-01-01 ERROR \x1b[31mforged" + "y" * 5000))
                assert said.status_code == 404

        run(test)
        (told,) = [one.getMessage() for one in caplog.records if one.name == "opord.webhooks"]
        assert "run_unknown" in told
        assert told.isprintable()
        assert len(told) < 1200

    def test_a_body_that_is_nonsense_is_told_now_and_then(
        self, order: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                for _ in range(5):
                    await hooks.stripe(b'{"canary": "hunter2"')

        run(test)
        told = [one.getMessage() for one in caplog.records if one.name == "opord.webhooks"]
        assert len(told) == 1
        assert "hunter2" not in caplog.text


class TestWhoIsLetIn:
    def test_every_doubt_about_a_signature_has_the_same_answer(
        self, order: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        body = signing.as_body(charge("o1"))
        good = signing.stripe(body)
        attempts = [
            (body, {}),
            (body, {"stripe-signature": "nonsense"}),
            (body, signing.stripe(body, secret="another")),
            (body, signing.stripe(body, at=1_000_000)),
            (body, signing.stripe(body, at=99_999_999_999)),
            (body.replace(b" ", b""), good),
            (body + b" ", good),
            (b"", good),
        ]

        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                said = [await hooks.post("/hooks/stripe", *attempt) for attempt in attempts]
                assert {one.status_code for one in said} == {401}
                assert len({one.content for one in said}) == 1
                assert said[0].json()["code"] == "signature_invalid"
                assert await hooks.records("o1") == ["started"]

        run(test)
        told = [one.getMessage() for one in caplog.records if one.name == "opord.webhooks"]
        assert len(told) == 1, "whoever sends nonsense does not fill the log"
        assert signing.STRIPE not in caplog.text
        assert "ch_1" not in caplog.text
        assert "v1" not in caplog.text

    def test_a_replay_within_the_tolerance_is_done_once_and_later_refused(
        self, order: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                body = signing.as_body(charge("o1"))
                headers = signing.stripe(body)
                for did in ("taken", "repeated"):
                    assert (await hooks.post("/hooks/stripe", body, headers)).json()["did"] == did
                later = signing.stripe(body, at=1_000_000)
                assert (await hooks.post("/hooks/stripe", body, later)).status_code == 401

        run(test)

    def test_no_sign_in_is_asked_for_and_no_origin_matters_but_the_api_is_closed(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                await hooks.start("o1")
                body = signing.as_body(charge("o1"))
                headers = signing.stripe(body) | {"origin": "https://evil.example", "via": "1.1 proxy"}
                assert (await hooks.post("/hooks/stripe", body, headers)).status_code == 200
                assert (await hooks.web.get("/api/v1/runs")).status_code == 401
                assert (await hooks.post("/api/v1/runs", body, headers)).status_code == 401

        run(test)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
    def test_only_a_post_is_a_delivery(self, order: Any, method: str) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                said = await hooks.web.request(method, "/hooks/stripe")
                assert (said.status_code, said.headers["allow"]) == (405, "POST")

        run(test)

    @pytest.mark.parametrize(
        "path", ["/hooks", "/hooks/stripe/", "/hooks/stripe/x", "/hooks//stripe", "/HOOKS/stripe"]
    )
    def test_another_path_is_no_route(self, order: Any, path: str) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                assert (await hooks.stripe(charge("o1"), path=path)).status_code == 401  # of the API

        run(test)

    def test_a_secret_of_one_route_opens_no_other(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES) as hooks:
                assert (await hooks.stripe(charge("o1"), path="/hooks/shop")).status_code == 401
                assert (await hooks.standard({}, secret="whsec_AAAA")).status_code == 401

        run(test)

    def test_a_body_is_limited_before_its_signature_is_looked_at(self, order: Any) -> None:
        async def test() -> None:
            async with hooked(order, ROUTES, limits=HttpLimits(body_bytes=1000)) as hooks:
                body = b" " * 1001
                said = await hooks.post("/hooks/stripe", body, {})
                assert (said.status_code, said.json()["code"]) == (413, "body_too_large")

        run(test)

    def test_of_a_body_of_100_mb_only_a_little_is_read(self, order: Any) -> None:
        async def test() -> None:
            sent = 0

            async def body() -> AsyncIterator[bytes]:
                nonlocal sent
                for _ in range(1600):
                    sent += 65536
                    yield b" " * 65536

            async with hooked(order, ROUTES) as hooks:
                said = await hooks.web.post("/hooks/stripe", content=body(), headers=signing.stripe(b""))
                assert (said.status_code, said.json()["code"]) == (413, "body_too_large")
                assert sent < 4 * 1024 * 1024

        run(test)
