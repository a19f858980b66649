"""`opord webhooks send`: a process that sends webhooks, and does nothing else."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING

import click

from opord.cli.errors import CliError
from opord.cli.opening import open_engine, until_moved
from opord.cli.serve import told_to_stop
from opord.cli.settings import Seconds, engine_secrets, secrets_option, setting, store_option
from opord.cli.webhooks.endpoints import sending_of, targets_of_settings
from opord.cli.worker_log import FORMATS, keep_logging, log_to_stderr

if TYPE_CHECKING:
    from opord.server.outgoing.target import Target

log: logging.Logger = logging.getLogger("opord.webhooks")


@click.command()
@click.option("--wait", type=Seconds(min=0), metavar="DURATION", default=lambda: setting("wait"),
              help="How long to wait for a store that is away. The default is to wait for ever.")  # fmt: skip
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True,
              help="Log lines as text, or each line as a JSON object.")  # fmt: skip
@store_option
@secrets_option
def command(wait: float | None, log_format: str, store: str) -> int:
    """Send what waits, in a process of its own.

    It sends to the endpoints of the settings file, as `opord serve` does. Several such processes
    share the endpoints. SIGTERM and Ctrl-C let messages under way end first. The command needs the
    extra `server`: pip install "opord[server]"

    \b
    Example:
      opord webhooks send --store sqlite:///orders.db
    """
    from opord.backends.opening import check_lasts, check_system, shown_url, whole_url

    check_system()
    check_lasts(store)
    targets = targets_of_settings()
    if not targets:
        raise CliError(
            "webhooks_out", "the settings have no endpoint; add a table such as [webhooks_out.billing]", 2
        )
    log_to_stderr(log_format)
    keep_logging()
    wait_s = wait if wait is not None else math.inf
    return asyncio.run(_run(targets, whole_url(store), shown_url(store), wait_s))


async def _run(targets: list[Target], store: str, shown_as: str, wait_s: float) -> int:
    from opord.backends.front import Engine

    stop = asyncio.create_task(told_to_stop("messages under way"))
    endpoints = setting("webhooks_out", {})
    engine = await open_engine(
        lambda: Engine(store, [], webhooks_out=endpoints, **engine_secrets()), stop, wait_s, "sender"
    )
    if engine is None:
        return 0
    try:
        names = ", ".join(one.name for one in targets)
        log.info("sending webhooks of %s to %s", shown_as, names)
        sending = sending_of(engine, targets)
        ends = {
            stop,
            asyncio.create_task(engine.until_damaged()),
            asyncio.create_task(until_moved(engine)),
        }
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in (*ends, sending):
            task.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        if engine.damage is not None:
            raise engine.damage
        if engine.writer.moved is not None:
            raise engine.writer.moved
        log.info("stopped")
    finally:
        await engine.__aexit__()
    return 0
