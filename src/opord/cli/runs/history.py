"""`opord runs history`: what happened to this run?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.archived import ArchivedRuns, archive_option
from opord.cli.output import note, write, write_json
from opord.cli.reading import Reader, open_reader
from opord.cli.settings import json_option, store_option

if TYPE_CHECKING:
    from opord.kernel.program import Program
    from opord.kernel.rows import RunRow


@click.command()
@click.argument("run")
@archive_option
@store_option
@json_option
def command(run: str, archive: str | None, store: str, as_json: bool) -> int:
    """Tell what happened to a run.

    From the start to now: the states it went through and why, its calls with their attempts and how long each
    took, who sent what, why it waits, and what a person can do next. Secrets are never shown.

    \b
    Example of a run that was pruned:
      opord runs history Refund/o1 --archive old-runs.jsonl
    """
    from opord.kernel.views import history_view

    if archive is not None:
        archived = ArchivedRuns(archive)
        kept = archived.only(run)
        program, view = _program(archived, kept.row), archived.view(kept)
        history = history_view(program, kept.records, kept.inbox, kept.values)
    else:
        with open_reader(store) as reader:
            row = reader.row(run)
            program = _program(reader, row)
            history = history_view(
                program, reader.journal(run), reader.store.inbox(run), reader.store.values(run)
            )
            view = reader.view(row)
    if as_json:
        write_json(history)
        return 0
    from opord.cli.page import history_page

    for line in history_page(program, history, view):
        write(line)
    return 0


def _program(source: Reader | ArchivedRuns, row: RunRow) -> Program:
    """Return the program of a run's contract; where it cannot be read, say so, and go by the records alone."""
    from opord.drive.errors import ContractUnreadable

    try:
        return source.program(row)
    except ContractUnreadable as wrong:
        note(f"{wrong}; this is what the records alone say")
        return source.by_row(row)
