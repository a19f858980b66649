"""`opord limits`: the limits of a store, what is in use of each, and how to forget one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.output import note, write, write_json
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option

if TYPE_CHECKING:
    from opord.backends.shown import Shown
    from opord.kernel.limits import LimitUse


@click.group(invoke_without_command=True)
@store_option
@json_option
@click.pass_context
def command(context: click.Context, store: str, as_json: bool) -> int:
    """See the limits of the store, and what waits for them.

    A worker puts the limits of its settings into the store, where they hold for all workers. Each
    line has the limit, what it allows, how many calls or runs hold a permit of it now, and how many
    runs wait for one.

    \b
    Examples:
      opord limits
      opord limits drop OrderFulfilment.charge_card
    """
    context.obj = store
    if context.invoked_subcommand is not None:
        return 0
    found = on_reader(store, _in_use)
    if as_json:
        write_json([_as_data(one) for one in found])
    elif not found:
        note("this store has no limits; a worker puts those of its settings there")
    else:
        _table(found)
    return 0


async def _in_use(shown: Shown) -> list[LimitUse]:
    return await shown.backend.limits_in_use()


def _as_data(one: LimitUse) -> dict[str, object]:
    limit = one.limit
    return {
        "limit": limit.name,
        "at_once": limit.at_once,
        "rate": limit.rate,
        "window_s": limit.window_us / 1e6 if limit.rate is not None else None,
        "by": limit.by or None,
        "held": one.held,
        "waiting": one.waiting,
        "keys": one.keys,
    }


def _table(found: list[LimitUse]) -> None:
    rows = [("LIMIT", "ALLOWS", "HELD", "WAITING")]
    rows += [(one.limit.name, str(one.limit), f"{one.held:,}", f"{one.waiting:,}") for one in found]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, allows, held, waiting in rows:
        write(f"{name:<{widths[0]}}  {allows:<{widths[1]}}  {held:>{widths[2]}}  {waiting:>{widths[3]}}")


@command.command()
@click.argument("name", metavar="NAME")
@click.pass_obj
def drop(store: str, name: str) -> int:
    """Forget a limit. What waited for it goes on at once.

    A worker that has the limit in its settings puts it back when it is started again, so take it
    out there, too.

    \b
    Example:
      opord limits drop OrderFulfilment.charge_card
    """
    on_reader(store, lambda shown: shown.backend.drop_limit(name))
    write(f"the limit {name} is forgotten; workers that run know it within seconds")
    return 0
