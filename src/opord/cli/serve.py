"""`opord serve`: a process that serves the HTTP API."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import program_at
from opord.cli.errors import CliError
from opord.cli.listening import listen_or_refuse
from opord.cli.monitoring import Watching, metrics_option, watched, watching_at
from opord.cli.opening import open_engine, until_moved
from opord.cli.server_state import on_state, state_option
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
from opord.cli.webhook_routes import routes_of
from opord.cli.webhooks.endpoints import sending_of, targets_of_settings, webhooks_out
from opord.cli.worker_log import FORMATS, keep_logging, log_to_stderr

if TYPE_CHECKING:
    import socket

    from opord.backends.base import Backend
    from opord.backends.front import Engine
    from opord.kernel.program import Program
    from opord.server import HttpApi, HttpLimits
    from opord.server.outgoing.target import Target
    from opord.server.state import State
    from opord.server.webhooks import WebhookRoute

log: logging.Logger = logging.getLogger("opord.server")

_OWN_NAMES = ("localhost", "127.0.0.1", "::1")
_ORDERS = (signal.SIGTERM, signal.SIGINT)


class Proxies(click.types.StringParamType):
    """Addresses and networks with commas between them, or `*`."""

    name = "addresses"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, if each part of it is an address, a network or `*`."""
        for one in (part.strip() for part in str(value).split(",") if part.strip()):
            try:
                if one != "*":
                    ip_network(one)
            except ValueError:
                self.fail(f"expected addresses such as 10.0.0.7 or 10.0.0.0/8, got: {one}", param, ctx)
        return str(value)


@click.command()
@click.option("--contract", "contracts", multiple=True, metavar="FILE", shell_complete=offer_contracts,
              help="A contract whose runs can be started, or its generated class (package.module:Class). May be repeated.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="HOST",
              help="The address to listen on. Others than this machine are served only if there is a token.")  # fmt: skip
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
@metrics_option
@click.option("--allow-host", "allow_hosts", multiple=True, default=lambda: server_setting("allow_hosts", ()), metavar="NAME",
              help="A name at which clients reach the server, besides this machine's own. * answers to any. May be repeated.")  # fmt: skip
@click.option("--forwarded-allow-ips", "proxies", type=Proxies(), default=lambda: server_setting("forwarded_allow_ips", ""), metavar="IPS",
              show_default="none", help="Addresses or networks of proxies whose X-Forwarded-For is believed, with commas between them. * believes all.")  # fmt: skip
@state_option
@store_option
@secrets_option
@outside_option
def command(
    contracts: tuple[str, ...], host: str, port: int, drain: float, wait: float | None, log_format: str,
    metrics: str | None, allow_hosts: tuple[str, ...], proxies: str, state: str | None, store: str,
) -> int:  # fmt: skip
    """Serve the HTTP API.

    Programs start runs, send events, and ask what became of them at /api/v1; docs/http.md has the
    addresses. The server carries no runs: `opord worker` does, in a process of its own, on the same
    store. SIGTERM and Ctrl-C let requests under way end first. It sends the
    webhooks of the settings file as well. The command needs the extra
    `server`: pip install "opord[server]"

    Once a token was made (`opord tokens create`), each request needs one. Before, this machine is
    served without one, and no other; docs/security.md says more.

    \b
    Examples:
      opord serve --contract order.opord
      opord serve --contract order.opord --host 0.0.0.0 --allow-host orders.example.com
    """
    try:
        from opord.server import serving
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", 'the HTTP server needs more packages: pip install "opord[server]"', 2
        ) from missing
    from opord.backends.opening import check_lasts, check_system, shown_url, whole_url

    hosts, public = _hosts(host, allow_hosts), not serving.is_loopback(host)
    check_system()
    check_lasts(store)
    if state is not None:
        check_lasts(state)
    if public:
        _check_token(host, store, state)
    targets = targets_of_settings()
    programs = [program_at(one) for one in contracts]
    check_versions(programs)
    webhooks = setting("webhooks", {})
    routes = routes_of(program.contract for program in programs)
    log_to_stderr(log_format)
    keep_logging()
    listening = listen_or_refuse(host, port, "--port")
    watching = watching_at(metrics)
    wait_s = wait if wait is not None else math.inf
    how = _How(drain, wait_s, hosts, proxies, public, watching, targets)
    state_url = None if state is None else whole_url(state)
    work = _serve(programs, whole_url(store), shown_url(store), state_url, listening, webhooks, routes, how)
    return asyncio.run(watched(watching, work))


class _How(NamedTuple):
    """How to serve. `public` is true if others than this machine can reach the server."""

    drain_s: float
    wait_s: float
    hosts: Sequence[str]
    proxies: str
    public: bool
    watching: Watching | None
    targets: list[Target]


def _hosts(host: str, allowed: Sequence[str]) -> list[str]:
    """Return the names that the server answers to.

    Raises:
        CliError: it listens at all addresses, and nobody said by which name it is reached.
    """
    from opord.server import serving

    named = [one.strip("[]") for one in (*allowed, *_OWN_NAMES)]
    if not serving.is_loopback(host):
        if serving.is_everywhere(host) and not allowed:
            raise CliError(
                "usage",
                f"--host {host} listens at every address of this machine; say by which name clients reach it: "
                "--allow-host orders.example.com, or --allow-host '*' for any",
                2,
            )
        named.append(host.strip("[]"))
    return [f"[{one}]" if ":" in one else one for one in named]


