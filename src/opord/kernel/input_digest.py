"""The digest of an input: it identifies a repeated start when the input itself is gone."""

from __future__ import annotations

from typing import Any

from opord.kernel.sealing import SEALED, SECRET
from opord.values.canonical import digest, dumps, loads


def input_digest(text: str) -> str:
    """Return the digest of an input, given as stored canonical JSON or as rest form.

    Secrets are left out: a digest would reveal a short secret, and the process that computes it may
    have no key.
    """
    if SECRET not in text and SEALED not in text:
        return digest(text)
    return digest(dumps(_without_secrets(loads(text))))


def _without_secrets(rest: Any) -> Any:
    if isinstance(rest, dict):
        if SECRET in rest or SEALED in rest:
            return {SECRET: None}
        return {name: _without_secrets(value) for name, value in rest.items()}
    if isinstance(rest, list):
        return [_without_secrets(value) for value in rest]
    return rest
