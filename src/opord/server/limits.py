"""How much a client may ask of the HTTP API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opord.values.guard import LIMIT_BYTES

RETRY_S: Final = 1
"""What `Retry-After` says when the server or its store is busy, in seconds."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How much a client may ask.

    - `body_bytes`: the body of a request.
    - `body_s`: how long a client may take to send it, in seconds.
    - `answer_s`: how long the store may take to answer, in seconds. Then the answer is 503.
    - `wait_s`: the longest `?wait=`, in seconds.
    - `rate`: how many requests a second one principal may make, and `burst` how many at once; None
      is any number.
    - `streams`: how many streams of changes are open at once, and `stream_s` for how long, in
      seconds; a client opens another one and misses nothing.
    - `read_s`: how long a client may take to read a part of a stream, in seconds.
    - `requests`: how many requests are answered at once.
    - `keys`: how many requests with an `Idempotency-Key` are kept for a principal, and
      `keys_kept_s` for how long, in seconds.
    - `acts_kept_s`: how long the trail keeps what was done, in seconds; 90 days.
    - `bulk_runs`: how many runs a set has at most that are acted upon together, and `bulk_sets` how
      many sets are kept for a principal.
    - `page_runs`, `page_records`: how many runs or records one page has at most.
    """

    body_bytes: int = LIMIT_BYTES
    body_s: float = 10.0
    answer_s: float = 10.0
    wait_s: float = 60.0
    requests: int = 1000
    rate: float | None = None
    burst: int = 100
    streams: int = 500
    stream_s: float = 3600.0
    read_s: float = 30.0
    keys: int = 100_000
    keys_kept_s: float = 86_400.0
    acts_kept_s: float = 90 * 86_400.0
    bulk_runs: int = 10_000
    bulk_sets: int = 100
    page_runs: int = 500
    page_records: int = 1000
