"""`opord keys`: the keys that encrypt secrets where they are kept."""

from __future__ import annotations

import click

from opord.cli.lazy import LazyGroup

COMMANDS = {"new": ("opord.cli.keys.new", "Make a key.")}


@click.group(cls=LazyGroup, listed=COMMANDS)
def command() -> None:
    """Make the keys that encrypt secrets in the store.

    The setting OPORD_SECRET_KEYS (`secret_keys` in a file) has one key, or several with commas
    between them. The first key encrypts; all of them decrypt. To change keys, put the new one
    first, run `opord db migrate`, then remove the old one.
    """
