"""Digests of what a start or an event carries, to recognise one that is repeated."""

from __future__ import annotations

from typing import Any

from opord.contract import Contract, Event
from opord.kernel.same_input import by_value
from opord.kernel.sealing import SEALED, SECRET
from opord.values.canonical import digest, dumps, loads
from opord.values.types import Digest


def input_digest(text: str) -> str:
    """Return the digest of an input, given as stored canonical JSON or as rest form.

    Secrets are left out: a digest would reveal a short secret, and the process that computes it may
    have no key.
    """
    if SECRET not in text and SEALED not in text:
        return digest(text)
    return digest(dumps(_without_secrets(loads(text))))


def value_digest(contract: Contract, text: str) -> str:
    """Return the digest of an input by value: with `10.0` and `10.00` it is the same.

    Opord 0.1 kept `input_digest` of a pruned run, so a start is compared with both.
    """
    return input_digest(dumps(by_value(contract, loads(text))))


def event_digests(contract: Contract, event: Event, args: Any) -> tuple[Digest, Digest]:
    """Return the digests of what an event carries in rest form: by value, and by text.

    The first is what is kept with the key of an event; Opord 0.1 kept the second.
    """
    return digest(dumps(by_value(contract, args, event.params))), digest(dumps(args))


def _without_secrets(rest: Any) -> Any:
    if isinstance(rest, dict):
        if SECRET in rest or SEALED in rest:
            return {SECRET: None}
        return {name: _without_secrets(value) for name, value in rest.items()}
    if isinstance(rest, list):
        return [_without_secrets(value) for value in rest]
    return rest
