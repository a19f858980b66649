"""The keys of a route of webhooks, by where it says that its secrets are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opord.server.secret_places import read_secret
from opord.server.webhooks.schemes import SchemeName, key_of


def keys_of(scheme: SchemeName, secrets: Sequence[object], environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return the keys of a route, from `env:NAME` or `file:/path` for each.

    One place may have several, with spaces between them; not of `github`, whose secrets may have
    spaces in them.

    Raises:
        ValueError: one is named otherwise, is missing, or is not of the scheme's form. The message
            has the name and never the secret.
    """
    return tuple(key for place in secrets for key in _keys(scheme, place, environ))


def _keys(scheme: SchemeName, place: object, environ: Mapping[str, str]) -> list[bytes]:
    said = read_secret(place, environ)
    try:
        return [key_of(scheme, secret) for secret in ([said] if scheme == "github" else said.split())]
    except ValueError as wrong:
        raise ValueError(f"the secret in `{place}` cannot be used: {wrong}") from None
