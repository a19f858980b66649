"""`opord runs list`: the runs of a store."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from opord.cli.filters import Filters, list_options
from opord.cli.output import note, on_terminal, status_words, write, write_json, write_table
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.story.counting import counted
from opord.story.words import waits_in_words, when
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.shown import Shown, Waiting
    from opord.kernel.program import Program


@click.command()
@list_options
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List at most this many."
)
@click.option(
    "--after",
    metavar="RUN",
    help="Go on after this run, the last one of the list before; with --sort, at the place that list names.",
)
@store_option
@json_option
def command(filters: Filters, limit: int, after: str | None, store: str, as_json: bool) -> int:
    """List runs.

    The newest come first. Of a filter that is given several times, any value fits; different
    filters all have to fit. Each line says what the run needs from a person, why it is in its
    state, and what would move it.

    \b
    Examples:
      opord runs list --needs
      opord runs list --needs doubt --contract OrderFulfilment
      opord runs list --contract OrderFulfilment --state Review --since-before 2d
      opord runs list --data order.customer=c-17 --started 7d
      opord runs list --role manager --due 2h --sort due
    """
    views, programs, waiting, more = on_reader(
        store, lambda shown: _listed(shown, filters, limit=limit, after=after, whole=as_json)
    )
    if as_json:
        write_json(views)
    elif views:
        write_table(*_table(list(map(_row, views, programs, waiting))))
    else:
        write("no runs")
    if more:
        which = f"the newest {limit}" if after is None and filters.sort is None else f"{limit} of them"
        last = shlex.quote(safe(more))
        note(f"there are more; these are {which}. --limit lists more of them, and --after {last} the next")
    return 0


async def _listed(
    shown: Shown, filters: Filters, *, limit: int, after: str | None, whole: bool
) -> tuple[list[dict[str, Any]], list[Program | None], list[Waiting | None], str | None]:
    """Return runs as shown, their programs, and what messages wait for each.

    The last value is where the next page begins; None if no run follows.

    A program is None if its contract cannot be read.
    """
    rows, more = await filters.page(shown, limit=limit, after=after)
    views = [await (shown.view if whole else shown.outline)(row) for row in rows]
    waiting = [None if whole else await shown.messages_waiting(row) for row in rows]
    return views, [await shown.program_if_readable(row) for row in rows], waiting, more


WHY_MOST = 90
"""How long a reason may be on a terminal. A pipe or a file gets all of it."""

COLUMNS = ("RUN", "STATE", "STATUS", "NEEDS", "SINCE", "WHY, AND WHAT MOVES IT")


def _table(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows to show: the needs only if a run has one."""
    needs = COLUMNS.index("NEEDS")
    shown = [index for index in range(len(COLUMNS)) if index != needs or any(row[needs] for row in rows)]
    return [COLUMNS[index] for index in shown], [[row[index] for index in shown] for row in rows]


def _row(view: dict[str, Any], program: Program | None, waiting: Waiting | None) -> list[str]:
    why = safe(view["reason"] or waits_in_words(view, program))
    if waiting is not None and waiting.number:
        names = f" ({', '.join(map(safe, waiting.events))})" if waiting.events else ""
        kept = (
            f"{counted(waiting.number, 'message')}{names} {'waits' if waiting.number == 1 else 'wait'} for it"
        )
        why = f"{kept}; {why}" if why else kept
    short = why if len(why) <= WHY_MOST or not on_terminal() else f"{why[: WHY_MOST - 1]}…"
    return [
        safe(view["run"]),
        view["state"],
        status_words(view["status"], view["outcome"]),
        ", ".join(need["reason"] for need in view["needs"]),
        when(view["since"]),
        short,
    ]
