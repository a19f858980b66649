"""The calls of effects that a worker is making, as it says with each sign of life.

The first attempt of an effect has no record before it. So only its worker knows of it, and says so
once the call has lasted a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from opord.values.types import Duration, Instant, RunId

SAID_AFTER_US: Final = Duration(1_000_000)
"""How long a call has lasted before its worker says so, in microseconds."""

SAID_MOST: Final = 100
"""Number of calls that a worker names, those that have lasted the longest."""


class CallUnderWay(msgspec.Struct, frozen=True):
    """A call of an effect: its run, its name, which attempt it is, and since when it is made."""

    run: RunId
    call: str
    attempt: int
    since: Instant


_decode = msgspec.json.Decoder(list[CallUnderWay]).decode


def calls_text(calls: Iterable[CallUnderWay], now: Instant) -> str:
    """Return what a worker says of its calls, as text for the store; empty if none lasts."""
    lasting = sorted((call for call in calls if call.since <= now - SAID_AFTER_US), key=lambda one: one.since)
    return msgspec.json.encode(lasting[:SAID_MOST]).decode() if lasting else ""


def calls_by_run(text: str) -> Mapping[str, CallUnderWay]:
    """Return the calls that a worker named, by their runs; none if the text cannot be read."""
    if not text:
        return {}
    try:
        return {call.run: call for call in _decode(text)}
    except msgspec.DecodeError:
        return {}