def _check_token(host: str, store: str, state: str | None) -> None:
    """Refuse to serve others without a token that is good.

    Raises:
        CliError: there is none.
    """
    from opord.backends.codes import is_away
    from opord.errors import StoreMissing

    async def good(_: Backend, tables: State) -> bool:
        from opord.server.sign_in import SignIn

        return await SignIn(tables).is_on()

    try:
        if on_state(store, state, good):
            return
    except StoreMissing:
        pass
    except Exception as error:
        if is_away(error):
            return  # it is waited for, and looked at then
        raise
    raise _no_token(host)


def _no_token(host: str) -> CliError:
    return CliError(
        "no_token",
        f"there is no good token, so nobody could sign in at {host}; make the store and the first token "
        "(`opord db migrate`, `opord tokens create NAME --role opord:admin`), or serve this machine only (--host 127.0.0.1)",
        2,
    )


def check_versions(programs: Sequence[Program]) -> None:
    """Refuse two contracts of one name and version."""
    seen: set[tuple[str, int]] = set()
    for one in programs:
        if (one.name, one.version) in seen:
            raise CliError("usage", f"{one.name} version {one.version} is named twice by --contract", 2)
        seen.add((one.name, one.version))


def server_limits() -> HttpLimits:
    """Return the limits that the settings file sets."""
    from opord.backends.moments import span
    from opord.server import HttpLimits

    given = {name: value for name in ("rate", "burst") if (value := server_setting(name)) is not None}
    rate, burst = given.get("rate"), given.get("burst", HttpLimits().burst)
    if (rate is not None and not 0 < rate < math.inf) or burst < 1:
        raise CliError(
            "settings",
            f"[server]: expected a rate above 0 and a burst of at least 1, got {rate} and {burst}",
            2,
        )
    if (kept := span(server_setting("acts_kept", ""))) is not None:
        given["acts_kept_s"] = kept / 1e6
    return HttpLimits(**given)


async def _serve(
    programs: Sequence[Program], store: str, shown_as: str, state: str | None, listening: socket.socket,
    webhooks: Mapping[str, Any], routes: Sequence[WebhookRoute], how: _How,
) -> int:  # fmt: skip
    from opord.backends.front import Engine, relax_for_good
    from opord.server import HttpApi, serving

    limits = server_limits()
    stop = asyncio.create_task(told_to_stop("requests under way"))
    metrics = how.watching.metrics if how.watching is not None else None
    workflows, endpoints = [one.workflow for one in programs], webhooks_out()
    engine = await open_engine(
        lambda: Engine(store, workflows, webhooks_out=endpoints, observer=metrics, **engine_secrets()),
        stop,
        how.wait_s,
        "server",
    )
    if engine is None:
        listening.close()
        return 0
    if how.watching is not None:
        how.watching.watch(engine)
    api = HttpApi(
        engine,
        limits=limits,
        state=state,
        metrics=metrics,
        webhooks=webhooks,
        tokens_only=how.public,
        hosts=how.hosts,
    )
    sending: asyncio.Task[None] | None = None
    try:
        await api.state.open()
        signed = await api.has_token()
        if how.public and not signed:
            raise _no_token(serving.address_of(listening))
        await api.prepare()
        relax_for_good()
        names = (
            ", ".join(f"{one.name} {one.version}" for one in programs) or "no contract; runs are only shown"
        )
        log.info("serving %s at %s/api/v1 for %s", shown_as, serving.address_of(listening), names)
        tell_routes(log, routes, serving.address_of(listening))
        if not signed:
            log.info("there is no token: every user of this machine may do everything")
        if how.targets:
            sending = sending_of(engine, how.targets, drain_s=how.drain_s)
        await serve_until_over(api, engine, listening, stop, drain_s=how.drain_s, proxies=how.proxies)
        log.info("stopped")
    finally:
        api.stop()
        if sending is not None:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        await api.close(drain_s=how.drain_s)
        await engine.__aexit__()
    return 0


def tell_routes(log: logging.Logger, routes: Sequence[WebhookRoute], address: str) -> None:
    """Log where deliveries of webhooks are taken, and what each does."""
    for route in routes:
        log.info("webhook %s: %s %s", route.name, address + route.path, route.does)


async def serve_until_over(
    api: HttpApi, engine: Engine, listening: socket.socket, stop: asyncio.Task[Any], *, drain_s: float, proxies: str = ""
) -> None:  # fmt: skip
    """Serve the API until the process is told to stop, or its store is damaged or moved.

    Raises:
        StoreDamaged: the store is damaged.
        StoreMoved: its file was moved and not put back.
    """
    from opord.server import serving

    damaged = asyncio.create_task(engine.until_damaged())
    moved = asyncio.create_task(until_moved(engine))
    over = asyncio.wait({stop, damaged, moved}, return_when=asyncio.FIRST_COMPLETED)
    await serving.serve(api, listening, over, drain_s=drain_s, proxies=proxies)
    for task in (stop, damaged, moved):
        task.cancel()
    if engine.damage is not None:
        raise engine.damage
    if engine.writer.moved is not None and moved.done() and not moved.cancelled():
        raise engine.writer.moved


async def told_to_stop(waits_for: str) -> None:
    """Return at the first order to stop; a second one ends the process at once."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def hear(number: signal.Signals) -> None:
        if told.is_set():
            return
        log.info("%s: waiting for %s to end; a second signal stops at once", number.name, waits_for)
        told.set()
        for one in _ORDERS:
            # A supervisor may signal a process and its group at once: that is one order.
            loop.call_later(SAME_ORDER_S, loop.remove_signal_handler, one)

    for number in _ORDERS:
        loop.add_signal_handler(number, hear, number)
    await told.wait()
