"""`opord keys new`: a new random key."""

from __future__ import annotations

import click

from opord.cli.output import write


@click.command()
def command() -> None:
    """Make a key of 256 random bits, and print it.

    Keep the key where you keep other secrets of the service, and back it up apart from the store.
    Without the key, nobody can read what it has encrypted.

    \b
    Example:
      export OPORD_SECRET_KEYS="$(opord keys new)"
    """
    import secrets

    from opord.values.vault import KEY_BYTES, write_key

    write(write_key(secrets.token_bytes(KEY_BYTES)))
