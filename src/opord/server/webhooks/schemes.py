"""Signatures of webhooks: verify that a body came from somebody who knows a secret.

All schemes sign the raw bytes of the body with HMAC-SHA256. `standard` signs the delivery's id and
time as well, `stripe` the time, `github` neither.

A `.` in an id is refused: `standard` joins what it signs with points, so with one in the id the
same signature would stand for another id and another body.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, assert_never

from opord.server.secret_places import standard_key

SchemeName: TypeAlias = Literal["standard", "stripe", "github"]
"""The schemes. Standard Webhooks are those of https://www.standardwebhooks.com."""

SCHEMES: Final[tuple[SchemeName, ...]] = ("standard", "stripe", "github")

TOLERANCE_S: Final = 300
"""How old a delivery may be, and how far in the future its time may lie, in seconds.

Five minutes is what the makers of `standard` and `stripe` recommend.
"""

_TIME: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURES_MOST: Final = 20

Headers: TypeAlias = Mapping[bytes, Sequence[bytes]]
"""The values of each header, by its name in lower case."""


class Untrusted(Exception):
    """A request that no secret vouches for. The message is for the log, never for the sender."""


def key_of(scheme: SchemeName, secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises:
        ValueError: it is empty or not of the scheme's form. The message does not show it.
    """
    match scheme:
        case "standard":
            key = standard_key(secret)
        case "stripe" | "github":
            key = secret.encode()
        case _:
            assert_never(scheme)
    if not key:
        raise ValueError("it is empty")
    return key


def verify(
    scheme: SchemeName,
    keys: Sequence[bytes],
    headers: Headers,
    body: bytes,
    *,
    now_s: float,
    tolerance_s: float = TOLERANCE_S,
) -> str:
    """Verify a delivery, and return its id as the headers have it; empty if the body has it.

    Every key is tried on every signature, so the time it takes does not depend on which one fits.

    Raises:
        Untrusted: no key fits, the time is out of tolerance, or a header is missing or twice there.
    """
    match scheme:
        case "standard":
            return _standard(keys, headers, body, now_s, tolerance_s)
        case "stripe":
            return _stripe(keys, headers, body, now_s, tolerance_s)
        case "github":
            return _github(keys, headers, body)
        case _:
            assert_never(scheme)


def _standard(keys: Sequence[bytes], headers: Headers, body: bytes, now_s: float, tolerance_s: float) -> str:
    delivery = _header(headers, "webhook-id")
    if not delivery or "." in delivery:
        raise Untrusted("webhook-id is empty or has a point")
    time = _header(headers, "webhook-timestamp")
    _check_time(time, now_s, tolerance_s)
    given = [
        value
        for version, _, value in (
            one.partition(",") for one in _header(headers, "webhook-signature").split(" ")
        )
        if version == "v1"
    ]
    content = b"%b.%b." % (delivery.encode("latin-1"), time.encode()) + body
    _check(given, (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys))
    return delivery


def _stripe(keys: Sequence[bytes], headers: Headers, body: bytes, now_s: float, tolerance_s: float) -> str:
    parts = [one.partition("=") for one in _header(headers, "stripe-signature").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise Untrusted("Stripe-Signature has no time, or several")
    _check_time(times[0], now_s, tolerance_s)
    content = b"%b." % times[0].encode() + body
    _check(
        [value for name, _, value in parts if name == "v1"],
        (hmac.digest(key, content, "sha256").hex() for key in keys),
    )
    return ""


def _github(keys: Sequence[bytes], headers: Headers, body: bytes) -> str:
    algorithm, _, given = _header(headers, "x-hub-signature-256").partition("=")
    if algorithm != "sha256":
        raise Untrusted("X-Hub-Signature-256 does not begin with sha256=")
    _check([given], (hmac.digest(key, body, "sha256").hex() for key in keys))
    delivery = _header(headers, "x-github-delivery")
    if not delivery:
        raise Untrusted("X-GitHub-Delivery is empty")
    return delivery


def _header(headers: Headers, name: str) -> str:
    values = headers.get(name.encode(), ())
    if len(values) != 1:
        raise Untrusted(f"the header {name} {'comes more than once' if values else 'is missing'}")
    return values[0].decode("latin-1")


def _check_time(time: str, now_s: float, tolerance_s: float) -> None:
    if _TIME.fullmatch(time) is None:
        raise Untrusted("its time is not a number of seconds")
    off_s = now_s - int(time)
    if abs(off_s) > tolerance_s:
        when = "old" if off_s > 0 else "ahead of this machine's clock"
        raise Untrusted(f"it is {abs(off_s):.0f} s {when}; {tolerance_s:g} s are allowed")


def _check(given: Sequence[str], expected: Iterable[str]) -> None:
    if not given:
        raise Untrusted("it has no signature of a version that is known here")
    if len(given) > _SIGNATURES_MOST:
        raise Untrusted(f"it has more than {_SIGNATURES_MOST} signatures")
    fits = False
    for one in expected:
        for other in given:
            fits |= hmac.compare_digest(one.encode(), other.encode("latin-1"))
    if not fits:
        raise Untrusted("no secret of the route fits its signature")
