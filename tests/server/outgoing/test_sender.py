"""The sender: what is told, in which order, and what a receiver that fails does to the others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec

import jsonschema
import pytest

import opord
from opord.backends.endpoints import read_endpoints
from opord.kernel.instants import text
from opord.kernel.outgoing import Endpoint, OutgoingMessage
from opord.server.outgoing import content as contents
from opord.server.outgoing import sender as senders
from opord.server.outgoing.posting import Posted
from opord.server.outgoing.sender import Line, Sender
from opord.server.outgoing.signing import new_secret
from opord.server.outgoing.target import Target, target_of
from opord.values.types import Duration, RunId
from tests.server.kit import Bank

P = ParamSpec("P")

URL = "https://billing.example/opord"
ENVIRON = {"S": new_secret()}


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Post:
    """A post that takes what it gets, and answers as it is told to."""

    def __init__(self, answer: Callable[[dict[str, Any]], Posted]) -> None:
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.at_once = self.most = 0

    async def post(self, headers: dict[str, str], body: bytes) -> Posted:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.headers.append(headers)
        self.ids.append(headers["webhook-id"])
        self.bodies.append(told := json.loads(body))
        await asyncio.sleep(0.002)
        self.at_once -= 1
        return self.answer(told["data"])

    async def close(self) -> None: ...

    def told(self) -> list[tuple[str, str, int]]:
        """Return what came: type, run and seq."""
        return [(one["type"], one["data"]["run"], one["data"]["seq"]) for one in self.bodies]


def received(data: dict[str, Any]) -> Posted:
    """Receive everything."""
    return Posted(204)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "LOOK_S", 0.005)
    monkeypatch.setattr(senders, "RENEW_S", 0.02)


class Sent:
    """An engine, and a sender to its endpoints."""

    def __init__(self, engine: opord.Engine, posts: dict[str, Post], targets: list[Target]) -> None:
        self.engine, self.posts, self.targets = engine, posts, targets
        self.task: asyncio.Task[None]
        self.drain_s = 30.0

    @property
    def post(self) -> Post:
        return self.posts["billing"]

    def sender(self, name: str = "one") -> asyncio.Task[None]:
        """Begin to send."""
        sender = Sender(
            self.engine.backend,
            self.targets,
            lambda one: self.posts[one.name],
            name=name,
            drain_s=self.drain_s,
        )
        return asyncio.create_task(sender.run())

    async def endpoint(self, name: str = "billing") -> Endpoint:
        """Return an endpoint as stored."""
        found = await self.engine.backend.read_outbox(lambda box: box.endpoints())
        return next(one for one in found if one.name == name)

    async def messages(self, *, given_up: bool = False) -> list[OutgoingMessage]:
        """Return the messages to the first endpoint."""
        return await self.engine.backend.read_outbox(
            lambda box: box.messages("billing", given_up=given_up, limit=100)
        )

    async def until(self, fits: Callable[[Sent], Any]) -> None:
        """Wait until something is true of what was posted."""

        async def is_true() -> bool:
            return bool(fits(self))

        await _wait_for(is_true)

    async def until_empty(self, name: str = "billing") -> None:
        """Wait until nothing waits."""

        async def is_empty() -> bool:
            return not (await self.endpoint(name)).waiting

        await _wait_for(is_empty)

    async def until_stopped(self) -> None:
        """Wait until nothing is sent to the first endpoint any more."""

        async def is_stopped() -> bool:
            return bool((await self.endpoint()).stopped)

        await _wait_for(is_stopped)


async def _wait_for(is_true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await is_true():
                return
            await asyncio.sleep(0.002)


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@asynccontextmanager
async def a_line(flow: Any, post: Post, clock: Clock) -> AsyncIterator[tuple[opord.Engine, Line]]:
    """Give a line whose lease is valid for one second; it does not run yet."""
    table = {"billing": {"url": URL, "secrets": ["env:S"]}}
    (target,) = (target_of(one, ENVIRON) for one in read_endpoints(table))
    async with opord.Engine("sqlite://:memory:", [flow(Bank())], webhooks_out=table) as engine:
        (lease,) = await engine.backend.write_outbox(
            lambda box: box.lease("one", ["billing"], ttl_us=Duration(60_000_000))
        )
        line = Line(engine.backend, target, post, lease, clock)
        line.valid_until = 1.0
        yield engine, line


async def messages_of(engine: opord.Engine) -> list[OutgoingMessage]:
    """Return what waits for the endpoint."""
    return await engine.backend.read_outbox(lambda box: box.messages("billing", given_up=False, limit=100))


@asynccontextmanager
async def sending(
    flow: Any,
    answer: Callable[[dict[str, Any]], Posted] = received,
    *,
    more: Any = None,
    drain_s: float = 30.0,
    **settings: Any,
) -> AsyncIterator[Sent]:
    """Carry refunds, tell of them, and send."""
    table = {"billing": {"url": URL, "secrets": ["env:S"], **settings}, **(more or {})}
    targets = [target_of(one, ENVIRON) for one in read_endpoints(table)]
    async with opord.Engine("sqlite://:memory:", [flow(Bank())], webhooks_out=table) as engine:
        sent = Sent(engine, {name: Post(answer) for name in table}, targets)
        sent.drain_s = drain_s
        sent.task = sent.sender()
        try:
            yield sent
        finally:
            sent.task.cancel()
            await asyncio.gather(sent.task, return_exceptions=True)


async def paid(engine: opord.Engine, flow: Any, order: str) -> None:
    """Start a refund, and let it be approved and paid."""
    run = await engine.start(flow, order=order, cents=900)
    await run.as_("ann", role="clerk").send.approve(note="ok")
    await run.result()


@in_a_loop
async def test_each_move_is_told_in_order_with_what_the_journal_says(refund: Any) -> None:
    async with sending(refund) as sent:
        await paid(sent.engine, refund, "7")
        await sent.until_empty()
        first, second, third = (one["data"] for one in sent.post.bodies)
        assert [one["type"] for one in sent.post.bodies] == ["run.transition", "run.transition", "run.ended"]
        assert (first["from"], first["to"], first["cause"], first["status"]) == (
            None,
            "Asked",
            "start",
            "running",
        )
        assert (second["from"], second["to"], second["outcome"]) == ("Asked", "Paying", None)
        assert "approve" in second["cause"]
        assert (third["to"], third["status"], third["outcome"]) == ("Paid", "ended", "success")
        assert third["data"] == {"number": "t-7"}
        assert {key: third[key] for key in ("run", "contract", "version")} == {
            "run": "Refund/7", "contract": "Refund", "version": 1,
        }  # fmt: skip
        at = {one.seq: text(one.at) async for one in sent.engine.backend.records(RunId("Refund/7"))}
        assert [one["timestamp"] for one in sent.post.bodies] == [at[seq] for *_, seq in sent.post.told()]
        assert len(set(sent.post.ids)) == 3
        for body in sent.post.bodies:
            jsonschema.validate(body, json.loads(contents.schema()))
        assert {one["content-type"] for one in sent.post.headers} == {"application/json"}


@in_a_loop
async def test_of_ends_alone_nothing_else_is_told(refund: Any) -> None:
    async with sending(refund, on=["ended"]) as sent:
        await paid(sent.engine, refund, "7")
        run = await sent.engine.start(refund, order="8", cents=1)
        await sent.engine.backend.terminate(run.id, actor="ann", reason="a test")
        await sent.until_empty()
        assert sorted((kind, run) for kind, run, _ in sent.post.told()) == [
            ("run.ended", "Refund/7"),
            ("run.ended", "Refund/8"),
        ]
        ended = next(one["data"] for one in sent.post.bodies if one["data"]["run"] == "Refund/8")
        assert (ended["outcome"], ended["actor"], ended["reason"]) == ("terminated", "ann", "a test")


@in_a_loop
async def test_the_last_move_is_not_told_to_who_wants_transitions_only(refund: Any) -> None:
    async with sending(refund, on=["transition"]) as sent:
        await paid(sent.engine, refund, "7")
        await sent.until_empty()
        assert [kind for kind, *_ in sent.post.told()] == ["run.transition", "run.transition"]


@in_a_loop
async def test_a_need_is_told_with_its_details(refund: Any) -> None:
    async with sending(refund, on=["needs"]) as sent:
        run = await sent.engine.start(refund, order="lost", cents=900)
        await run.as_("ann", role="clerk").send.approve(note="ok")
        await sent.until(lambda sent: sent.post.bodies)
        (body,) = sent.post.bodies
        assert body["type"] == "run.needs"
        jsonschema.validate(body, json.loads(contents.schema()))
        need = body["data"]["need"]
        assert (need["reason"], need["roles"], need["open"]) == ("doubt", ["operator"], True)
        assert "the answer was lost" in need["detail"]


@in_a_loop
async def test_a_cloudevent_has_its_envelope(refund: Any) -> None:
    async with sending(refund, format="cloudevents") as sent:
        await sent.engine.start(refund, order="7", cents=900)
        await sent.until_empty()
        (body,), (headers,) = sent.post.bodies, sent.post.headers
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["webhook-id"] == body["id"]
        assert {key: body[key] for key in ("specversion", "type", "source", "subject", "datacontenttype")} == {
            "specversion": "1.0", "type": "run.transition", "source": "/opord/contracts/Refund",
            "subject": "Refund/7", "datacontenttype": "application/json",
        }  # fmt: skip


@in_a_loop
async def test_a_message_that_fails_is_sent_again_before_the_next_of_its_run(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opord.server.outgoing.schedule.PAUSES_S", (0.02,))
    failures = {("Refund/7", 1): 3}

    def answer(data: dict[str, Any]) -> Posted:
        left = failures.get((data["run"], data["seq"]), 0)
        failures[data["run"], data["seq"]] = left - 1
        return Posted(500, "HTTP 500") if left > 0 else Posted(200)

    async with sending(refund, answer) as sent:
        await paid(sent.engine, refund, "7")
        await paid(sent.engine, refund, "8")
        await sent.until_empty()
        seqs = [seq for _, run, seq in sent.post.told() if run == "Refund/7"]
        assert seqs == sorted(seqs)
        assert seqs.count(1) == 4
        ids = [
            id
            for id, (_, run, seq) in zip(sent.post.ids, sent.post.told(), strict=True)
            if (run, seq) == ("Refund/7", 1)
        ]
        assert len(set(ids)) == 1
        others = [seq for _, run, seq in sent.post.told() if run == "Refund/8"]
        assert len(others) == len(set(others)) == 3


@in_a_loop
async def test_a_poisoned_message_holds_no_other_run_back(refund: Any) -> None:
    def answer(data: dict[str, Any]) -> Posted:
        return Posted(500, "HTTP 500") if data["run"] == "Refund/bad" else Posted(200)

    async with sending(refund, answer) as sent:
        await paid(sent.engine, refund, "bad")
        for number in range(20):
            await paid(sent.engine, refund, str(number))
        await sent.until(lambda sent: sum(kind == "run.ended" for kind, *_ in sent.post.told()) == 20)
        told = [one for one in sent.post.told() if one[1] == "Refund/bad"]
        assert {seq for *_, seq in told} == {1}
        waiting = [one for one in await sent.messages() if one.run == "Refund/bad"]
        assert waiting[0].seq == 1
        assert len(waiting) == 3


@in_a_loop
async def test_an_endpoint_that_fails_gets_one_message_at_a_time_and_then_all(
    refund: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", "opord.webhooks")
    monkeypatch.setattr(senders, "FAILING_PAUSE_S_MOST", 0.01)
    sick = True

    def answer(data: dict[str, Any]) -> Posted:
        return Posted(0, "no answer") if sick else Posted(200)

    more = {"other": {"url": URL, "secrets": ["env:S"]}}
    async with sending(refund, answer, more=more) as sent:
        sent.posts["other"].answer = received
        for number in range(40):
            await sent.engine.start(refund, order=str(number), cents=900)
        await sent.until_empty("other")
        await sent.until(lambda sent: len(sent.post.bodies) > 30)
        sent.post.most = 0
        await sent.until(lambda sent: len(sent.post.bodies) > 36)
        assert sent.post.most == 1
        sick = False
        await sent.until_empty()
    said = [one.getMessage() for one in caplog.records if one.name == "opord.webhooks"]
    assert [line for line in said if "in a row have failed, the last one with: no answer" in line]
    assert "webhooks to billing: it answers again" in said


@in_a_loop
async def test_many_runs_are_under_way_at_once(refund: Any) -> None:
    async with sending(refund) as sent:
        for number in range(40):
            await sent.engine.start(refund, order=str(number), cents=900)
        await sent.until_empty()
        assert 1 < sent.post.most <= senders.AT_ONCE


@in_a_loop
async def test_a_message_is_given_up_and_the_next_is_sent(
    refund: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opord.server.outgoing.schedule.GIVEN_UP_S", 0)

    def answer(data: dict[str, Any]) -> Posted:
        return Posted(500, "HTTP 500") if data["seq"] == 1 else Posted(200)

    async with sending(refund, answer) as sent:
        await paid(sent.engine, refund, "7")
        await sent.until_empty()
        (given_up,) = await sent.messages(given_up=True)
        assert (given_up.seq, given_up.attempts, given_up.trouble) == (1, 1, "HTTP 500")
        assert [kind for kind, *_ in sent.post.told()][-1] == "run.ended"
        sent.post.answer = received
        await sent.engine.backend.write_outbox(lambda box: box.retry("billing", [given_up.id]))
        await sent.until_empty()
        assert sent.post.told()[-1] == ("run.transition", "Refund/7", 1)
    assert "a message of Refund/7 is given up after 1 attempts: HTTP 500" in caplog.text


@in_a_loop
async def test_an_endpoint_that_is_gone_gets_nothing_more(refund: Any) -> None:
    async with sending(refund, lambda data: Posted(410, "HTTP 410")) as sent:
        await sent.engine.start(refund, order="7", cents=900)
        await sent.until(lambda sent: sent.post.bodies)
        await sent.until_stopped()
        await sent.engine.start(refund, order="8", cents=900)
        await asyncio.sleep(0.1)
        assert len(sent.post.bodies) == 1
        assert (await sent.endpoint()).waiting == 2
        sent.post.answer = received
        await sent.engine.backend.write_outbox(lambda box: box.resume("billing"))
        await sent.until_empty()


@in_a_loop
async def test_two_senders_share_the_endpoints_and_send_each_message_once(refund: Any) -> None:
    more = {"other": {"url": URL, "secrets": ["env:S"]}}
    async with sending(refund, more=more) as sent:
        second = sent.sender("two")
        for number in range(10):
            await paid(sent.engine, refund, str(number))
        await sent.until_empty()
        await sent.until_empty("other")
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        for post in sent.posts.values():
            assert len(post.ids) == len(set(post.ids)) == 30


@in_a_loop
async def test_a_message_that_was_sent_and_not_kept_is_sent_again_with_its_id(refund: Any) -> None:
    """As if the process had died after the answer: what it could not keep, the next one sends."""
    async with sending(refund) as sent:
        box = sent.engine.backend
        write, lost = box.write_outbox, 0

        async def losing(act: Any) -> Any:
            nonlocal lost
            if "sent" in act.__code__.co_names and lost < 2:
                lost += 1
                raise RuntimeError("killed")
            return await write(act)

        box.write_outbox = losing  # type: ignore[method-assign]
        await sent.engine.start(refund, order="7", cents=900)
        await sent.until_empty()
        assert lost == 2  # while it ran, and when it was ended
        assert len(sent.post.ids) == 2
        assert len(set(sent.post.ids)) == 1


@in_a_loop
async def test_a_message_is_not_posted_once_the_lease_has_ended(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content came late, as the store was away: another process may have sent it by then."""
    clock, post, made = Clock(), Post(received), senders.content_of

    async def late(*args: Any) -> Any:
        clock.s = 2.0
        return await made(*args)

    monkeypatch.setattr(senders, "content_of", late)
    async with a_line(refund, post, clock) as (engine, line):
        await engine.start(refund, order="7", cents=900)
        before = await messages_of(engine)
        await line._begin()
        assert line._under_way
        await line.close(30)
        assert not line._under_way
        assert (post.ids, await messages_of(engine)) == ([], before)


