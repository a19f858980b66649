"""`opord webhooks drop`: a person's word on messages."""

from __future__ import annotations

import click

from opord.cli.output import write
from opord.cli.reading import on_reader
from opord.cli.settings import store_option
from opord.cli.webhooks.endpoints import on_messages
from opord.story.counting import counted


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(1))
@click.option("--given-up", "all_given_up", is_flag=True, help="All messages that were given up.")
@store_option
def command(name: str, ids: tuple[int, ...], all_given_up: bool, store: str) -> int:
    """Forget messages unsent.

    What was dropped is never told. `opord webhooks show NAME` lists the messages with their ids.

    \b
    Examples:
      opord webhooks drop billing 17 18
      opord webhooks drop billing --given-up
    """
    if bool(ids) == all_given_up:
        raise click.UsageError("name the messages by their ids, or all that were given up by --given-up")
    number = on_reader(
        store, lambda shown: on_messages(shown.backend, name, ids, lambda box, some: box.drop(name, some))
    )
    write(f"{counted(number, 'message')} dropped")
    return 0 if number else 1
