"""What `opord webhooks retry` and `drop` share: which messages they change, in what portions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import click

from opord.cli.reading import on_reader
from opord.cli.settings import CommandT, store_option
from opord.cli.webhooks.endpoints import endpoint_of, messages_of

if TYPE_CHECKING:
    from opord.backends.base import Backend, Outbox

Change: TypeAlias = "Callable[[Outbox, Sequence[int]], int]"
"""Changes the messages with these ids, and returns their number."""

AT_ONCE: Final = 500
"""How many messages a command changes in one transaction."""


def message_options(command: CommandT) -> CommandT:
    """Give a command an endpoint, and messages of it: by their ids or by `--given-up`."""
    command = store_option(command)
    command = click.option(
        "--given-up", "all_given_up", is_flag=True, help="All messages that were given up."
    )(command)
    command = click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(1))(command)
    return click.argument("name", metavar="NAME")(command)


def change_messages(name: str, ids: Sequence[int], all_given_up: bool, store: str, change: Change) -> int:
    """Change the messages that the options of a command name, and return their number.

    Raises:
        click.UsageError: the options name no messages, or both kinds.
        EndpointUnknown: the store has no endpoint of that name.
    """
    if bool(ids) == all_given_up:
        raise click.UsageError("name the messages by their ids, or all that were given up by --given-up")
    return on_reader(store, lambda shown: _change(shown.backend, name, ids, change))


async def _change(backend: Backend, name: str, ids: Sequence[int], change: Change) -> int:
    await endpoint_of(backend, name)
    if ids:
        return await _change_at_once(backend, ids, change)
    number = after = 0
    while page := await messages_of(backend, name, given_up=True, after=after, limit=AT_ONCE):
        after = page[-1].id
        number += await _change_at_once(backend, [one.id for one in page], change)
    return number


async def _change_at_once(backend: Backend, ids: Sequence[int], change: Change) -> int:
    return await backend.write_outbox(lambda box: change(box, ids))
