"""`opord webhooks`: the webhooks that Opord sends, and the routes of those that it takes."""

from __future__ import annotations

import click

from opord.cli.lazy import LazyGroup

COMMANDS = {
    "check": ("opord.cli.webhooks.check", "Check the routes of webhooks in."),
    "list": ("opord.cli.webhooks.list", "List the endpoints, and what waits for each."),
    "show": ("opord.cli.webhooks.show", "Show an endpoint and its messages."),
    "send": ("opord.cli.webhooks.send", "Send what waits, in a process of its own."),
    "test": ("opord.cli.webhooks.test", "Send one message that tells of no run."),
    "retry": ("opord.cli.webhooks.retry", "Send messages that were given up."),
    "drop": ("opord.cli.webhooks.drop", "Drop messages without sending them."),
    "resume": ("opord.cli.webhooks.resume", "Send again to an endpoint that wanted no more."),
    "forget": ("opord.cli.webhooks.forget", "Forget an endpoint with its messages."),
    "schema": ("opord.cli.webhooks.schema", "Write the form of a message, as a JSON Schema."),
    "secret": ("opord.cli.webhooks.secret", "Make a secret that signs messages."),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def command() -> None:
    """Look after the webhooks that tell other programs of runs, and the routes of webhooks in.

    The settings file says who is told of what, in [webhooks_out.NAME]. `opord serve` sends, and so
    does `opord webhooks send`.
    """
