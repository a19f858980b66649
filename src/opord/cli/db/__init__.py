"""`opord db`: the store as a whole."""

from __future__ import annotations

import click

from opord.cli.lazy import LazyGroup

COMMANDS = {
    "migrate": ("opord.cli.db.migrate", "Bring a store up to date, and encrypt its secrets anew."),
    "restored": ("opord.cli.db.restored", "Say that the store was restored from a copy."),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def command() -> None:
    """Look after the store as a whole.

    Each command takes the store from --store, OPORD_STORE or the settings file. It says what it
    did, and what is still to do.
    """