@in_a_loop
async def test_a_message_whose_fate_is_unknown_does_not_undo_what_became_of_others(
    refund: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The store fails after the first answer: the second message was received, and is kept so."""
    clock, post = Clock(), Post(received)
    async with a_line(refund, post, clock) as (engine, line):
        now, asked = engine.backend.now, 0

        async def failing() -> Any:
            nonlocal asked
            asked += 1
            if asked == 1:
                raise RuntimeError("the store is damaged")
            return await now()

        monkeypatch.setattr(engine.backend, "now", failing)
        for order in ("7", "8"):
            await engine.start(refund, order=order, cents=900)
        await line._begin()
        await asyncio.wait(line._under_way.values())
        await line._keep()
        assert (len(post.ids), len(await messages_of(engine))) == (2, 1)
        await line._begin()
        assert not line._under_way  # not again at once
        clock.s += senders.RENEW_S
        line.valid_until = clock.s + 1
        await line._begin()
        await line.close(30)
        assert (len(post.ids), await messages_of(engine)) == (3, [])
    assert "webhooks to billing: it is unknown whether a message was received" in caplog.text


@in_a_loop
async def test_connections_are_closed_and_leases_given_back_when_results_cannot_be_kept(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sending(refund) as sent:
        write, closed = sent.engine.backend.write_outbox, False

        async def failing(act: Any) -> Any:
            if "sent" in act.__code__.co_names:
                raise RuntimeError("the store is damaged")
            return await write(act)

        async def close() -> None:
            nonlocal closed
            closed = True

        monkeypatch.setattr(senders, "RENEW_S", 60)
        monkeypatch.setattr(sent.engine.backend, "write_outbox", failing)
        monkeypatch.setattr(sent.post, "close", close)
        await sent.engine.start(refund, order="7", cents=900)
        await sent.until(lambda sent: sent.post.ids)
        sent.task.cancel()
        await asyncio.gather(sent.task, return_exceptions=True)
        assert closed
        assert (await sent.endpoint()).sender == ""


@in_a_loop
async def test_a_sender_ends_although_the_store_is_away(
    refund: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(senders, "GIVE_BACK_S", 0.05)
    async with sending(refund, drain_s=0.05) as sent:
        write, away = sent.engine.backend.write_outbox, asyncio.Event()

        async def waiting(act: Any) -> Any:
            if away.is_set() or "sent" in act.__code__.co_names:
                away.set()
                await asyncio.Event().wait()
            return await write(act)

        monkeypatch.setattr(sent.engine.backend, "write_outbox", waiting)
        await sent.engine.start(refund, order="7", cents=900)
        async with asyncio.timeout(10):
            await away.wait()
        sent.task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(sent.task, return_exceptions=True)
    assert "1 messages were still under way after 0.05 s" in caplog.text
    assert "webhooks: the store is away; other processes send in 45 s" in caplog.text


@in_a_loop
async def test_data_that_are_too_large_are_left_out(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "BODY_BYTES", 300)
    async with sending(refund, on=["ended"]) as sent:
        await paid(sent.engine, refund, "x" * 200)
        await sent.until_empty()
        (body,) = sent.post.bodies
        assert (body["data"]["data"], body["data"]["data_omitted"]) == (None, True)


@in_a_loop
async def test_a_run_that_was_pruned_has_nothing_left_to_tell(refund: Any) -> None:
    """A store of an older Opord, or a hand in the tables: it must not hold the endpoint up."""
    async with sending(refund) as sent:
        post, found = sent.post, contents._found

        async def gone(backend: Any, message: OutgoingMessage) -> Any:
            return None if message.run == "Refund/7" else await found(backend, message)

        contents._found = gone  # type: ignore[assignment]
        try:
            await sent.engine.start(refund, order="7", cents=900)
            await sent.engine.start(refund, order="8", cents=900)
            await sent.until_empty()
        finally:
            contents._found = found
        assert post.told() == [("run.transition", "Refund/8", 1)]


def test_a_target_does_not_show_its_keys() -> None:
    (settings,) = read_endpoints({"billing": {"url": URL, "secrets": ["env:S"]}})
    target = target_of(settings, ENVIRON)
    assert repr(target) == "Target(billing, 1 keys)"
