"""Texts that open something: tokens and the links of approvals, how they are written and read.

    opord_<id: 12><secret: 43><checksum: 6>

The id is no secret: it finds the row. The secret has 256 bits. The checksum tells a text that was
cut or mistyped from one that is wrong, without asking the store, and lets scanners for leaked
secrets find tokens with few false alarms. The prefix says what the text is.
"""

from __future__ import annotations

import re
import secrets
from binascii import crc32
from hashlib import sha256
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["opord_", "opordlink_"]

PREFIX: Final = "opord_"
LINK_PREFIX: Final = "opordlink_"

_SIGNS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID: Final = 12
_SECRET: Final = 43
_SUM: Final = 6
_SHAPE: Final = re.compile(f"[0-9A-Za-z]{{{_ID + _SECRET + _SUM}}}", re.ASCII)

SECRET_BYTES: Final = 32


class Mistyped(ValueError):
    """The text is not whole: it was cut, or its checksum does not fit."""


class Credential(NamedTuple):
    """What a text says: the id that finds its row, and the secret that has to fit it."""

    id: str
    secret: bytes


def new_id() -> str:
    """Return a random id."""
    return "".join(secrets.choice(_SIGNS) for _ in range(_ID))


def new_secret() -> bytes:
    """Return 256 random bits."""
    return secrets.token_bytes(SECRET_BYTES)


def write(kind: Kind, credential: Credential) -> str:
    """Return the text of a credential."""
    secret = int.from_bytes(credential.secret)
    text = f"{kind}{credential.id}{_in_signs(secret, _SECRET)}"
    return text + _checksum(text)


def read(kind: Kind, text: str) -> Credential:
    """Return what a text says.

    Raises:
        Mistyped: it is not a whole text of this kind.
    """
    rest = text.removeprefix(kind)
    if len(rest) == len(text) or not _SHAPE.fullmatch(rest) or _checksum(text[:-_SUM]) != text[-_SUM:]:
        raise Mistyped
    number = 0
    for sign in rest[_ID:-_SUM]:
        number = number * 62 + _SIGNS.index(sign)
    if number >> (8 * SECRET_BYTES):
        raise Mistyped
    return Credential(rest[:_ID], number.to_bytes(SECRET_BYTES))


def digest(secret: bytes) -> bytes:
    """Return what is stored of a secret: its SHA-256.

    A slow hash would protect a secret that can be guessed. Nobody guesses 256 random bits, and a
    token is checked with each request.
    """
    return sha256(secret).digest()


def _checksum(text: str) -> str:
    return _in_signs(crc32(text.encode()), _SUM)


def _in_signs(number: int, width: int) -> str:
    signs = ""
    for _ in range(width):
        number, at = divmod(number, 62)
        signs = _SIGNS[at] + signs
    return signs
