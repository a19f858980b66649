"""The programs of a process: those it was given, and those it compiles from texts in the store."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Protocol

from opord.drive.errors import ContractUnreadable
from opord.engine.protection import Protection
from opord.kernel.program import Program
from opord.stores.base import ContractConflict, Store, StoredContract
from opord.values.types import Digest


class ContractTexts(Protocol):
    """A source of contract texts: a store or an archive."""

    def contract(self, digest: Digest) -> StoredContract | None:
        """Return the contract of that digest."""
        ...


class Programs:
    """Programs by digest. An unknown one is compiled from its text in the store."""

    def __init__(self, protection: Protection, programs: Iterable[Program] = ()) -> None:
        self._protection = protection
        self._by_digest: dict[str, Program] = {}
        for program in programs:
            self._note(protection.of(program))

    def own(self, program: Program) -> Program:
        """Return the program as this process runs it, with its secrets protected, and remember it.

        Raises:
            SecretsUnprotected: it has secrets, and there is no key.
        """
        own_program = self._by_digest.get(program.digest)
        if own_program is None:
            own_program = self._note(self._protection.of(program))
        return own_program

    def _note(self, program: Program) -> Program:
        """Remember a program under each of its digests."""
        for digest in (program.digest, *program.also):
            self._by_digest.setdefault(digest, program)
        return program

    def compiled(self, digest: Digest) -> Program | None:
        """Return the program of a contract if it is already compiled."""
        return self._by_digest.get(digest)

    def load(self, store: ContractTexts, digest: Digest) -> Program:
        """Return the program of a contract, compiled from the store's text if needed. Blocks.

        Raises:
            ContractUnreadable: the store has no such contract, or its text does not compile to that
                digest.
            SecretsUnprotected: it has secrets, and there is no key.
        """
        program = self._by_digest.get(digest)
        if program is None:
            contract = store.contract(digest)
            if contract is None:
                raise ContractUnreadable(f"the store has runs of a contract {digest[:12]} but not its text")
            program = self._note(self._protection.of(_compile(contract)))
        return program


def _compile(contract: StoredContract) -> Program:
    """Compile a contract from its stored text.

    It was accepted before, so the rules are not checked again.

    Raises:
        ContractUnreadable: the text cannot be read, or is that of another contract.
    """
    # A process that only reads rows needs neither the language nor the generator.
    from opord.loading import OtherContract, load_accepted

    what = f"the stored contract {contract.name} version {contract.version}"
    try:
        sources = [(name, text) for name, text in json.loads(contract.sources)]
        program = load_accepted(sources, contract.digest, contract.form)
    except OtherContract as other:
        raise ContractUnreadable(
            f"{what} compiles to another digest ({other.text_digest[:12]}, stored {contract.digest[:12]}); another version of "
            "Opord stored it"
        ) from other
    except Exception as error:
        raise ContractUnreadable(f"{what} cannot be compiled: {error}") from error
    return dataclasses.replace(
        program, also=program.also | {contract.digest, *contract.also} - {program.digest}
    )


def keep_contract(store: Store, program: Program) -> None:
    """Keep a program's contract in the store. Blocks.

    Raises:
        ContractConflict: a contract with other content has its name and version, and is still
            needed.
    """
    try:
        store.put_contract(stored_form(program))
    except ContractConflict as conflict:
        raise ContractConflict(
            conflict.name,
            conflict.version,
            conflict.stored,
            conflict.offered,
            conflict.needed_by,
            _difference(store.contract(Digest(conflict.stored)), program),
        ) from None


def _difference(row: StoredContract | None, program: Program) -> str:
    """Say where a stored contract differs from a program's.

    Return an empty text if that is unknown.
    """
    from opord.content import first_difference
    from opord.loading import read_accepted

    if row is None:
        return ""
    try:
        sources = [(name, text) for name, text in json.loads(row.sources)]
        contract = read_accepted(sources, row.digest, row.form)
    except Exception:
        return "the stored text cannot be read by this version of Opord"
    return first_difference(contract, program.contract) or ""


def stored_form(program: Program) -> StoredContract:
    """Return a program's contract in the form that the store keeps."""
    from opord.content import FORM

    sources = json.dumps([list(source) for source in program.sources], ensure_ascii=False)
    also = tuple(sorted(program.also))
    return StoredContract(program.digest, program.name, program.version, sources, FORM, also)
