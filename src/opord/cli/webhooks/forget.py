"""`opord webhooks forget`: forget an endpoint with its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.output import write
from opord.cli.reading import on_reader
from opord.cli.settings import store_option
from opord.cli.webhooks.endpoints import endpoint_of
from opord.story.counting import counted

if TYPE_CHECKING:
    from opord.backends.shown import Shown


@click.command()
@click.argument("name", metavar="NAME")
@store_option
def command(name: str, store: str) -> int:
    """Forget an endpoint with its messages.

    A worker or server that has the endpoint in its settings puts it back when it is started again,
    so take it out there, too.

    \b
    Example:
      opord webhooks forget billing
    """
    number = on_reader(store, lambda shown: _forget(shown, name))
    write(f"the endpoint {name} is forgotten, with {counted(number, 'message')} that waited")
    return 0


async def _forget(shown: Shown, name: str) -> int:
    await endpoint_of(shown.backend, name)
    return await shown.backend.write_outbox(lambda box: box.unsubscribe(name)) or 0
