"""`opord webhooks schema`: the form of a message, as a JSON Schema."""

from __future__ import annotations

import click

from opord.cli.output import write


@click.command()
def command() -> int:
    """Write the form of a message, as a JSON Schema.

    \b
    Example:
      opord webhooks schema > message.schema.json
    """
    from opord.server.outgoing.content import schema

    write(schema())
    return 0
