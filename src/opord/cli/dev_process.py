"""The process of `opord dev` that carries runs and serves the API, under a supervisor."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opord.cli.errors import CliError
from opord.cli.monitoring import Watching, watched
from opord.cli.opening import LOOK_S, open_engine
from opord.cli.reloading import GO, READY
from opord.cli.serve import check_versions, serve_until_over, server_limits, tell_routes
from opord.cli.settings import engine_secrets, setting
from opord.cli.stopping import Orders, StoppedEarly, leave_hanging_threads, run_to_its_end
from opord.cli.webhook_routes import routes_of
from opord.cli.worker import limits_of, pairs_of, tell_impure
from opord.cli.worker_log import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opord.backends.base import Version
    from opord.kernel.program import Program
    from opord.server.webhooks import WebhookRoute

log: logging.Logger = logging.getLogger("opord.dev")


class Given:
    """What the supervisor hands over: where to report, where the word to go comes, and sockets."""

    def __init__(self, report: int, order: int, *sockets: int) -> None:
        self.report = report
        self.order = order
        self.sockets: list[socket.socket] = [socket.socket(fileno=one) for one in sockets]


def carry_out(
    given: Given, *, contracts: tuple[str, ...], handlers: tuple[str, ...], limit_flags: tuple[str, ...], drain: float,
    call_limit: float, labels: tuple[str, ...], verbose: bool, log_format: str, state: str | None, store: str, **_: Any,
) -> int:  # fmt: skip
    """Load the code, say so, wait for the word to go, and carry runs until an order to stop."""
    from opord.backends.opening import shown_url, whole_url

    place = whole_url(store)
    log_to_stderr(log_format, verbose=verbose)
    status = 1
    with Orders(drain) as orders:
        try:
            pairs = pairs_of(contracts, handlers)
            limits = limits_of(limit_flags, pairs)
            _check_handlers(pairs)
            programs = [program for program, _ in pairs]
            check_versions(programs)
            routes = routes_of(program.contract for program in programs)
            asyncio.run(_check_changed(place, programs))
            orders.check()
            orders.keep()
            os.write(given.report, READY)
            if os.read(given.order, len(GO)) != GO:
                return 0  # the supervisor is gone, or has newer code
            watching = Watching(given.sockets[1]) if len(given.sockets) > 1 else None
            work = _work(
                given, pairs, place, orders, shown_as=shown_url(store), drain_s=drain, call_limit_s=call_limit,
                labels=labels, limits=limits, watching=watching, state=None if state is None else whole_url(state), routes=routes,
            )  # fmt: skip
            status = run_to_its_end(watched(watching, work))
        except StoppedEarly:
            status = 0
        except asyncio.CancelledError:
            log.error("a handler cancelled the tasks of this process, so it ends")
        leave_hanging_threads(status)
    return status


def _check_handlers(pairs: Sequence[tuple[Program, Any]]) -> None:
    """Refuse handlers that do not fit, as an engine would when it is opened.

    Raises:
        HandlersInvalid: one is missing or has the wrong form.
    """
    from opord.errors import HandlersInvalid
    from opord.loading import check_handlers

    for program, handlers in pairs:
        if problems := check_handlers(program, handlers):
            raise HandlersInvalid(program.name, problems)


async def _check_changed(store: str, programs: Sequence[Program]) -> None:
    """Refuse a changed contract whose version has runs: the process before would have ended for it.

    Raises:
        CliError: there is one.
    """
    from opord.backends.base import RunFilter, StoreError
    from opord.backends.opening import open_backend

    try:
        async with open_backend(store) as backend:
            for program in programs:
                stored = [
                    one for one in await backend.versions(program.name) if one.version == program.version
                ]
                where = RunFilter(program.name, version=program.version)
                if (
                    any([await _is_other(backend, one, program) for one in stored])
                    and (await backend.runs(where, limit=1)).rows
                ):
                    raise CliError(
                        "contract_conflict",
                        f"{program.name} version {program.version} has changed, and runs were started with it as it was; "
                        f"give the changed contract `version {program.version + 1}`, or name another --store",
                    )
    except StoreError:
        return  # there is none yet, or it is away; the engine says so


async def _is_other(backend: Any, stored: Version, program: Program) -> bool:
    """Say whether a stored contract surely has other content than a program's."""
    from opord.content import FORM

    kept = await backend.contract(stored.digest)
    return kept is not None and kept.form == FORM and kept.digest not in (program.digest, *program.also)


async def _work(
    given: Given,
    pairs: Sequence[tuple[Program, Any]],
    store: str,
    orders: Orders,
    *,
    shown_as: str,
    drain_s: float,
    call_limit_s: float,
    labels: tuple[str, ...],
    limits: Mapping[str, Any],
    watching: Watching | None,
    state: str | None,
    routes: Sequence[WebhookRoute],
) -> int:
    from opord.backends.front import Engine, relax_for_good
    from opord.server import HttpApi, serving

    asked_to_stop = orders.begin()
    loop = asyncio.get_running_loop()
    loop.add_reader(given.order, _end_without_supervisor, loop, given.order)
    stop = asyncio.create_task(asked_to_stop.wait())
    metrics = watching.metrics if watching is not None else None
    workflows = [program.workflow(handlers) for program, handlers in pairs]

    def new_engine() -> Engine:
        return Engine(
            store, workflows, drain_s=drain_s, call_limit_s=call_limit_s, labels=labels, limits=limits,
            watch_pure=tell_impure, observer=metrics, **engine_secrets(),
        )  # fmt: skip

    engine = await open_engine(new_engine, stop, math.inf, "process")
    if engine is None:
        return 0
    if watching is not None:
        watching.watch(engine)
    api = HttpApi(
        engine, limits=server_limits(), state=state, metrics=metrics,
        webhooks=setting("webhooks", {}),
    )  # fmt: skip
    try:
        await api.state.open()
        await api.prepare()
        relax_for_good()
        names = ", ".join(f"{program.name} {program.version}" for program, _ in pairs)
        address = serving.address_of(given.sockets[0])
        log.info("working on %s for %s, and serving it at %s/api/v1", shown_as, names, address)
        tell_routes(log, routes, address)
        keeping = asyncio.create_task(_keep(orders))
        try:
            await serve_until_over(api, engine, given.sockets[0], stop, drain_s=drain_s)
        finally:
            keeping.cancel()
    finally:
        await api.close(drain_s=drain_s)
        await engine.__aexit__()
    return 0


async def _keep(orders: Orders) -> None:
    """Hear orders, whatever handlers make of the process's signals."""
    while True:
        orders.keep()
        await asyncio.sleep(LOOK_S)


def _end_without_supervisor(loop: asyncio.AbstractEventLoop, order: int) -> None:
    """Stop as if told to: the supervisor is gone, and nobody else would end this process."""
    loop.remove_reader(order)
    os.kill(os.getpid(), signal.SIGTERM)
