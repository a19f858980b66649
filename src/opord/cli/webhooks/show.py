"""`opord webhooks show`: an endpoint and its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from opord.cli.output import write, write_json, write_table
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.cli.webhooks.endpoints import endpoint_data, endpoint_of, message_data, messages_of

if TYPE_CHECKING:
    from opord.backends.shown import Shown


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True,
              help="At most so many messages of each kind.")  # fmt: skip
@store_option
@json_option
def command(name: str, limit: int, store: str, as_json: bool) -> int:
    """Show an endpoint and its messages.

    The messages that were given up come first, then those that wait, each kind oldest first.

    \b
    Example:
      opord webhooks show billing
    """
    data = on_reader(store, lambda shown: _shown(shown, name, limit))
    if as_json:
        write_json(data)
        return 0
    for member in ("endpoint", "on", "contracts", "since", "stopped", "sender", "waiting", "given_up"):
        value = data[member]
        words = ", ".join(value) if isinstance(value, list) else value
        if words not in (None, ""):
            write(f"{member.replace('_', ' ') + ':':<11} {words}")
    rows = [
        (
            str(one["id"]), one["run"], str(one["seq"]), one["what"], str(one["attempts"]),
            "given up" if one["given_up"] else one["next_attempt"] or "now", one["trouble"] or "",
        )
        for one in data["messages"]
    ]  # fmt: skip
    if rows:
        write()
        write_table(("ID", "RUN", "SEQ", "WHAT", "ATTEMPTS", "NEXT", "TROUBLE"), rows)
    return 0


async def _shown(shown: Shown, name: str, limit: int) -> dict[str, Any]:
    backend = shown.backend
    endpoint = await endpoint_of(backend, name)
    given_up, waiting = [
        await messages_of(backend, name, given_up=given_up, limit=limit) for given_up in (True, False)
    ]
    messages = [message_data(one) for one in (*given_up, *waiting)]
    return endpoint_data(endpoint, await backend.now()) | {"messages": messages}
