"""`opord webhooks retry`: send messages that were given up."""

from __future__ import annotations

import click

from opord.cli.output import write
from opord.cli.webhooks.messages import change_messages, message_options
from opord.story.counting import counted


@click.command()
@message_options
def command(name: str, ids: tuple[int, ...], all_given_up: bool, store: str) -> int:
    """Send messages that were given up.

    Each is tried for three more days. `opord webhooks show NAME` lists the messages with their ids.

    \b
    Examples:
      opord webhooks retry billing 17 18
      opord webhooks retry billing --given-up
    """
    number = change_messages(name, ids, all_given_up, store, lambda box, some: box.retry(name, some))
    write(f"{counted(number, 'message')} will be sent")
    return 0 if number else 1
