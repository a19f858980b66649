"""`opord webhooks drop`: drop messages without sending them."""

from __future__ import annotations

import click

from opord.cli.output import write
from opord.cli.webhooks.messages import change_messages, message_options
from opord.story.counting import counted


@click.command()
@message_options
def command(name: str, ids: tuple[int, ...], all_given_up: bool, store: str) -> int:
    """Drop messages without sending them.

    They are never sent. `opord webhooks show NAME` lists the messages with their ids.

    \b
    Examples:
      opord webhooks drop billing 17 18
      opord webhooks drop billing --given-up
    """
    number = change_messages(name, ids, all_given_up, store, lambda box, some: box.drop(name, some))
    write(f"{counted(number, 'message')} dropped")
    return 0 if number else 1
