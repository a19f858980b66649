"""`opord runs history`: what happened to this run?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opord.cli.archived import archive_option, story_of
from opord.cli.completing import offer_runs
from opord.cli.output import note, write, write_json
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.values.types import RunId

if TYPE_CHECKING:
    from opord.backends.shown import Shown
    from opord.kernel.program import Program


@click.command()
@click.argument("run", shell_complete=offer_runs)
@archive_option
@click.option("--verbose", is_flag=True, help="Show the whole traceback of a handler's error.")
@store_option
@json_option
def command(run: str, archive: str | None, verbose: bool, store: str, as_json: bool) -> int:
    """Tell what happened to a run.

    The history goes from the start to now. It has the states and the cause of each move, the calls
    with their attempts and durations, who sent what, why the run waits, and what a person can do
    next. Secrets are never shown.

    \b
    Example of a run that was pruned:
      opord runs history Refund/o1 --archive old-runs.jsonl
    """
    # In JSON a value that many records carry is written once; in memory they share it.
    program, history, view = (
        _of_store(run, store, once=as_json) if archive is None else _of_archive(run, archive, once=as_json)
    )
    if as_json:
        write_json(history)
        return 0
    from opord.cli.page import history_page

    for line in history_page(program, history, view, verbose=verbose):
        write(line)
    return 0


def _of_store(run: str, store: str, *, once: bool) -> tuple[Program, list[dict[str, Any]], dict[str, Any]]:
    async def read_history(shown: Shown) -> tuple[Program, list[dict[str, Any]], dict[str, Any]]:
        from opord.backends.base import RowDamaged
        from opord.backends.shown import ContractUnreadable
        from opord.kernel.views import unreadable_view

        reading = await shown.backend.kept(RunId(run))
        row, damage = reading.kept.row, reading.row_damage
        try:
            program = await shown.program(row)
        except (ContractUnreadable, RowDamaged) as wrong:
            program = await shown.by_row(row)
            _note_records_alone(wrong)
        view = await shown.view(row) if damage is None else unreadable_view(row, damage)
        return program, shown.history(reading, program, once=once), view

    return on_reader(store, read_history)


def _of_archive(run: str, path: str, *, once: bool) -> tuple[Program, list[dict[str, Any]], dict[str, Any]]:
    from opord.backends.archived import ArchivedRuns
    from opord.backends.shown import ContractUnreadable

    archived = ArchivedRuns(Path(path))
    content = story_of(archived, run)
    try:
        program = archived.program(content.row)
    except ContractUnreadable as wrong:
        program = archived.by_row(content.row)
        _note_records_alone(wrong)
    return program, archived.history(content, program, once=once), archived.view(content)


def _note_records_alone(wrong: Exception) -> None:
    note(f"{wrong}; the history below comes from the records alone")
