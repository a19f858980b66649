"""`opord db check`: whether a store is there, up to date, and may be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.output import write, write_json
from opord.cli.settings import json_option, store_option

if TYPE_CHECKING:
    from opord.backends.opening import Remark


@click.command()
@store_option
@json_option
def command(store: str, as_json: bool) -> int:
    """Say whether a store is there, has the schema that this Opord knows, and may be written.

    Nothing is changed. The exit status is 1 if something is missing, so that a deploy can stop.

    \b
    Example:
      opord db check --store postgresql://db/shop
    """
    from opord.backends.opening import inspect
    from opord.server.state import STEPS

    facts = inspect(store)
    server = facts.beside.get(STEPS.owner, 0)
    current = facts.exists and facts.schema >= facts.schema_known and server in (0, STEPS.newest)
    wrong = [remark for remark in facts.remarks if remark.verdict == "wrong"]
    if as_json:
        write_json(
            {
                "format": 1,
                "store": facts.where,
                "exists": facts.exists,
                "schema": facts.schema,
                "schema_known": facts.schema_known,
                "server_schema": server,
                "server_schema_known": STEPS.newest,
                "current": current,
                "wrong": [{"area": one.area, "text": one.text, "move": one.move} for one in wrong],
            }
        )
    else:
        write(f"{facts.where}: {_state(facts.exists, facts.schema, facts.schema_known)}")
        if facts.exists:
            write(f"tables of `opord serve`: {_of_server(server, STEPS.newest)}")
        for remark in wrong:
            write(_line(remark))
    return int(not current or bool(wrong))


def _state(exists: bool, schema: int, known: int) -> str:
    if not exists:
        return "there is no store yet; `opord db migrate` makes one"
    if schema < known:
        return f"schema {schema}, this opord knows {known}; bring it up to date with `opord db migrate`"
    return f"schema {schema}, up to date"


def _of_server(schema: int, known: int) -> str:
    if not schema:
        return "there are none yet; `opord serve` or `opord db migrate` makes them"
    if schema > known:
        return f"schema {schema}, this opord knows {known}; upgrade opord to serve"
    return _state(True, schema, known)


def _line(remark: Remark) -> str:
    return f"{remark.area}: {remark.text}" + (f"; {remark.move}" if remark.move else "")
