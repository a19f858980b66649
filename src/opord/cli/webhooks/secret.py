"""`opord webhooks secret`: make a secret that signs messages."""

from __future__ import annotations

import click

from opord.cli.output import write


@click.command()
def command() -> int:
    """Make a secret that signs messages.

    Give it to the receiver and to the process that sends, as the settings say where. To change it,
    let the sender have both, the new one first, until the receiver has the new one.

    \b
    Example:
      opord webhooks secret
    """
    from opord.server.outgoing.signing import new_secret

    write(new_secret())
    return 0
