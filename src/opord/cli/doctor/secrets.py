"""Checks of secrets: can the keys be used, and do contracts with secrets have a key?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from opord.cli.doctor.observation import Observation
from opord.cli.errors import CliError
from opord.cli.settings import secret_keys, setting

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
        message = "keys are configured, and what encrypts with them is not installed"
        yield Observation("secrets", "wrong", message, "pip install 'opord[secrets]'")
    except KeysInvalid as wrong:
        yield Observation("secrets", "wrong", str(wrong), "set the keys again; `opord keys new` makes one")
    else:
        yield Observation("secrets", "fine", "the keys can be used")


def check_secrets(file: str, contract: Contract) -> Iterator[Observation]:
    """Report what happens to the secrets of contracts if no key is configured."""
    from opord.loading.build import secret_places

    places = secret_places(contract)
    if not places or _keys():
        return
    facts = {"contract": file, "places": list(places)}
    some = ", ".join(places[:3]) + (", …" if len(places) > 3 else "")
    if _insecure():
        message = f"{file}: the secrets in {some} stay readable in the store, as is asked for"
        yield Observation(
            "secrets", "warning", message, "opord keys new, before there is anything to hide", facts
        )
        return
    message = f"{file} has secrets ({some}), and no key is configured: no run of it is started"
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
