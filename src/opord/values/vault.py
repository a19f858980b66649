"""Encryption of stored secrets: a ring of keys. The first key encrypts, and every key decrypts.

A secret is encrypted with AES-256-GCM, bound to its run and its place in the run: moved elsewhere,
it does not open. The nonce is made from the place and the value (HMAC-SHA256 under a key derived
from the same one, cut to 96 bits), so the same secret in the same place is the same text. So no
randomness is needed, a repeated write is identical, and a nonce is used for two values only if the
HMAC collides.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

from opord.values.canonical import encode, loads

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_ID_LENGTH: Final = 8


class SecretUnreadable(Exception):
    """A stored secret cannot be opened: its key is not on the ring, or it was changed or moved."""


class KeysInvalid(ValueError):
    """The given text or bytes are not valid keys."""


class Vault(Protocol):
    """Seals values and opens sealed ones.

    `place` says where a value is stored, and has to be the same for both.
    """

    def seal(self, place: str, value: Any) -> str:
        """Return the sealed form of plain data."""
        ...

    def open(self, place: str, sealed: str) -> Any:
        """Return the value that was sealed at this place.

        Raises:
            SecretUnreadable: it cannot be opened.
        """
        ...

    def is_current(self, sealed: str) -> bool:
        """Say whether `sealed` is sealed as a new value would be."""
        ...


class _Unopened:
    """The placeholder for a secret that no key here can open."""

    def __repr__(self) -> str:
        return "[secret]"


UNOPENED: Final = _Unopened()


class Blind:
    """A vault without keys, for programs that only show runs: every secret is `UNOPENED`."""

    def seal(self, place: str, value: Any) -> str:
        """Refuse: nothing is written without keys."""
        raise SecretUnreadable(f"there is no key to seal the secret at {place}")

    def open(self, place: str, sealed: str) -> Any:
        """Return a secret in rest form that holds `UNOPENED`."""
        return {"$secret": UNOPENED}

    def is_current(self, sealed: str) -> bool:
        """Say yes: without keys nothing can be sealed again."""
        return True


class KeyRing:
    """Keys of 256 bits: the first one seals, each of them opens what it sealed.

    Raises:
        KeysInvalid: there is no key, or one of a wrong size.
        ImportError: the extra `opord[secrets]` is not installed.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys: dict[str, _Key] = {}
        for key in keys:
            if len(key) != KEY_BYTES:
                raise KeysInvalid(f"a key has {KEY_BYTES} bytes, got one of {len(key)}")
            opened_key = _Key(key)
            self._keys.setdefault(opened_key.id, opened_key)
        if not self._keys:
            raise KeysInvalid("a key ring needs at least one key")
        self._first = next(iter(self._keys.values()))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    @property
    def ids(self) -> list[str]:
        """The names of the keys, the sealing key first. They reveal nothing about the keys."""
        return list(self._keys)

    def seal(self, place: str, value: Any) -> str:
        """Return the sealed form of plain data: the name of the key, and the rest in base64."""
        return f"{self._first.id}.{base64.b64encode(self._first.seal(place, encode(value))).decode()}"

    def open(self, place: str, sealed: str) -> Any:
        """Return the value that was sealed at this place, or raise SecretUnreadable."""
        name, _, rest = sealed.partition(".")
        key = self._keys.get(name)
        if key is None:
            raise SecretUnreadable(
                f"the secret at {_shown_place(place)} was sealed with the key {name}, which is not among the configured "
                f"ones ({', '.join(self._keys)}); put that key back, after the first one"
            )
        return loads(key.open(place, rest))

    def is_current(self, sealed: str) -> bool:
        """Say whether `sealed` is sealed with the first key."""
        return sealed.startswith(f"{self._first.id}.")


def _shown_place(place: str) -> str:
    return place.replace("\n", ", ")


class _Key:
    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.id = sha256(b"opord key id\0" + key).hexdigest()[:_ID_LENGTH]
        self._cipher: AESGCM = AESGCM(key)
        self._nonces = hmac.new(key, b"opord nonces", sha256).digest()

    def seal(self, place: str, plain: bytes) -> bytes:
        bound = place.encode()
        nonce = hmac.new(self._nonces, bound + b"\0" + plain, sha256).digest()[:_NONCE_BYTES]
        return nonce + self._cipher.encrypt(nonce, plain, bound)

    def open(self, place: str, text: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            raw = base64.b64decode(text, validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode())
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise SecretUnreadable(
                f"the secret at {_shown_place(place)} cannot be opened: it was changed, or belongs to another place"
            ) from error


def read_keys(text: str) -> list[bytes]:
    """Read keys from a setting: in base64, separated by commas, blanks or new lines.

    The first one seals.

    Raises:
        KeysInvalid: one of them is not a key. The message gives its number, never its text.
    """
    keys = []
    for number, word in enumerate(text.replace(",", " ").split(), start=1):
        try:
            key = base64.b64decode(word, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeysInvalid(
                f"key {number} is not a key: expected {KEY_BYTES} bytes in base64, as `opord keys new` writes them"
            )
        keys.append(key)
    if not keys:
        raise KeysInvalid("no key is given; `opord keys new` makes one")
    return keys


def write_key(key: bytes) -> str:
    """Write a key as `read_keys` reads it."""
    return base64.b64encode(key).decode()
