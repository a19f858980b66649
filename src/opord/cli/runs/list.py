"""`opord runs list`: the runs of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from opord.cli.acting import Selection, filter_options
from opord.cli.output import note, status_words, write, write_json, write_table
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.story.signs import safe
from opord.story.words import waits_in_words, when

if TYPE_CHECKING:
    from opord.backends.shown import Shown
    from opord.kernel.program import Program


@click.command()
@filter_options
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at the most."
)
@store_option
@json_option
def command(
    contract: str | None, state: str | None, status: str | None, needs: str | None,
    limit: int, store: str, as_json: bool,
) -> int:  # fmt: skip
    """List runs.

    The newest come first, each with what it needs from a person, why it is where it is, and what
    would move it.

    \b
    Examples:
      opord runs list --needs
      opord runs list --needs doubt --contract OrderFulfilment
      opord runs list --contract OrderFulfilment --state Review --limit 200
    """
    selection = Selection((), contract, state, status, needs)
    views, programs, more = on_reader(
        store, lambda shown: _listed(shown, selection, limit=limit, whole=as_json)
    )
    if as_json:
        write_json(views)
    elif views:
        write_table(*_table(list(map(_row, views, programs))))
    else:
        write("no runs")
    if more:
        note(f"there are more; these are the newest {limit} (--limit)")
    return 0


async def _listed(
    shown: Shown, selection: Selection, *, limit: int, whole: bool
) -> tuple[list[dict[str, Any]], list[Program | None], bool]:
    """Return the newest runs as shown, their programs, and whether there are more runs.

    A program is None if its contract cannot be read.
    """
    where = selection.where()
    rows = [row async for row in shown.rows(where, limit=limit + 1)]
    views = [await (shown.view if whole else shown.outline)(row) for row in rows[:limit]]
    return views, [await shown.program_if_readable(row) for row in rows[:limit]], len(rows) > limit


COLUMNS = ("RUN", "STATE", "STATUS", "NEEDS", "SINCE", "WHY, AND WHAT MOVES IT")


def _table(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows to show: the needs only if a run has one."""
    needs = COLUMNS.index("NEEDS")
    shown = [index for index in range(len(COLUMNS)) if index != needs or any(row[needs] for row in rows)]
    return [COLUMNS[index] for index in shown], [[row[index] for index in shown] for row in rows]


def _row(view: dict[str, Any], program: Program | None) -> list[str]:
    why = safe(view["reason"] or waits_in_words(view, program))
    short = why if len(why) <= 90 else f"{why[:89]}…"
    return [
        safe(view["run"]),
        view["state"],
        status_words(view["status"], view["outcome"]),
        ", ".join(need["reason"] for need in view["needs"]),
        when(view["since"]),
        short,
    ]
