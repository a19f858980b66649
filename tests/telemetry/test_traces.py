"""The trace of a run: kept with it, handed to handlers, and spans that are linked to it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import opord
from opord.cli.worker_log import _JsonLine
from opord.server import HttpApi
from tests.telemetry.kit import run

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"

TEXT = """
contract Parcel(name: str) key name
event sent(note: str)
event stored(note: str) wait
effect weigh(name: str) -> int
effect look(name: str) -> int
action ship(name: str) -> str { in doubt ask }
initial state Packed -> Weighed {
  on sent(note) -> goto Weighed
}
state Weighed -> Shipped {
  let grams = perform weigh(name)
  let more = perform look(name)
  match commit ship(name) { ok number -> goto Shipped(number) }
}
final state Shipped(number: str) success
"""


class Handlers:
    """Notes the trace that each call is told, and the one that is current."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self.current: dict[str, str] = {}

    def _note(self, name: str, call: Any) -> None:
        self.told[name] = call.traceparent
        self.current[name] = f"{trace.get_current_span().get_span_context().trace_id:032x}"

    def weigh(self, name: str, *, call: Any) -> int:
        self._note("weigh", call)
        return 1

    async def look(self, name: str, *, call: Any) -> int:
        await asyncio.sleep(0.001)
        self._note("look", call)
        return 1

    async def ship(self, name: str, *, call: Any) -> str:
        self._note("ship", call)
        if name == "cursed":
            raise ConnectionError("the answer was lost")
        return "N"


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    file = tmp_path_factory.mktemp("parcel") / "parcel.opord"
    file.write_text(TEXT.replace("event stored(note: str) wait\n", ""))
    return opord.load(file).Parcel


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Set a provider, as a program does, and return what it exports."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def post(app: Any, path: str, body: Any, trace: str = "", **headers: str) -> httpx.Response:
    if trace:
        headers["traceparent"] = trace
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1"
    ) as web:
        return await web.post(path, json=body, headers=headers)


async def records(engine: opord.Engine, name: str) -> list[dict[str, Any]]:
    return [json.loads(one.body) async for one in engine.backend.records(f"Parcel/{name}")]  # type: ignore[arg-type]


async def is_whole(engine: opord.Engine) -> bool:
    return all([not one.problems async for one in engine.backend.verify()])


@pytest.mark.parametrize("store", ["sqlite://:memory:", "postgres"])
def test_a_trace_is_kept_with_the_run_and_handed_to_its_handlers(
    flow: Any, store: str, request: pytest.FixtureRequest
) -> None:
    url = (
        store
        if store != "postgres"
        else request.getfixturevalue("postgres").url(schema=f"s_{uuid4().hex[:12]}")
    )
    handlers = Handlers()

    async def test() -> None:
        async with opord.Engine(url, [flow(handlers)]) as engine:
            api = HttpApi(engine)
            await post(api, "/contracts/Parcel/runs", {"name": "a"}, HEADER)
            await post(api, "/runs/Parcel/a/events/sent", {"note": "go"})
            await engine.run(flow, "a").result()
            assert handlers.told == {"weigh": HEADER, "look": HEADER, "ship": HEADER}
            started, event, *_ = await records(engine, "a")
            assert (started["trace"], "trace" in event) == (HEADER, False)

            await post(api, "/contracts/Parcel/runs", {"name": "b"}, HEADER)
            await post(api, "/runs/Parcel/b/events/sent", {"note": "go"}, OTHER)
            await engine.run(flow, "b").result()
            assert set(handlers.told.values()) == {OTHER}
            assert await is_whole(engine)

    run(test)


def test_a_trace_is_no_part_of_what_is_said(flow: Any) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            api = HttpApi(engine)
            first = await post(api, "/contracts/Parcel/runs", {"name": "a"}, HEADER)
            again = await post(api, "/contracts/Parcel/runs", {"name": "a"}, OTHER)
            assert (first.status_code, again.status_code) == (201, 200)
            assert [one["trace"] for one in await records(engine, "a")] == [HEADER]

    run(test)


