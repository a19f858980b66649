"""`opord db`: the store as a whole."""

from __future__ import annotations

import click

from opord.cli.lazy import LazyGroup

COMMANDS = {
    "migrate": ("opord.cli.db.migrate", "Bring a store up to date, and encrypt its secrets anew."),
    "print-sql": ("opord.cli.db.print_sql", "Print the SQL of a store's schema, for who may make tables."),
    "check": ("opord.cli.db.check", "Say whether a store is there, up to date, and may be written."),
    "restored": ("opord.cli.db.restored", "Say that the store was restored from a copy."),
}


@click.group(cls=LazyGroup, listed=COMMANDS)
def command() -> None:
    """Look after the store as a whole.

    Each command takes the store from --store, OPORD_STORE or the settings file. It says what it
    did, and what is still to do.
    """
