"""The programs a process knows: those it was given, and those it finds in the store with their runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Protocol

from opord.drive.errors import EngineError
from opord.engine.protection import Protection
from opord.kernel.program import Program
from opord.stores.base import StoredContract


class ContractUnreadable(EngineError):
    """A contract stored with its runs cannot be compiled by this version of Opord."""

    code = "contract_unreadable"


class Texts(Protocol):
    """What has the texts of contracts: a store, or an archive."""

    def contract(self, digest: str) -> StoredContract | None:
        """Return the contract of that digest."""
        ...


class Programs:
    """Programs by digest; what is not there is compiled from the text in the store."""

    def __init__(self, protection: Protection, given: Iterable[Program] = ()) -> None:
        self._protection = protection
        self._known = {program.digest: protection.of(program) for program in given}

    def given(self) -> list[Program]:
        """Return what is known so far."""
        return list(self._known.values())

    def own(self, program: Program) -> Program:
        """Return the program as this process runs it, its secrets protected; it is known from now on.

        Raises:
            SecretsUnprotected: it has secrets, and there is no key.
        """
        known = self._known.get(program.digest)
        if known is None:
            known = self._known[program.digest] = self._protection.of(program)
        return known

    def known(self, digest: str) -> Program | None:
        """Return the program of a contract, if it is known without asking the store."""
        return self._known.get(digest)

    def load(self, store: Texts, digest: str) -> Program:
        """Return the program of a contract, from the store if need be; blocks.

        Raises:
            ContractUnreadable: the store has no such contract, or its text does not compile to that digest.
            SecretsUnprotected: it has secrets, and there is no key.
        """
        program = self._known.get(digest)
        if program is None:
            stored = store.contract(digest)
            if stored is None:
                raise ContractUnreadable(f"the store has runs of a contract {digest[:12]} but not its text")
            program = self._known[digest] = self._protection.of(_compile(stored))
        return program


def _compile(stored: StoredContract) -> Program:
    from opord.loading import load_sources

    sources = tuple((name, text) for name, text in json.loads(stored.sources))
    try:
        program = load_sources(sources)
    except Exception as error:
        raise ContractUnreadable(
            f"the stored contract {stored.name} version {stored.version} cannot be compiled: {error}"
        ) from error
    if program.digest != stored.digest:
        raise ContractUnreadable(
            f"the stored contract {stored.name} version {stored.version} compiles to another digest "
            f"({program.digest[:12]}, stored {stored.digest[:12]}); it was stored by another version of Opord"
        )
    return program


def stored_form(program: Program) -> StoredContract:
    """Return a program's contract as the store keeps it."""
    sources = json.dumps([list(source) for source in program.sources], ensure_ascii=False)
    return StoredContract(program.digest, program.name, program.version, sources)
