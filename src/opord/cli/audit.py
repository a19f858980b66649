"""`opord audit`: what was done over HTTP, by whom, and with which outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.output import note, write_json, write_table
from opord.cli.server_state import on_state, state_option
from opord.cli.settings import json_option, store_option
from opord.cli.times import moment
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.base import Backend
    from opord.server.state import State
    from opord.server.state.audit import Act


@click.command()
@click.option("--who", metavar="ACTOR", help="Only what this actor did.")
@click.option("--run", metavar="RUN", help="Only what was done to this run.")
@click.option(
    "--since", metavar="WHEN", help="Only what was done since then: an age such as 7d, or an instant."
)
@click.option("--after", metavar="ID", help="Go on after the last entry of the list before.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, metavar="N",
              help="How many entries at most.")  # fmt: skip
@store_option
@state_option
@json_option
def command(
    who: str | None, run: str | None, since: str | None, after: str | None, limit: int, store: str, state: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """See what was done over HTTP, and at the command line to tokens and links; the newest first.

    Each entry has who did it, when, from which address, on which run, and the outcome, also if it
    was refused. An entry is written before its act, so none that took effect is missing; one
    without an outcome is of a server that died meanwhile. Entries are kept for 90 days,
    unless the settings say otherwise.

    \b
    Examples:
      opord audit --since 1d
      opord audit --who ann --run Refund/2026-17
    """
    begin = None if since is None else moment("--since", since)

    async def read(_: Backend, tables: State) -> list[Act]:
        from opord.server.state.audit import Audit, Wanted

        instant = None if begin is None else begin.at(await tables.now())
        return await Audit(tables).entries(Wanted(who, run, instant, after), limit)

    acts = on_state(store, state, read)
    if as_json:
        write_json([one.shown for one in acts])
    elif not acts:
        note("nothing was done that fits")
    else:
        write_table(("WHEN", "WHO", "FROM", "ACT", "RUN", "OUTCOME", "REASON"), [_line(one) for one in acts])
        if len(acts) == limit:
            note(f"there may be more: --after {acts[-1].id}")
    return 0


def _line(act: Act) -> tuple[str, ...]:
    from opord.kernel.instants import in_words

    outcome = "unknown" if act.status is None else act.code or "done"
    cells = (in_words(act.at), act.actor, act.address, act.act, act.run, outcome, act.reason)
    return tuple(safe(cell) or "-" for cell in cells)
