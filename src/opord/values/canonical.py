"""Canonical JSON: one text for one value, so that digests and hashes can be compared.

The form is UTF-8 with object members sorted by code point and no spaces. An `int` is written in
decimal digits without an exponent. A `float` is the shortest text that reads back as the same
number, and always differs from an `int`: `1.0`, `1e16`, `-0.0`. Both texts read back as the type
they came from.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from opord.values.types import Digest

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


def encode(plain: Any) -> bytes:
    """Write plain data as canonical JSON, in UTF-8.

    The data must have passed `guard.check_plain` or come from a codec: NaN is not checked here.
    """
    return _encode(plain)


def dumps(plain: Any) -> str:
    """Write plain data as canonical JSON; see `encode`."""
    return _encode(plain).decode()


def loads(text: str | bytes) -> Any:
    """Read JSON that `dumps` wrote.

    For text from outside use `guard.parse`: it refuses what this function accepts by mistake.
    """
    return _decode(text)


def digest(content: str | bytes) -> Digest:
    """Return the SHA-256 of a text (in UTF-8) or of bytes, as 64 hex digits."""
    # Inlined instead of `Digest(...)`: this runs for each record.
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()  # type: ignore[return-value]
