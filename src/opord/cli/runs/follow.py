"""`opord runs follow`: tell a run's story while it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import click

from opord.cli.completing import offer_runs
from opord.cli.errors import CliError
from opord.cli.output import note, write, write_json_line
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.values.types import RunId
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.shown import Shown
    from opord.kernel.program import Program
    from opord.kernel.rows import RunRow

PATIENCE_S = 60.0
"""How long a change is waited for at a time, in seconds; then the run is looked at again."""


@click.command()
@click.argument("run", shell_complete=offer_runs)
@click.option("--until", metavar="STATE", help="Stop as soon as the run enters this state.")
@store_option
@json_option
def command(run: str, until: str | None, store: str, as_json: bool) -> int:
    """Tell a run's story while it happens.

    The story begins with the start of the run, and goes on until the run has ended or you press
    Ctrl-C. With --until, it stops when the run is in that state or enters it from now on; exit 1 if
    the run ends first. With --json, each record is a line. If the store stops answering, it says so
    and waits.

    \b
    Examples:
      opord runs follow OrderFulfilment/ord-1001
      opord runs follow OrderFulfilment/ord-1001 --until Review --json
    """
    try:
        return on_reader(store, lambda shown: _follow(shown, RunId(run), until, as_json))
    except KeyboardInterrupt:
        return 0


async def _follow(shown: Shown, run: RunId, until: str | None, as_json: bool) -> int:
    """Write what is on record and what comes, and return the exit status."""
    row = await shown.backend.row(run)
    program = await shown.program_if_readable(row) or await shown.by_row(row)
    if until is not None:
        _check_state(program, until)
    tell = write_json_line if as_json else _Teller(program).tell
    came, begun = False, False
    async for now, views in _news(shown, row, program):
        row = now
        for view in views:
            tell(view)
        if until is not None:
            passed = begun and any(view.get("to") == until for view in views)
            came = row.head.state == until or passed
        begun = True
        if came:
            break
    if until is not None and not came:
        note(f"{safe(run)} has ended in {row.head.state}, and did not enter {until} since this command began")
        return 1
    if not as_json:
        await _tell_where(shown, row)
    return 0


async def _news(
    shown: Shown, row: RunRow, program: Program
) -> AsyncIterator[tuple[RunRow, list[dict[str, Any]]]]:
    """Yield the run with its new records as shown, each time that there are some, until its end."""
    from opord.backends.patience import Patience

    patience, seq, changes = Patience(note), 0, None
    while True:
        changes, row, views = await patience.ask(
            lambda: _look(shown, row.run, program, changes, after=seq)  # noqa: B023 - it ends here
        )
        if views:
            yield row, views
            seq = row.seq
        if row.head.status == "ended":
            return


async def _look(
    shown: Shown, run: RunId, program: Program, changes: int | None, *, after: int
) -> tuple[int, RunRow, list[dict[str, Any]]]:
    """Wait for a change; return the count of changes, the run, and its records after a number."""
    # First the count, then the run. The next look sees a change that comes between the two.
    changes = await shown.backend.wait_for_change(changes, PATIENCE_S)
    row = await shown.backend.row(run)
    if row.seq == after:
        return changes, row, []
    return changes, row, await shown.records(run, program, after=after, until=row.seq)


async def _tell_where(shown: Shown, row: RunRow) -> None:
    from opord.cli.page import painted
    from opord.story.lines import where_it_is
    from opord.story.page import waits_text

    view = await shown.view(row)
    write()
    write(painted(where_it_is(view)))
    for line in waits_text(view, await shown.program_if_readable(row)):
        write(line)


class _Teller:
    """Writes records as the lines of a story, each when it comes."""

    def __init__(self, program: Program) -> None:
        from opord.story.lines import Story
        from opord.story.page import Timeline

        self._story = Story(program)
        self._timeline = Timeline()
        self._told = 0

    def tell(self, record: dict[str, Any]) -> None:
        """Write the lines of one record."""
        from opord.cli.page import styled

        self._story.add(record)
        for one in self._story.lines[self._told :]:
            for line in self._timeline.add(one, paint=styled):
                write(line)
        self._told = len(self._story.lines)


def _check_state(program: Program, state: str) -> None:
    from opord.backends.listing import known_name

    names = [one.name for one in program.contract.states]
    try:
        known_name(f"state of {program.name}", state, names)
    except ValueError as wrong:
        raise CliError("name_unknown", str(wrong), 2) from None
