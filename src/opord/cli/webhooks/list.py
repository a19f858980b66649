"""`opord webhooks list`: the endpoints of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.output import note, write_json, write_table
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.cli.webhooks.endpoints import endpoint_data

if TYPE_CHECKING:
    from opord.backends.shown import Shown
    from opord.kernel.outgoing import Endpoint


@click.command()
@store_option
@json_option
def command(store: str, as_json: bool) -> int:
    """List the endpoints, and what waits for each.

    Each line has the endpoint, its state, how many messages wait, and how many were given up.

    \b
    Example:
      opord webhooks list
    """
    found, now = on_reader(store, _endpoints)
    if as_json:
        write_json([endpoint_data(one, now) for one in found])
    elif not found:
        note("this store has no endpoints; a worker or server puts those of its settings there")
    else:
        rows = [(one.name, _state(one, now), f"{one.waiting:,}", f"{one.given_up:,}") for one in found]
        write_table(("ENDPOINT", "STATE", "WAITING", "GIVEN UP"), rows)
    return 0


async def _endpoints(shown: Shown) -> tuple[list[Endpoint], int]:
    return await shown.backend.read_outbox(lambda box: box.endpoints()), await shown.backend.now()


def _state(one: Endpoint, now: int) -> str:
    if one.stopped:
        return f"stopped: {one.stopped}"
    return "sending" if one.leased_until > now else "nobody sends"
