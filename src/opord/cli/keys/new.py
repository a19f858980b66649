"""`opord keys new`: a new random key."""

from __future__ import annotations

import click

from opord.cli.output import write


@click.command()
def command() -> None:
    """Make a key of 256 random bits, and print it.

    Keep it where other secrets of the service are kept, and back it up apart from the store:
    without it, what it has encrypted cannot be read by anybody.

    \b
    Example:
      export OPORD_SECRET_KEYS="$(opord keys new)"
    """
    import secrets

    from opord.values.vault import KEY_BYTES, write_key

    write(write_key(secrets.token_bytes(KEY_BYTES)))
