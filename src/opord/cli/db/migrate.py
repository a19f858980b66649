"""`opord db migrate`: bring a store and the encryption of its secrets up to date."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from opord.cli.output import write, write_json
from opord.cli.settings import json_option, secret_keys, store_option

if TYPE_CHECKING:
    from opord.backends.upkeep import Migrated


@click.command()
@store_option
@json_option
def command(store: str, as_json: bool) -> int:
    """Bring a store up to date, and encrypt its secrets with the first of the configured keys.

    Opening a store brings its schema up to date. Then every run of a contract with secrets is
    written anew where they are kept in clear, or under another key than the first of
    OPORD_SECRET_KEYS; what its journal says stays the same. A run that a worker holds is left for
    later: stop the workers first. It can be stopped anywhere, and run again.

    \b
    Example:
      OPORD_SECRET_KEYS="$(opord keys new),$OPORD_SECRET_KEYS" opord db migrate
    """
    from opord.backends.upkeep import migrate

    found = migrate(store, secret_keys=secret_keys())
    _tell(found, as_json)
    return int(not found.whole)


def _tell(found: Migrated, as_json: bool) -> None:
    if as_json:
        write_json(asdict(found))
        return
    write(f"{found.runs:,} runs: {found.encrypted:,} had secrets to encrypt, and are written anew")
    if found.held:
        write(f"{found.held:,} are held by workers: stop these, and migrate again")
    if found.unreadable:
        write(
            f"{found.unreadable:,} cannot be read, since the text of their contract cannot; their secrets stay as they are"
        )
    if found.without_key:
        write(
            f"{found.without_key:,} may have secrets, and no key is set: "
            "make one with `opord keys new`, and set OPORD_SECRET_KEYS"
        )
