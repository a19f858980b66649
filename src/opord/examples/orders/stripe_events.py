"""Webhook events as Stripe sends them: the signature, and the members that a shop reads."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TypeVar

import msgspec

T = TypeVar("T")

SIGNATURE_AGE_S = 300
"""How old a signature may be, in seconds; so a recorded request is soon of no use."""


class BadEvent(Exception):
    """The request is not an event of ours, or cannot be read. Sending it again will not help."""


class Session(msgspec.Struct, frozen=True):
    """A checkout: what was bought, by whom, and the payment that the customer has agreed to."""

    id: str
    client_reference_id: str | None = None
    customer: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    payment_intent: str | None = None
    payment_status: str | None = None
    metadata: dict[str, str] = {}


class _Data(msgspec.Struct, frozen=True):
    object: msgspec.Raw


class Event(msgspec.Struct, frozen=True):
    """An event on the other side; `data.object` has another form for each `type`."""

    id: str
    type: str
    created: int
    data: _Data

    def session(self) -> Session:
        """Read the checkout of the event.

        Raises:
            BadEvent: it has no checkout, or the checkout has another form.
        """
        return _read(self.data.object, Session, "$.data.object")


def construct_event(payload: bytes, signature: str, secret: str, *, now: float | None = None) -> Event:
    """Read an event after verifying its signature.

    Raises:
        BadEvent: the signature is not the sender's, or the payload is not an event.
    """
    stamp, signed = _split_signature(signature)
    if abs((time.time() if now is None else now) - stamp) > SIGNATURE_AGE_S:
        raise BadEvent("the signature is too old")
    if not hmac.compare_digest(_digest(payload, secret, stamp), signed):
        raise BadEvent("the signature does not fit the payload")
    return _read(payload, Event, "$")


def parse_cart(cart: str) -> list[tuple[str, int]]:
    """Read the cart from the metadata of a checkout: `mug-blue:2,poster-a2:1`.

    Raises:
        BadEvent: it does not have that form.
    """
    items = []
    for item in cart.split(","):
        sku, _, quantity = item.partition(":")
        if not sku or not (quantity.isascii() and quantity.isdigit()) or int(quantity) == 0:
            raise BadEvent(f"expected metadata.cart as sku:quantity,…, got: {item!r}")
        items.append((sku, int(quantity)))
    return items


def sign(payload: bytes, secret: str, *, now: float | None = None) -> str:
    """Sign a payload as the sender does, for tests and demonstrations."""
    stamp = int(time.time() if now is None else now)
    return f"t={stamp},v1={_digest(payload, secret, stamp)}"


def _digest(payload: bytes, secret: str, stamp: int) -> str:
    return hmac.new(secret.encode(), f"{stamp}.".encode() + payload, hashlib.sha256).hexdigest()


def _split_signature(signature: str) -> tuple[int, str]:
    parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    try:
        return int(parts["t"]), parts["v1"]
    except (KeyError, ValueError):
        raise BadEvent("expected the header Stripe-Signature: t=…,v1=…") from None


def _read(payload: bytes | msgspec.Raw, form: type[T], root: str) -> T:
    try:
        return msgspec.json.decode(payload, type=form)
    except msgspec.ValidationError as error:
        raise BadEvent(str(error).replace("`$", f"`{root}")) from error
    except msgspec.DecodeError as error:
        raise BadEvent(f"not JSON: {error}") from error
