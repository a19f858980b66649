"""Traces as servers and logs see them: what comes with a request, and where a line belongs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from opord.drive.traces import Spans, belonging_to, facts_now, fails, spans_of_this_program, traceparent_in

__all__ = ["Arrival", "Spans", "arrival_of", "belonging_to", "facts_now", "fails", "spans_of_this_program"]

_REQUEST_ID: Final = re.compile(rb"[!-~]{1,128}")


class Arrival(NamedTuple):
    """What a request brought along: its trace, and the id that a proxy gave it; empty if none."""

    traceparent: str = ""
    request: str = ""


_NOTHING: Final = Arrival()


def arrival_of(headers: Iterable[tuple[bytes, bytes]]) -> Arrival:
    """Return what the headers of a request say of its trace and its id, if they can be read."""
    trace = request = None
    for name, value in headers:
        if name == b"traceparent":
            trace = value
        elif name == b"x-request-id":
            request = value
    if trace is None and request is None:
        return _NOTHING
    known = request is not None and _REQUEST_ID.fullmatch(request)
    return Arrival(
        traceparent_in(trace.decode("latin-1") if trace is not None else None),
        request.decode() if request is not None and known else "",
    )
