"""Sign a message as Standard Webhooks do: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from opord.server.secret_places import PREFIX, standard_key

KEY_BYTES: Final = (24, 64)
"""The shortest and the longest key of a secret, in bytes, as the specification has them."""


def key_of(secret: str) -> bytes:
    """Return the key of a secret.

    Raises:
        ValueError: it is no secret of Standard Webhooks. The message does not show it.
    """
    try:
        key = standard_key(secret)
    except ValueError as wrong:
        raise ValueError(f"{wrong}; `opord webhooks secret` makes one") from None
    shortest, longest = KEY_BYTES
    if not shortest <= len(key) <= longest:
        raise ValueError(f"what follows {PREFIX} has {len(key)} bytes; it takes {shortest} to {longest}")
    return key


def new_secret() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def message_id(*parts: object) -> str:
    """Return the id of a message: the same for the same parts, and without a point."""
    text = "\n".join(map(str, parts))
    return f"msg_{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def signed(keys: Sequence[bytes], id: str, sent_at: int, body: bytes) -> dict[str, str]:
    """Return the headers of a message that is sent at an instant, in seconds since 1970 UTC.

    It has a signature for each key, so that a receiver may change its secret at any time.
    """
    content = b".".join((id.encode(), str(sent_at).encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }
