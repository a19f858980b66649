"""`opord db migrate`: a store of an older version, or with secrets in clear or under an old key, brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from opord.cli.output import write, write_json
from opord.cli.reading import Reader, open_reader
from opord.cli.settings import json_option, secret_keys, store_option

if TYPE_CHECKING:
    from opord.kernel.rows import Kept, RunRow
    from opord.values.vault import Vault


@click.command()
@store_option
@json_option
def command(store: str, as_json: bool) -> int:
    """Bring a store up to date, and encrypt its secrets with the first of the configured keys.

    Opening a store brings its schema up to date. Then every run of a contract with secrets is written anew where they are
    kept in clear, or under another key than the first of OPORD_SECRET_KEYS; what its journal says stays the same. A run
    that a worker holds is left for later: stop the workers first. It can be stopped anywhere, and run again.

    \b
    Example:
      OPORD_SECRET_KEYS="$(opord keys new),$OPORD_SECRET_KEYS" opord db migrate
    """
    from opord.engine.protection import protection_with
    from opord.stores.base import RunFilter

    vault = protection_with(secret_keys()).vault
    counts = {"runs": 0, "encrypted": 0, "held": 0, "without_key": 0, "unreadable": 0, "as it was": 0}
    with open_reader(store, create=True) as reader:
        for row in reader.rows(RunFilter()):
            counts["runs"] += 1
            program = reader.known(row)
            if program is None:
                counts["unreadable"] += 1
                continue
            if not program.secrets:
                continue
            if vault is None:
                counts["without_key"] += 1
            else:
                counts[_reseal(reader, row, vault)] += 1
        if counts["encrypted"]:
            reader.store.compact()
    del counts["as it was"]
    _tell(counts, as_json)
    return int(bool(counts["held"] or counts["without_key"] or counts["unreadable"]))


def _reseal(reader: Reader, row: RunRow, vault: Vault) -> str:
    from opord.kernel.resealing import resealed

    said = "as it was"

    def change(kept: Kept) -> Kept | None:
        nonlocal said
        new = resealed(vault, kept)
        if new is None:
            said = "as it was"
        elif kept.row.head.worker is not None:
            said, new = "held", None
        else:
            said = "encrypted"
        return new

    reader.store.rewrite(row.run, change)
    return said


def _tell(counts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        write_json(counts)
        return
    write(f"{counts['runs']:,} runs: {counts['encrypted']:,} had secrets to encrypt, and are written anew")
    if counts["held"]:
        write(f"{counts['held']:,} are held by workers: stop these, and migrate again")
    if counts["unreadable"]:
        write(
            f"{counts['unreadable']:,} cannot be read, since the text of their contract cannot; their secrets stay as they are"
        )
    if counts["without_key"]:
        write(
            f"{counts['without_key']:,} may have secrets, and no key is set: "
            "make one with `opord keys new`, and set OPORD_SECRET_KEYS"
        )
