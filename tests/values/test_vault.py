"""How secrets are sealed: what two sealed texts have in common, and what they never share."""

from __future__ import annotations

import base64

from opord.values.vault import KeyRing

NONCE_BYTES = 12


def nonce(sealed: str) -> bytes:
    return base64.b64decode(sealed.partition(".")[2])[:NONCE_BYTES]


def test_no_two_secrets_share_a_nonce_under_one_key() -> None:
    """Two texts under one nonce of AES-GCM reveal their difference, and the authentication key."""
    ring = KeyRing([b"k" * 32])
    sealed = [ring.seal(place, value) for place in ("a", "b", "ab") for value in ("", "x", "y", {"a": "x"})]
    assert len({nonce(text) for text in sealed}) == len(sealed)


def test_the_same_secret_at_the_same_place_is_sealed_alike() -> None:
    """So a write that is repeated is the very same write."""
    ring = KeyRing([b"k" * 32])
    assert ring.seal("a", "x") == ring.seal("a", "x")


def test_another_key_has_other_nonces() -> None:
    one, other = (KeyRing([key * 32]).seal("a", "x") for key in (b"k", b"l"))
    assert nonce(one) != nonce(other)
