"""Reading runs from an archive: what the commands that look at runs ask of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opord.cli.errors import CliError
from opord.cli.output import note
from opord.story.signs import safe

if TYPE_CHECKING:
    from opord.kernel.program import Program
    from opord.kernel.rows import Kept, RunRow

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def archive_option(command: CommandT) -> CommandT:
    """Give a command the option `--archive`."""
    return click.option(
        "--archive", metavar="FILE", help="Look into this archive of `opord prune` instead of the store."
    )(command)


class ArchivedRuns:
    """An archive and the contracts found in it."""

    def __init__(self, path: str) -> None:
        """Look through the archive.

        Raises:
            ArchiveRefused: it is none.
            OSError: it cannot be read.
        """
        from opord.engine.programs import Programs
        from opord.engine.protection import SHOWING
        from opord.stores.archive import Archive

        self.archive = Archive(Path(path))
        self._programs = Programs(SHOWING)

    def program(self, row: RunRow) -> Program:
        """Return the program of a run's contract.

        Raises:
            ContractUnreadable: this version cannot compile it.
        """
        return self._programs.load(self.archive, row.contract)

    def by_row(self, row: RunRow) -> Program:
        """Return what is known of a run's contract without its text."""
        from opord.kernel.unread import program_by_row

        stored = self.archive.contract(row.contract)
        return program_by_row(row, stored.also if stored is not None else ())

    def view(self, kept: Kept) -> dict[str, Any]:
        """Return a run as shown; one whose contract cannot be read is shown as far as it goes."""
        from opord.drive.errors import ContractUnreadable
        from opord.kernel.run import load_run
        from opord.kernel.views import run_view, unreadable_view

        try:
            return run_view(load_run(self.program(kept.row), kept.row, kept.values), served=frozenset())
        except ContractUnreadable as wrong:
            return unreadable_view(kept.row, str(wrong))

    def only(self, run: str) -> Kept:
        """Return a run of that name; the one that started last, if in the course of time there were more.

        Raises:
            CliError: there is none.
        """
        stories = [story.kept for story in self.archive.runs(run)]
        if not stories:
            damaged = (
                f"; {len(self.archive.damages)} of its lines are damaged" if self.archive.damages else ""
            )
            raise CliError("run_unknown", f"{self.archive.path} has no run {run!r}{damaged}")
        if len(stories) > 1:
            note(f"{len(stories)} runs were called {safe(run)}; this is the one that started last")
        return max(stories, key=lambda kept: kept.row.started_at)
