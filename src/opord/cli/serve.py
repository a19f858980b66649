"""`opord serve`: a process that serves the HTTP API."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import program_at
from opord.cli.errors import CliError
from opord.cli.monitoring import Watching, metrics_option, watched, watching_at
from opord.cli.opening import open_engine, until_moved
from opord.cli.settings import (
    Seconds,
    engine_secrets,
    outside_option,
    secrets_option,
    server_setting,
    setting,
    store_option,
)
from opord.cli.stopping import SAME_ORDER_S
from opord.cli.worker_log import FORMATS, keep_logging, log_to_stderr

if TYPE_CHECKING:
    import socket

    from opord.kernel.program import Program
    from opord.server import HttpLimits
    from opord.server.webhooks import WebhookRoute

log: logging.Logger = logging.getLogger("opord.server")

_ORDERS = (signal.SIGTERM, signal.SIGINT)


@click.command()
@click.option("--contract", "contracts", multiple=True, metavar="FILE", shell_complete=offer_contracts,
              help="A contract whose runs can be started, or its generated class (package.module:Class). May be repeated.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST",
              help="The address to listen on. Only this machine can be served, because there is no sign-in.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, metavar="PORT",
              help="The port to listen on; 0 takes a free one.")  # fmt: skip
@click.option("--drain", type=Seconds(min=0), envvar="OPORD_DRAIN",
              default=lambda: setting("drain", 30.0), show_default="30s", metavar="DURATION",
              help="How long requests under way may go on after the server is told to stop.")  # fmt: skip
@click.option("--wait", type=Seconds(min=0), envvar="OPORD_WAIT", default=lambda: setting("wait", None),
              show_default="until it is told to stop", metavar="DURATION",
              help="How long to wait at the start for a PostgreSQL server that is away. Then the command ends with status 3.")  # fmt: skip
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True,
              help="Log lines as text, or each line as a JSON object.")  # fmt: skip
@click.option("--state", envvar="OPORD_STATE", default=lambda: server_setting("state"), show_default="beside the runs",
              metavar="URL", help="Another store in which the server keeps what is its own; a missing one is created.")  # fmt: skip
@metrics_option
@store_option
@secrets_option
@outside_option
def command(
    contracts: tuple[str, ...], host: str, port: int, drain: float, wait: float | None, log_format: str, state: str | None,
    metrics: str | None, store: str,
) -> int:  # fmt: skip
    """Serve the HTTP API.

    Programs start runs, send events, and ask what became of them at /api/v1; docs/http.md has the
    addresses. The server carries no runs: `opord worker` does, in a process of its own, on the same
    store. SIGTERM and Ctrl-C let requests under way end first. The command needs the extra
    `server`: pip install "opord[server]"

    \b
    Examples:
      opord serve --contract order.opord
      opord serve --contract order.opord --contract refund.opord --port 8080
    """
    try:
        from opord.server import serving
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", 'the HTTP server needs more packages: pip install "opord[server]"', 2
        ) from missing
    from opord.backends.opening import check_lasts, check_system, shown_url, whole_url

    if not serving.is_loopback(host):
        raise CliError(
            "not_local",
            f"there is no sign-in, so whoever reaches {host} could do everything; serve this machine only "
            "(--host 127.0.0.1), or mount `opord.server.HttpApi` into your application, which signs people in",
            2,
        )
    check_system()
    check_lasts(store)
    if state is not None:
        check_lasts(state)
    programs = [program_at(one) for one in contracts]
    _check_versions(programs)
    webhooks = setting("webhooks", {})
    routes = routes_of(webhooks, programs)
    log_to_stderr(log_format)
    keep_logging()
    try:
        listening = serving.listen(host, port)
    except OSError as wrong:
        raise CliError(
            "address", f"cannot listen on {host}:{port}: {wrong.strerror or wrong}; choose another --port", 2
        ) from wrong
    watching = watching_at(metrics)
    wait_s = wait if wait is not None else math.inf
    work = _serve(
        programs,
        whole_url(store),
        shown_url(store),
        None if state is None else whole_url(state),
        listening,
        webhooks,
        routes,
        drain_s=drain,
        wait_s=wait_s,
        watching=watching,
    )
    return asyncio.run(watched(watching, work))


def _check_versions(programs: Sequence[Program]) -> None:
    """Refuse two contracts of one name and version."""
    seen: set[tuple[str, int]] = set()
    for one in programs:
        if (one.name, one.version) in seen:
            raise CliError("usage", f"{one.name} version {one.version} is named twice by --contract", 2)
        seen.add((one.name, one.version))


def routes_of(webhooks: Mapping[str, Any], programs: Sequence[Program]) -> list[WebhookRoute]:
    """Return the routes of webhooks of the settings file.

    Raises:
        CliError: one is not known, or does not fit its contract.
    """
    from opord.server.webhooks import WebhookInvalid, read_webhooks

    try:
        return read_webhooks(webhooks, programs)
    except WebhookInvalid as wrong:
        raise CliError("webhooks", str(wrong), 2) from None


def _limits() -> HttpLimits:
    """Return the limits that the settings file sets."""
    from opord.server import HttpLimits

    given = {name: value for name in ("rate", "burst") if (value := server_setting(name)) is not None}
    rate, burst = given.get("rate"), given.get("burst", HttpLimits().burst)
    if (rate is not None and not 0 < rate < math.inf) or burst < 1:
        raise CliError(
            "settings",
            f"[server]: expected a rate above 0 and a burst of at least 1, got {rate} and {burst}",
            2,
        )
    return HttpLimits(**given)


async def _serve(
    programs: Sequence[Program], store: str, shown_as: str, state: str | None, listening: socket.socket,
    webhooks: Mapping[str, Any], routes: Sequence[WebhookRoute], *,
    drain_s: float, wait_s: float, watching: Watching | None,
) -> int:  # fmt: skip
    from opord.backends.front import Engine, relax_for_good
    from opord.server import HttpApi, serving

    limits = _limits()
    stop = asyncio.create_task(_told_to_stop())
    metrics = watching.metrics if watching is not None else None
    workflows = [one.workflow for one in programs]
    engine = await open_engine(
        lambda: Engine(store, workflows, observer=metrics, **engine_secrets()), stop, wait_s, "server"
    )
    if engine is None:
        listening.close()
        return 0
    if watching is not None:
        watching.watch(engine)
    api = HttpApi(engine, limits=limits, state=state, metrics=metrics, webhooks=webhooks)
    try:
        await api.state.open()
        relax_for_good()
        names = (
            ", ".join(f"{one.name} {one.version}" for one in programs) or "no contract; runs are only shown"
        )
        log.info("serving %s at %s/api/v1 for %s", shown_as, serving.address_of(listening), names)
        for route in routes:
            log.info("webhook %s: %s %s", route.name, serving.address_of(listening) + route.path, route.does)
        damaged = asyncio.create_task(engine.until_damaged())
        moved = asyncio.create_task(until_moved(engine))
        await serving.serve(
            api,
            listening,
            asyncio.wait({stop, damaged, moved}, return_when=asyncio.FIRST_COMPLETED),
            drain_s=drain_s,
        )
        for task in (stop, damaged, moved):
            task.cancel()
        if engine.damage is not None:
            raise engine.damage
        if engine.writer.moved is not None and moved.done() and not moved.cancelled():
            raise engine.writer.moved
        log.info("stopped")
    finally:
        await api.state.close()
        await engine.__aexit__()
    return 0


async def _told_to_stop() -> None:
    """Return at the first order to stop; a second one ends the process at once."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def hear(number: signal.Signals) -> None:
        if told.is_set():
            return
        log.info("%s: waiting for requests under way to end; a second signal stops at once", number.name)
        told.set()
        for one in _ORDERS:
            # A supervisor may signal a process and its group at once: that is one order.
            loop.call_later(SAME_ORDER_S, loop.remove_signal_handler, one)

    for number in _ORDERS:
        loop.add_signal_handler(number, hear, number)
    await told.wait()
