"""`opord runs`: start runs, move them, and ask what became of them."""

from __future__ import annotations

import click

from opord.cli.lazy import LazyGroup

COMMANDS = {
    "start": ("opord.cli.runs.start", "Start a run, or one for each line of a file."),
    "send": ("opord.cli.runs.send", "Send a run an event."),
    "list": ("opord.cli.runs.list", "List runs."),
    "show": ("opord.cli.runs.show", "Show where a run is, what it carries, and what it waits for."),
    "history": ("opord.cli.runs.history", "Tell what happened to a run."),
    "follow": ("opord.cli.runs.follow", "Tell a run's story while it happens."),
    "verify": ("opord.cli.runs.verify", "Check that journals are unbroken and every move in them is legal."),
    "resume": ("opord.cli.runs.resume", "Let stalled runs go on."),
    "resolve": ("opord.cli.runs.resolve", "Say whether an action that is in doubt happened."),
    "acknowledge": ("opord.cli.runs.acknowledge", "Close the alarms of runs that you have looked at."),
    "drop-event": ("opord.cli.runs.drop_event", "Drop an event that a run must not handle."),
    "cancel": ("opord.cli.runs.cancel", "Ask runs to cancel, as their contract allows."),
    "terminate": ("opord.cli.runs.terminate", "End runs by an administrator's word."),
}

ALIASES = {"retry": "resume"}
"""Older names of commands, which still work."""


@click.group(cls=LazyGroup, listed=COMMANDS, aliases=ALIASES)
def command() -> None:
    """Start runs, act on them, and see what became of them.

    A run is one execution of a contract. Its name is the contract and the key, such as
    OrderFulfilment/ord-1001.
    """
