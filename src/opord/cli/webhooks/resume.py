"""`opord webhooks resume`: send again to an endpoint that wanted no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.output import write
from opord.cli.reading import on_reader
from opord.cli.settings import store_option
from opord.cli.webhooks.endpoints import endpoint_of

if TYPE_CHECKING:
    from opord.backends.shown import Shown


@click.command()
@click.argument("name", metavar="NAME")
@store_option
def command(name: str, store: str) -> int:
    """Send again to an endpoint that wanted no more.

    An endpoint that answers 410 gets nothing until then. What was to be told meanwhile waits, and
    is sent now.

    \b
    Example:
      opord webhooks resume billing
    """
    on_reader(store, lambda shown: _resume(shown, name))
    write(f"messages to {name} are sent again")
    return 0


async def _resume(shown: Shown, name: str) -> None:
    await endpoint_of(shown.backend, name)
    await shown.backend.write_outbox(lambda box: box.resume(name))
