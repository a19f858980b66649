"""Checks of secrets: can the keys be used, and do contracts with secrets have a key?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from opord.cli.doctor.observation import Observation
from opord.cli.errors import CliError
from opord.cli.settings import secret_keys, setting
from opord.story.counting import counted

if TYPE_CHECKING:
    from opord.contract import Contract

_INSECURE = "OPORD_INSECURE_PLAINTEXT_SECRETS"


def check_keys() -> Iterator[Observation]:
    """Try the configured keys. They are never shown."""
    from opord.backends.upkeep import SecretsExtraMissing, check_keys
    from opord.values.vault import KeysInvalid

    if not _keys():
        return
    try:
        check_keys(_keys())
    except SecretsExtraMissing:
        message = "keys are configured, but the package that encrypts with them is not installed"
        yield Observation("secrets", "wrong", message, "pip install 'opord[secrets]'")
    except KeysInvalid as wrong:
        yield Observation("secrets", "wrong", str(wrong), "set the keys again; `opord keys new` makes one")
    else:
        yield Observation("secrets", "fine", "the keys can be used")


def check_sealed_values(url: str) -> Iterator[Observation]:
    """Open a sample of the store's secrets with the configured keys, and report which keys lack."""
    from opord.backends.base import StoreError
    from opord.backends.sealed_values import try_keys
    from opord.backends.upkeep import SecretsExtraMissing
    from opord.values.vault import KeysInvalid

    try:
        sample = try_keys(url, _keys())
    except (StoreError, KeysInvalid, SecretsExtraMissing):
        return  # other checks report these
    if not sample.values:
        return
    facts = {**sample._asdict(), "values": sample.values}
    message = (
        f"{sample.opened} of {counted(sample.values, 'secret')} in the inputs of {counted(sample.runs, 'run')} "
        "can be opened with the configured keys"
    )
    if sample.missing:
        keys = ", ".join(f"{key} ({number})" for key, number in sorted(sample.missing.items()))
        move = "put the missing keys back into OPORD_SECRET_KEYS, after the first one"
        # Where no key is configured, nothing may be meant to open them: showing runs needs none.
        yield Observation(
            "secrets",
            "wrong" if _keys() else "warning",
            f"{message}; missing: the key {keys}",
            move,
            facts,
        )
    if sample.broken:
        message = f"{counted(sample.broken, 'secret')} cannot be opened with the key that sealed it"
        yield Observation("secrets", "wrong", message, "opord doctor --whole looks for damage", facts)
    elif not sample.missing:
        yield Observation("secrets", "fine", message, facts=facts)


def check_secrets(file: str, contract: Contract) -> Iterator[Observation]:
    """Report what happens to the secrets of contracts if no key is configured."""
    from opord.loading.build import secret_places

    places = secret_places(contract)
    if not places or _keys():
        return
    facts = {"contract": file, "places": list(places)}
    some = ", ".join(places[:3]) + (", …" if len(places) > 3 else "")
    if _insecure():
        message = (
            f"{file}: the secrets in {some} stay readable in the store, as insecure_plaintext_secrets asks"
        )
        yield Observation(
            "secrets",
            "warning",
            message,
            "make a key with `opord keys new` before the first real secret is stored",
            facts,
        )
        return
    message = f"{file} has secrets ({some}), and no key is configured; Opord refuses to start its runs"
    yield Observation("secrets", "warning", message, 'export OPORD_SECRET_KEYS="$(opord keys new)"', facts)


def _keys() -> str:
    try:
        return secret_keys().strip()
    except CliError:
        return ""  # that check has reported the error already


def _insecure() -> bool:
    try:
        value = os.environ.get(_INSECURE) or setting("insecure_plaintext_secrets", False)
    except CliError:
        return False
    return str(value).lower() in ("1", "true", "t", "yes", "y", "on")
