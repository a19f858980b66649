"""Traces: the name of the trace that something belongs to, and spans of OpenTelemetry.

The name of a trace is a `traceparent` of the W3C. It comes with a start or an event, is kept with
the run, and is handed to the handlers. It is no part of what an event or an input says.

Spans are made only if the program has set a provider of OpenTelemetry. A run may last for months,
so it is not a span: each step is one, in a trace of its own, with a link to the trace of the run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from opord.kernel.run import Run
from opord.values.types import RunId

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, Tracer

T = TypeVar("T")

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_given: ContextVar[str] = ContextVar("opord_traceparent", default="")
_request: ContextVar[str] = ContextVar("opord_request", default="")


def traceparent_in(text: str | None) -> str:
    """Return a text if it is a `traceparent`; else an empty one."""
    return text if text is not None and _TRACEPARENT.fullmatch(text) else ""


@contextmanager
def belonging_to(traceparent: str, request: str = "") -> Iterator[None]:
    """Let what is started, sent and logged in this block belong to a trace and a request."""
    tokens = _given.set(traceparent), _request.set(request)
    try:
        yield
    finally:
        _given.reset(tokens[0])
        _request.reset(tokens[1])


def trace_now() -> str:
    """Return the trace that what is started or sent now belongs to; empty if there is none.

    It is that of the current span of OpenTelemetry, or the one of `belonging_to`.
    """
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry.trace import get_current_span

        return traceparent_of(get_current_span()) or _given.get()
    return _given.get()


def facts_now() -> dict[str, str]:
    """Return what a line of a log can say of the present trace and request, as far as known."""
    facts = {}
    if trace := trace_now():
        _, facts["trace_id"], facts["span_id"], _ = trace.split("-")
    if request := _request.get():
        facts["request"] = request
    return facts


class Spans:
    """Makes spans with the provider of this program."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def step(self, run: Run, work: Awaitable[T]) -> T:
        """Carry out a step in a span of its own, linked to the trace of the run."""
        from opentelemetry.context import Context
        from opentelemetry.trace import Status, StatusCode

        span = self._tracer.start_span(
            f"step {run.program.name}.{run.state}",
            context=Context(),
            links=_links(run.body.trace),
            attributes=_about(run) | {"opord.state": run.state},
        )
        with _current(span):
            try:
                return await work
            finally:
                span.set_attribute("opord.next_state", run.state)
                if run.status == "stalled":
                    span.set_status(Status(StatusCode.ERROR, "stalled"))

    @contextmanager
    def call(self, run: RunId, contract: str, call: str, attempt: int | None) -> Iterator[Span]:
        """Make a span of an attempt of a call, and let it be the current one in this block."""
        attributes: dict[str, Any] = {"opord.run": run, "opord.contract": contract, "opord.call": call}
        if attempt is not None:
            attributes["opord.attempt"] = attempt
        span = self._tracer.start_span(f"call {contract}.{call}", attributes=attributes)
        with _current(span):
            yield span

    @contextmanager
    def request(self, name: str, method: str, traceparent: str) -> Iterator[Span]:
        """Make a span of an HTTP request, below the one in which it came, if that is known."""
        from opentelemetry.context import get_current
        from opentelemetry.trace import SpanKind, get_current_span

        above = get_current()
        if traceparent and not get_current_span().get_span_context().is_valid:
            above = _context_of(traceparent, above)
        span = self._tracer.start_span(
            name, context=above, kind=SpanKind.SERVER, attributes={"http.request.method": method}
        )
        with _current(span):
            yield span


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """Let a span be the current one in this block, and end it."""
    from opentelemetry.context import attach, get_current
    from opentelemetry.trace import set_span_in_context

    before = get_current()
    attach(set_span_in_context(span, before))
    try:
        yield
    finally:
        # Set back without a token: a handler that is given up keeps the task, and its context.
        attach(before)
        span.end()


def spans_of_this_program() -> Spans | None:
    """Return what makes spans; None if the program has set no provider of OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    return Spans(trace.get_tracer("opord"))


def fails(span: Span, what: str) -> None:
    """Say that what a span is about went wrong, in a word."""
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", what)
    span.set_status(Status(StatusCode.ERROR, what))


def _about(run: Run) -> dict[str, Any]:
    return {
        "opord.run": run.id,
        "opord.contract": run.program.name,
        "opord.version": run.program.version,
    }


def traceparent_of(span: Span) -> str:
    context = span.get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _links(traceparent: str) -> list[Link]:
    from opentelemetry.trace import Link, get_current_span

    if not traceparent:
        return []
    return [Link(get_current_span(_context_of(traceparent, None)).get_span_context())]


def _context_of(traceparent: str, context: Context | None) -> Context:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context)
