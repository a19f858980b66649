"""`opord db migrate`: bring a store and the encryption of its secrets up to date."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from opord.cli.output import write, write_json
from opord.cli.settings import json_option, secret_keys, server_setting, store_option
from opord.story.counting import counted

if TYPE_CHECKING:
    from opord.backends.upkeep import Migrated


@click.command()
@store_option
@json_option
def command(store: str, as_json: bool) -> int:
    """Bring a store up to date, and encrypt its secrets with the first of the configured keys.

    Opening the store updates its schema, and that of the tables of `opord serve`. Then the command
    looks at each run of a contract with secrets. If secrets are readable, or encrypted with another
    key than the first of OPORD_SECRET_KEYS, it encrypts them with that first key. The history of
    the run stays the same.
    Stop the workers first: a run that a worker holds is left out. You can stop the command at any
    time and run it again.

    \b
    Example:
      OPORD_SECRET_KEYS="$(opord keys new),$OPORD_SECRET_KEYS" opord db migrate
    """
    from opord.backends.beside import bring_up_to_date
    from opord.backends.upkeep import migrate
    from opord.server.state import STEPS

    keys = secret_keys()
    tally = migrate(store, secret_keys=keys)
    bring_up_to_date(server_setting("state") or store, STEPS)
    _tell(tally, as_json, with_key=bool(keys))
    return int(not tally.whole)


def _tell(tally: Migrated, as_json: bool, *, with_key: bool) -> None:
    if as_json:
        write_json(asdict(tally))
        return
    read = f"the store is up to date; {counted(tally.runs, 'run')} read"
    write(
        f"{read}; the secrets of {tally.encrypted:,} are now encrypted with the first key"
        if with_key
        else read
    )
    if tally.held:
        write(f"{tally.held:,} are held by workers; stop the workers, and run this command again")
    if tally.unreadable:
        write(
            f"{tally.unreadable:,} cannot be read, because the text of their contract cannot be read; their secrets stay as they are"
        )
    if tally.without_key:
        write(
            f"{tally.without_key:,} may have secrets, and no key is set: "
            "make one with `opord keys new`, and set OPORD_SECRET_KEYS"
        )
