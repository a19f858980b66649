"""Secrets of webhooks: where a route says that they are, never what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from opord.server.webhooks.schemes import SchemeName, key_of

_LONGEST: Final = 4096
"""How long a file with a secret may be, in bytes."""


def keys_of(scheme: SchemeName, secrets: Sequence[object], environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the keys of a route, from `env:NAME` or `file:/path` for each.

    Raises:
        ValueError: one is named otherwise, is missing, or is not of the scheme's form. The message
            has the name and never the secret.
    """
    return tuple(_key(scheme, one, environ) for one in secrets)


def _key(scheme: SchemeName, named: object, environ: Mapping[str, str]) -> bytes:
    kind, _, name = named.partition(":") if isinstance(named, str) else ("", "", "")
    read = _WAYS.get(kind)
    if read is None or not name:
        # What stands here may be the secret itself, so it is not shown.
        raise ValueError(
            "a secret is named, as in `env:STRIPE_SECRET` or `file:/run/secrets/stripe`; got something else"
        )
    secret = read(name, environ)
    try:
        return key_of(scheme, secret)
    except ValueError as wrong:
        raise ValueError(f"the secret in `{kind}:{name}` cannot be used: {wrong}") from None


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    secret = environ.get(name, "")
    if not secret:
        raise ValueError(f"the environment variable {name} is not set; it has the secret (`env:{name}`)")
    return secret


def _from_file(name: str, environ: Mapping[str, str]) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(_LONGEST + 1)
        secret = content.decode().strip()
    except OSError as error:
        raise ValueError(f"the secret in `file:{name}` cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the secret in `file:{name}` is not text") from None
    if len(content) > _LONGEST:
        raise ValueError(f"the file of the secret in `file:{name}` has more than {_LONGEST:,} bytes")
    return secret


_WAYS: Final[Mapping[str, Callable[[str, Mapping[str, str]], str]]] = {
    "env": _from_environment,
    "file": _from_file,
}
