"""Secrets in a run's data: find them, and hide them in errors and log lines."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from opord.kernel.run import Run
from opord.kernel.sealing import comparable

SHORTEST = 3
"""Shorter texts are not searched for: hiding every "a" would hide the message, not the secret."""

_SURE = 8
"""Shorter encoded pieces are not searched for: they would be found in unrelated texts."""

_PLAIN_IN_ADDRESSES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def secret_texts(run: Run) -> list[str]:
    """Return all texts of secret values that the run carries, the longest first."""
    texts: set[str] = set()
    body = run.body
    texts.update(secrets_in(comparable(run.input_rest.rest)))
    texts.update(secrets_in(run.data))
    if body.pending is not None:
        if body.pending.intent is not None:
            texts.update(secrets_in(body.pending.intent.args))
        if body.pending.cause is not None:
            texts.update(secrets_in(body.pending.cause.args))
        for answer in body.pending.answers:
            texts.update(secrets_in(answer.ok))
    return sorted((text for text in texts if len(text) >= SHORTEST), key=len, reverse=True)


def hidden(run: Run, text: str) -> str:
    """Return a text with every secret of the run as `[secret]`, even if escaped or encoded.

    A `KeyError` and each printed list or mapping show a text as a literal. A client shows the JSON
    or the address that it sent. A group of exceptions breaks a text of several lines into lines.
    """
    return hiding(run)(text)


def hiding(run: Run) -> Callable[[str], str]:
    """Return a function that hides the secrets of the run in a text, as `hidden` does."""
    return hiding_texts(secret_texts(run))


def hiding_texts(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that hides these secrets in a text, as `hidden` does."""
    forms = {form for secret in secrets for form in _forms(secret)}
    longest_first = sorted(forms, key=lambda form: (-len(form), form))

    def hide(text: str) -> str:
        for form in longest_first:
            text = text.replace(form, "[secret]")
        return text

    return hide


def _forms(secret: str) -> Iterator[str]:
    """Yield the forms of a secret in a text: as it is, its lines, escaped and encoded.

    Each is escaped once and twice.
    """
    for text in dict.fromkeys((secret, *(line.strip() for line in secret.splitlines()))):
        if len(text) < SHORTEST:
            continue
        yield text
        for once in _escaped(text):
            yield once
            yield from _escaped(once)
    yield from _encoded(secret.encode("utf-8", "surrogatepass"))
    try:
        raw = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return
    if len(raw) >= SHORTEST:  # may be a `secret bytes`, which JSON holds as base64
        yield repr(raw)[2:-1]
        yield from _encoded(raw)


def _escaped(text: str) -> Iterator[str]:
    """Yield the contents of the literals that Python and JSON write for a text."""
    yield repr(text)[1:-1]
    yield repr(text + "'\"")[1:-4]  # the text next to it may force the other quotation mark
    yield repr(text + "\"'")[1:-4]
    yield ascii(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text.encode("utf-8", "surrogatepass"))[2:-1]
    yield text.replace("\\", "\\\\")


def _encoded(raw: bytes) -> Iterator[str]:
    """Yield the encodings of bytes in addresses, headers and dumps.

    In base64 the bytes are also encoded at other offsets.
    """
    address = "".join(chr(byte) if byte in _PLAIN_IN_ADDRESSES else f"%{byte:02X}" for byte in raw)
    yield from (address, address.replace("%2F", "/"), address.replace("%20", "+"))
    pieces = [raw.hex(), raw.hex().upper()]
    for before in range(3):
        # The first and the last character may hold bits of the neighbouring data, so they are left
        # out.
        start, end = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            pieces.append(encode(b"\0" * before + raw).decode()[start:end])
    yield from (piece for piece in pieces if len(piece) >= _SURE)


def secrets_in(plain: Any) -> Iterator[str]:
    """Yield the texts of all secrets in data in rest form."""
    if isinstance(plain, dict):
        for name, value in plain.items():
            if name == "$secret":
                yield value if isinstance(value, str) else json.dumps(value)
                yield from _parts(value)
            else:
                yield from secrets_in(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from secrets_in(value)


def _parts(value: Any) -> Iterator[str]:
    """Yield the texts and numbers in a secret record, list or map. Each is secret too."""
    match value:
        case dict():
            for part in value.values():
                yield from _parts(part)
        case list():
            for part in value:
                yield from _parts(part)
        case str():
            yield value
        case int() | float() if not isinstance(value, bool):
            yield json.dumps(value)
        case _:  # open: JSON data; `true`, `false` and `null` reveal nothing
            return
