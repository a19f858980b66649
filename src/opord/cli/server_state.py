"""Work on what the HTTP server keeps for itself, without the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opord.cli.settings import CommandT, server_setting

if TYPE_CHECKING:
    from opord.backends.base import Backend
    from opord.server.state import State

T = TypeVar("T")

COMMAND_LINE = "command line"
"""The address of an act in the trail that was done at the command line."""


def state_option(command: CommandT) -> CommandT:
    """Give a command the option `--state`."""
    return click.option(
        "--state",
        envvar="OPORD_STATE",
        default=lambda: server_setting("state"),
        show_default="beside the runs",
        metavar="URL",
        help="Another store in which the server keeps what is its own; a missing one is created.",
    )(command)


def on_state(store: str, state: str | None, job: Callable[[Backend, State], Awaitable[T]]) -> T:
    """Open the store of the runs and what the server keeps, do a job with both, and close them.

    Raises:
        StoreError: one of them cannot be reached.
    """
    import asyncio

    async def main() -> T:
        from opord.backends.opening import open_backend, whole_url
        from opord.server.state import State

        async with open_backend(store) as backend:
            tables = State(lambda: backend, None if state is None else whole_url(state))
            try:
                return await job(backend, tables)
            finally:
                await tables.close()

    return asyncio.run(main())


async def note_act(tables: State, actor: str, act: str, what: str) -> None:
    """Write into the trail what was done at the command line."""
    from opord.server.state.audit import Audit

    audit = Audit(tables)
    entry: Any = await audit.act(actor, "", COMMAND_LINE, act, what)
    await audit.begin(entry._replace(status=200))
