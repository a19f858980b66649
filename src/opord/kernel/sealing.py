"""Secrets on their way to the store and back: stored data are sealed, data in memory are not.

In rest form a secret is `{"$secret": value}`. If a program has a vault, that becomes `{"$sealed":
text}` in all data for the store, bound to the run and to the place in it. It becomes `$secret`
again in data from the store. An object in a user's own data that looks like either is sealed as
well, so every `$sealed` that is read was sealed here.
"""

from __future__ import annotations

from typing import Any

from opord.kernel.program import Program
from opord.kernel.records import OF_ALL, RecordBody
from opord.values.canonical import dumps, loads
from opord.values.codec_source import SEALED_MEMBER, SECRET_MEMBER
from opord.values.types import Digest, RunId
from opord.values.vault import UNOPENED, SecretUnreadable, Vault

SECRET, SEALED = SECRET_MEMBER, SEALED_MEMBER


def sealed(program: Program, run: RunId, place: str, rest: Any) -> Any:
    """Return data in rest form as they are stored at a place of a run."""
    vault = program.vault
    return rest if vault is None else seal_data(vault, f"{run}\n{place}", rest)


def sealed_record(program: Program, run: RunId, seq: int, body: RecordBody) -> RecordBody:
    """Return a record with the members of its kind as they are stored."""
    of_kind = {
        name: value
        for name in body.__struct_fields__
        if name not in OF_ALL and (value := getattr(body, name)) is not None
    }
    values = of_kind.pop("values", None)
    return RecordBody(kind=body.kind, values=values, **sealed(program, run, f"record {seq}", of_kind))


def opened(program: Program, run: RunId, place: str, data: Any) -> Any:
    """Return stored data in rest form.

    Raises:
        SecretUnreadable: a secret in them cannot be opened.
    """
    vault = program.vault
    return data if vault is None else open_data(vault, f"{run}\n{place}", data)


def sealed_text(program: Program, run: RunId, place: str, text: str) -> str:
    """Return JSON text as it is stored at a place of a run."""
    if program.vault is None:
        return text
    return dumps(sealed(program, run, place, loads(text)))


def opened_text(program: Program, run: RunId, place: str, text: str) -> str:
    """Return stored JSON text with its secrets in rest form."""
    if program.vault is None or SEALED not in text:
        return text
    return dumps(opened(program, run, place, loads(text)))


def sealed_digest(program: Program, run: RunId, place: str, digest: Digest) -> str:
    """Return a digest as it is stored: sealed, because a digest could reveal a short secret."""
    if program.vault is None:
        return digest
    return program.vault.seal(f"{run}\n{place}", digest)


def opened_digest(program: Program, run: RunId, place: str, text: str) -> str:
    """Return a stored digest. A digest that was stored without a vault is returned as it is.

    Raises:
        SecretUnreadable: it is sealed and cannot be opened.
    """
    if "." not in text:
        return text
    if program.vault is None:
        raise SecretUnreadable(
            f"the {place} of {run} is encrypted, and no key is configured; set OPORD_SECRET_KEYS"
        )
    plain = program.vault.open(f"{run}\n{place}", text)
    return str(plain)


def comparable(rest: Any) -> Any:
    """Return data in rest form without unopened secrets, to be written and compared."""
    if isinstance(rest, dict):
        if rest.get(SECRET) is UNOPENED:
            return {SECRET: None}
        return {name: comparable(value) for name, value in rest.items()}
    if isinstance(rest, list):
        return [comparable(value) for value in rest]
    return rest


def seal_data(vault: Vault, place: str, rest: Any) -> Any:
    """Return data with every secret in them sealed, each bound to its place."""
    if isinstance(rest, dict):
        if SECRET in rest or SEALED in rest:
            return {SEALED: vault.seal(place, rest)}
        return {name: seal_data(vault, f"{place}/{name}", value) for name, value in rest.items()}
    if isinstance(rest, list | tuple):
        return [seal_data(vault, f"{place}/{index}", value) for index, value in enumerate(rest)]
    return rest


def open_data(vault: Vault, place: str, data: Any) -> Any:
    """Return data with all sealed parts opened."""
    if isinstance(data, dict):
        text = data.get(SEALED)
        if isinstance(text, str) and len(data) == 1:
            return vault.open(place, text)
        return {name: open_data(vault, f"{place}/{name}", value) for name, value in data.items()}
    if isinstance(data, list):
        return [open_data(vault, f"{place}/{index}", value) for index, value in enumerate(data)]
    return data
