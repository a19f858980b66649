"""Show runs of an archive in the same form as those of a backend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opord.backends.base import Verified
from opord.backends.verifying import only_chain
from opord.drive.errors import ContractUnreadable
from opord.engine.programs import Programs
from opord.engine.protection import SHOWING
from opord.kernel.legality import Problem, verify_chain, verify_kept
from opord.kernel.program import Program
from opord.kernel.rows import Kept, RunRow
from opord.kernel.run import load_run
from opord.kernel.unread import program_by_row
from opord.kernel.views import history_view, run_view, unreadable_view
from opord.stores.archive import Archive, Damage


class ArchivedRuns:
    """An archive and the contracts found in it.

    `damages` are the lines that differ from what was written.

    `torn` is true if the last line is not whole: a prune was cut off there, and that run is still
    in its store. `unended` is true if the end is missing; a prune was cut off there too, unless
    somebody removed lines.
    """

    def __init__(self, path: Path) -> None:
        """Read through the archive.

        Raises:
            ArchiveRefused: the file is not an archive.
            OSError: it cannot be read.
        """
        self._archive = Archive(path)
        self._programs = Programs(SHOWING)
        self.path = path
        self.damages: list[Damage] = self._archive.damages
        self.torn: bool = self._archive.torn
        self.unended: bool = self._archive.unended

    def program(self, row: RunRow) -> Program:
        """Return the program of a run's contract.

        Raises:
            ContractUnreadable: this version cannot compile it.
        """
        return self._programs.load(self._archive, row.contract)

    def by_row(self, row: RunRow) -> Program:
        """Return what is known of a run's contract without its text."""
        contract = self._archive.contract(row.contract)
        return program_by_row(row, contract.also if contract is not None else ())

    def view(self, run: Kept) -> dict[str, Any]:
        """Return a run as shown. If its contract cannot be read, show what can be read."""
        try:
            return run_view(load_run(self.program(run.row), run.row, run.values), served=frozenset())
        except ContractUnreadable as wrong:
            return unreadable_view(run.row, str(wrong))

    def history(self, run: Kept, program: Program, *, once: bool = False) -> list[dict[str, Any]]:
        """Return a run's records as shown. `program` may come from `by_row`.

        With `once`, each large value is in one record alone.
        """
        return history_view(program, run.records, run.inbox, run.values, once=once)

    def runs(self, run: str | None = None) -> Iterator[Kept]:
        """Yield the runs in the archive, or those that had one name over time."""
        return (story.kept for story in self._archive.runs(run))

    def verify(self, run: Kept) -> Verified:
        """Prove that the journal of a run is unbroken and every transition in it legal."""
        try:
            problems = verify_kept(self.program(run.row), run)
        except ContractUnreadable as wrong:
            chain = verify_chain(self.by_row(run.row), run.row, run.records, run.values)
            problems = [Problem(None, "contract", only_chain(wrong)), *chain]
        return Verified(run.row.run, len(run.records), problems, (), run.row.head.status)
