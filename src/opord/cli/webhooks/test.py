"""`opord webhooks test`: send one message that tells of no run."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from opord.cli.errors import CliError
from opord.cli.output import write
from opord.cli.webhooks.endpoints import targets_of_settings

if TYPE_CHECKING:
    from opord.server.outgoing.posting import Posted
    from opord.server.outgoing.target import Target


@click.command()
@click.argument("name", metavar="NAME")
def command(name: str) -> int:
    """Send one message that tells of no run.

    It goes to the endpoint of the settings file at once, from this machine, and is not repeated.
    Its `run` is null, and it is signed like all others.

    \b
    Example:
      opord webhooks test billing
    """
    targets = {one.name: one for one in targets_of_settings()}
    if name not in targets:
        there = f"there are {', '.join(targets)}" if targets else "there are none"
        raise CliError("endpoint_unknown", f"the settings have no endpoint {name!r}; {there}", 2)
    answer = asyncio.run(_sent(targets[name]))
    if answer.trouble:
        raise CliError("webhook_failed", f"{targets[name].settings.place}: {answer.trouble}")
    write(f"{targets[name].settings.place}: HTTP {answer.status}")
    return 0


async def _sent(target: Target) -> Posted:
    from opord.server.outgoing.content import test_content
    from opord.server.outgoing.sender import headers_of, poster_of
    from opord.values.types import Instant

    content = test_content(target.name, Instant(time.time_ns() // 1000), target.settings.format)
    poster = poster_of(target)
    try:
        return await poster.post(headers_of(target, content), content.body)
    finally:
        await poster.close()