@pytest.mark.parametrize(
    "text", ["", "hello", HEADER[:-1], HEADER + "-1", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01"]
)
def test_what_is_no_trace_is_left_out(flow: Any, text: str) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            await post(HttpApi(engine), "/contracts/Parcel/runs", {"name": "a"}, text)
            (started,) = await records(engine, "a")
            assert "trace" not in started

    run(test)


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def test_each_step_is_a_span_of_its_own_with_its_calls_below_and_a_link_to_the_run(
    flow: Any, spans: InMemorySpanExporter
) -> None:
    handlers = Handlers()

    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [flow(handlers)]) as engine:
            api = HttpApi(engine)
            await post(api, "/contracts/Parcel/runs", {"name": "a"}, HEADER)
            await engine.run(flow, "a").as_("ann").send.sent(note="go")
            await engine.run(flow, "a").result()

    run(test)
    (request,) = named(spans, "POST /api/v1/contracts/{contract}/runs")
    assert request.context is not None
    assert request.parent is not None
    assert (f"{request.context.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE, SPAN)
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 201
    (step,) = named(spans, "step Parcel.Weighed")
    assert (step.parent, step.attributes and dict(step.attributes)) == (
        None,
        {
            "opord.run": "Parcel/a", "opord.contract": "Parcel", "opord.version": 1,
            "opord.state": "Weighed", "opord.next_state": "Shipped",
        },
    )  # fmt: skip
    assert step.context is not None
    assert [link.context.span_id for link in step.links] == [request.context.span_id]
    for name in ("weigh", "look", "ship"):
        (call,) = named(spans, f"call Parcel.{name}")
        assert call.context is not None
        assert call.parent is not None
        assert (call.parent.span_id, call.context.trace_id) == (step.context.span_id, step.context.trace_id)
        assert handlers.told[name].startswith(f"00-{call.context.trace_id:032x}-{call.context.span_id:016x}-")
        assert handlers.current[name] == f"{step.context.trace_id:032x}"


def test_a_start_in_a_span_of_the_program_belongs_to_it(flow: Any, spans: InMemorySpanExporter) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:
            with trace.get_tracer("shop").start_as_current_span("order") as span:
                await engine.start(flow, name="a")
            (started,) = await records(engine, "a")
            assert started["trace"].split("-")[1] == f"{span.get_span_context().trace_id:032x}"

    run(test)


def test_what_goes_wrong_is_said_of_the_span_without_its_words(
    flow: Any, spans: InMemorySpanExporter
) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [flow(Handlers())]) as engine:
            handle = await engine.start(flow, name="cursed")
            await handle.send.sent(note="go")
            while (await handle.status())["status"] != "in_doubt":  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    run(test)
    (call,) = named(spans, "call Parcel.ship")
    assert call.attributes is not None
    assert (call.status.status_code.name, call.attributes["error.type"]) == ("ERROR", "error")
    assert "the answer was lost" not in call.to_json()


def test_without_a_provider_no_span_is_made(flow: Any) -> None:
    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [flow(Handlers())]) as engine:
            assert engine.worker is not None
            assert {(type(one).__name__, one.spans) for one in engine.worker.calls.values()} == {
                ("Calls", None)
            }

    run(test)


def test_a_log_line_says_which_request_and_trace_it_belongs_to(
    flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(self.format(record)))

    keep = Keep()
    keep.setFormatter(_JsonLine())
    logger = logging.getLogger("opord.server")
    logger.addHandler(keep)

    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [flow]) as engine:

            async def broken(*_: Any, **how: Any) -> None:
                raise ZeroDivisionError

            monkeypatch.setattr(engine.backend, "start", broken)
            answer = await post(
                HttpApi(engine), "/contracts/Parcel/runs", {"name": "a"}, HEADER, **{"x-request-id": "req-7"}
            )
            assert answer.status_code == 500

    try:
        run(test)
    finally:
        logger.removeHandler(keep)
    (line,) = lines
    assert (line["trace_id"], line["span_id"], line["request"]) == (TRACE, SPAN, "req-7")


HANGS = """
contract Slow(name: str) key name
effect look(name: str) -> int { timeout 50ms }
effect note(name: str) -> int
initial state Looking -> Noting {
  match perform look(name) {
    ok n -> goto Noting(n)
    TimedOut -> goto Noting(0)
  }
}
state Noting(n: int) -> Seen {
  let m = perform note(name)
  goto Seen(m)
}
final state Seen(n: int) success
"""


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_call_that_is_given_up_ends_its_span_and_the_run_goes_on_outside_of_it(
    spans: InMemorySpanExporter, tmp_path: Any, caplog: pytest.LogCaptureFixture, stubborn: bool
) -> None:
    (tmp_path / "slow.opord").write_text(HANGS)
    slow = opord.load(tmp_path / "slow.opord").Slow

    class Hangs:
        async def look(self, name: str) -> int:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if not stubborn:
                    raise
                await asyncio.sleep(0.2)  # longer than it has to end
            return 1

        async def note(self, name: str) -> int:
            await asyncio.sleep(0)
            return 2

    async def test() -> None:
        async with opord.Engine("sqlite://:memory:", [slow(Hangs())], drain_s=0) as engine:
            await (await engine.start(slow, name="a")).result()

    run(test)
    (step,), (next_step,) = named(spans, "step Slow.Looking"), named(spans, "step Slow.Noting")
    (look,), (note,) = named(spans, "call Slow.look"), named(spans, "call Slow.note")
    assert look.attributes is not None
    assert look.attributes["error.type"] == "timed_out"
    assert step.context is not None
    assert next_step.context is not None
    assert look.parent is not None
    assert note.parent is not None
    assert (look.parent.span_id, note.parent.span_id) == (step.context.span_id, next_step.context.span_id)
    assert next_step.parent is None
    assert "detach" not in caplog.text
