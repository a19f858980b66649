"""How secrets are stored: sealed with the configured keys, or readable if the user insists."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from opord.drive.errors import EngineError, SecretsUnprotected
from opord.kernel.program import Program
from opord.values.vault import Blind, KeyRing, Vault, read_keys

KEYS_VARIABLE = "OPORD_SECRET_KEYS"


class SecretsExtraMissing(EngineError):
    """Keys are configured, but the library that encrypts is not installed."""

    code = "secrets_extra_missing"

    def __init__(self) -> None:
        super().__init__(
            "keys are configured, but the library that encrypts is not installed: pip install 'opord[secrets]'"
        )


@dataclass(frozen=True, slots=True)
class Protection:
    """How secrets are protected: `vault` seals them.

    Without a vault they are refused unless `insecure` is true.
    """

    vault: Vault | None = None
    insecure: bool = False

    def of(self, program: Program) -> Program:
        """Return a program whose secrets are protected in this way.

        Raises:
            SecretsUnprotected: it has secrets, and there is no key.
        """
        if not program.secrets or (program.vault is self.vault and self.vault is not None):
            return program
        if self.vault is None and not self.insecure:
            raise SecretsUnprotected(program.name, program.secrets)
        return replace(program, vault=self.vault)


SHOWING = Protection(Blind())
"""For code that only shows runs: it needs no key and shows every secret as `[secret]`."""


def protection_with(keys: str | None, *, insecure: bool = False) -> Protection:
    """Return the protection for the given settings.

    `keys` has the form of `OPORD_SECRET_KEYS`, which is read if it is None.

    Raises:
        KeysInvalid: they are not keys.
        SecretsExtraMissing: there are keys, and `opord[secrets]` is not installed.
    """
    text = keys if keys is not None else os.environ.get(KEYS_VARIABLE, "")
    if not text.strip():
        return Protection(insecure=insecure)
    try:
        return Protection(KeyRing(read_keys(text)), insecure)
    except ImportError:
        raise SecretsExtraMissing from None
