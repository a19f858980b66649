"""Secrets of webhooks, in and out: where settings say that they are, never what they are."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

LONGEST: Final = 4096
"""How long a file with secrets may be, in bytes."""

PREFIX: Final = "whsec_"
"""How a secret of Standard Webhooks begins."""


def read_secret(place: object, environ: Mapping[str, str]) -> str:
    """Return what is at `env:NAME` or at `file:/path`, without the space around it.

    Raises:
        ValueError: the place is named otherwise, or has nothing that can be read. The message has
            the name and never the secret.
    """
    kind, _, name = place.partition(":") if isinstance(place, str) else ("", "", "")
    read = _WAYS.get(kind)
    if read is None or not name:
        # What stands here may be the secret itself, so it is not shown.
        raise ValueError(
            "a secret is named, as in `env:STRIPE_SECRET` or `file:/run/secrets/stripe`; got something else"
        )
    return read(name, environ)


def standard_key(secret: str) -> bytes:
    """Return the key of a secret of Standard Webhooks.

    Raises:
        ValueError: it has another form. The message does not show it.
    """
    if not secret.startswith(PREFIX):
        raise ValueError(f"a secret of Standard Webhooks begins with {PREFIX}")
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"what follows {PREFIX} is not base64") from None


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    secret = environ.get(name, "").strip()
    if not secret:
        raise ValueError(f"the environment variable {name} is not set; it has the secret (`env:{name}`)")
    return secret


def _from_file(name: str, environ: Mapping[str, str]) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise ValueError(f"the secret in `file:{name}` cannot be read: {error.strerror or error}") from None
    if len(content) > LONGEST:
        raise ValueError(f"the file of the secret in `file:{name}` has more than {LONGEST:,} bytes")
    try:
        secret = content.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"the secret in `file:{name}` is not text") from None
    if not secret:
        raise ValueError(f"the file of the secret in `file:{name}` is empty")
    return secret


_WAYS: Final[Mapping[str, Callable[[str, Mapping[str, str]], str]]] = {
    "env": _from_environment,
    "file": _from_file,
}
