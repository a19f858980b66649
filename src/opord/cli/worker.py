"""`opord worker`: a process that carries out runs."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import program_at
from opord.cli.errors import CliError
from opord.cli.handlers import as_the_handlers_know_it, ask_for_the_class, handlers_at
from opord.cli.monitoring import Watching, metrics_option, watched, watching_at
from opord.cli.opening import LOOK_S, open_engine, until_moved
from opord.cli.output import note
from opord.cli.scheduling import labels_option
from opord.cli.settings import Seconds, engine_secrets, outside_option, secrets_option, setting, store_option
from opord.cli.stopping import Orders, StoppedEarly, leave_hanging_threads, run_to_its_end
from opord.cli.webhooks.endpoints import webhooks_out
from opord.cli.worker_log import FORMATS, keep_logging, log_to_stderr
from opord.kernel.scheduling import served_words, worker_with_handlers
from opord.story.counting import counted
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.front import Engine
    from opord.backends.shown import Shown
    from opord.kernel.program import Program

log: logging.Logger = logging.getLogger("opord.worker")


@click.command()
@click.option("--contract", "contracts", multiple=True, required=True, metavar="FILE", shell_complete=offer_contracts,
              help="A contract, or its generated class (package.module:Class). May be repeated.")  # fmt: skip
@click.option("--handlers", multiple=True, required=True, metavar="MODULE[:NAME]",
              help="The handlers of that contract: a module, or a class or object in one.")  # fmt: skip
@click.option(
    "--until-idle",
    is_flag=True,
    help="Stop when no run can go on within a second. Exit 1 if a run needs a person.",
)
@click.option("--lease", type=Seconds(min=0, min_open=True, max=600), envvar="OPORD_LEASE",
              default=lambda: setting("lease", 10.0), show_default="10s", metavar="DURATION",
              help="If this worker shows no sign of life for so long, others take over its runs. At most 10m.")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(min=1), envvar="OPORD_CONCURRENCY",
              default=lambda: setting("concurrency", 1000), show_default="1000", metavar="N",
              help="How many runs this worker carries at once.")  # fmt: skip
@click.option("--limit", "limit_flags", multiple=True, metavar='"NAME at_once=N"',
              help="At most so many at once, or in a span of time, over all workers: of a contract's runs, or of one of its calls. May be repeated; see [limits] in the settings file.")  # fmt: skip
@click.option("--drain", type=Seconds(min=0), envvar="OPORD_DRAIN",
              default=lambda: setting("drain", 30.0), show_default="30s", metavar="DURATION",
              help="How long calls under way may go on after the worker is told to stop.")  # fmt: skip
@click.option("--call-limit", type=Seconds(min=0, min_open=True), envvar="OPORD_CALL_LIMIT",
              default=lambda: setting("call_limit", "5m"), show_default="5m", metavar="DURATION",
              help="How long one attempt of a call may take if the contract gives it no `timeout`, such as 20m.")  # fmt: skip
@click.option("--wait", type=Seconds(min=0), envvar="OPORD_WAIT", default=lambda: setting("wait", None),
              show_default="until it is told to stop, and 0 with --until-idle", metavar="DURATION",
              help="How long to wait at the start for a PostgreSQL server that is away. Then the worker ends with status 3.")  # fmt: skip
@labels_option
@click.option("--dev", is_flag=True,
              help="Watch `pure` handlers. If one opens a file, a socket or a process, its run stalls and shows the line.")  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Log more, for finding the cause of a problem.")
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True,
              help="Log lines as text, or each line as a JSON object with time, level, message, run, state, call and more.")  # fmt: skip
@metrics_option
@store_option
@secrets_option
@outside_option
def command(
    contracts: tuple[str, ...],
    handlers: tuple[str, ...],
    until_idle: bool,
    lease: float,
    concurrency: int,
    limit_flags: tuple[str, ...],
    drain: float,
    call_limit: float,
    wait: float | None,
    labels: tuple[str, ...],
    dev: bool,
    verbose: bool,
    log_format: str,
    metrics: str | None,
    store: str,
) -> int:
    """Carry out runs with your handlers.

    Give --contract and --handlers in pairs, as many as you need. Several workers may share a store.
    If a worker is killed, another one takes over its runs once its lease is over. An action whose
    outcome is not on record is then treated as its contract says. SIGTERM and Ctrl-C let calls
    under way end first. A second signal stops the worker at once.

    \b
    Examples:
      opord worker --contract order.opord --handlers shop.handlers:Handlers
      opord worker --contract order.opord --handlers handlers --until-idle
      opord worker --contract order.opord --handlers handlers --lease 30s --call-limit 20m
      opord worker --contract order.opord --handlers handlers --log-format json
      opord worker --contract order.opord --handlers handlers --label gpu --label big
    """
    if len(contracts) != len(handlers):
        raise click.UsageError(
            f"each --contract needs its --handlers; got {len(contracts)} --contract and {len(handlers)} --handlers"
        )
    from opord.backends.opening import check_lasts, check_system, shown_url, whole_url

    check_system()
    check_lasts(store)
    watching = watching_at(metrics)
    place = whole_url(store)  # a module of handlers may change the working directory
    log_to_stderr(log_format, verbose=verbose)
    status = 1
    with Orders(drain) as orders:
        try:
            pairs = pairs_of(contracts, handlers)
            orders.check()
            orders.keep()
            work = _work(
                pairs,
                place,
                orders,
                shown_as=shown_url(store),
                until_idle=until_idle,
                lease_s=lease,
                concurrency=concurrency,
                limits=limits_of(limit_flags, pairs),
                endpoints=webhooks_out(),
                drain_s=drain,
                call_limit_s=call_limit,
                labels=labels,
                wait_s=wait if wait is not None else 0.0 if until_idle else math.inf,
                dev=dev,
                watching=watching,
            )
            status = run_to_its_end(watched(watching, work))
        except StoppedEarly:
            log.info("%s: stopped before the worker took any run", orders.signal)
            status = 0
        except asyncio.CancelledError:
            log.error("a handler cancelled the worker's own tasks, so it ends; other workers take over its runs")  # fmt: skip
        leave_hanging_threads(status)
    return status


def pairs_of(contracts: tuple[str, ...], handlers: tuple[str, ...]) -> list[tuple[Program, Any]]:
    """Return each contract's program with its handlers."""
    pairs = []
    programs = [program_at(contract) for contract in contracts]
    for contract, program, where in zip(contracts, programs, handlers, strict=True):
        instance = handlers_at(where)
        ask_for_the_class(program, instance)
        pairs.append((as_the_handlers_know_it(program, instance, contract), instance))
    keep_logging()
    return pairs


def limits_of(flags: Sequence[str], pairs: Sequence[tuple[Program, Any]]) -> dict[str, Any]:
    """Return the limits of the settings file and of the flags, which come first."""
    from opord.backends.limits import LimitInvalid, merged, read_flag, read_limits

    try:
        limits = merged([setting("limits", {}), *map(read_flag, flags)])
        read_limits(limits, [program for program, _ in pairs])
    except LimitInvalid as wrong:
        raise CliError("limit", str(wrong), 2) from None
    return limits


async def _work(
    pairs: Sequence[tuple[Program, Any]],
    store: str,
    orders: Orders,
    *,
    shown_as: str,
    until_idle: bool,
    lease_s: float,
    concurrency: int,
    limits: Mapping[str, Any],
    endpoints: Mapping[str, Any],
    drain_s: float,
    call_limit_s: float,
    labels: tuple[str, ...],
    wait_s: float,
    dev: bool,
    watching: Watching | None,
) -> int:
    from opord.backends.front import Engine, relax_for_good
    from opord.backends.shown import Shown

    workflows = [program.workflow(handlers) for program, handlers in pairs]
    names = ", ".join(f"{program.name} {program.version}" for program, _ in pairs)
    served = served_words(labels)
    taken = f"; it takes the runs with the {served}" if served else ""
    asked_to_stop = orders.begin()

    def new_engine() -> Engine:
        engine = Engine(
            store, workflows, lease_s=lease_s, concurrency=concurrency, limits=limits, webhooks_out=endpoints,
            drain_s=drain_s, call_limit_s=call_limit_s, labels=labels, **engine_secrets(),
            watch_pure=tell_impure if dev else None, observer=watching.metrics if watching is not None else None,
        )  # fmt: skip
        engine.on_open = lambda: log.info("working on %s for %s%s", shown_as, names, taken)
        return engine

    stop = asyncio.create_task(asked_to_stop.wait())
    engine = await open_engine(new_engine, stop, wait_s)
    if engine is None:
        log.info("stopped before the store was open; the worker took no run")
        return 0
    if watching is not None:
        watching.watch(engine)
    try:
        relax_for_good(concurrency)
        idle = asyncio.create_task(_idle(engine, until_idle))
        damaged = asyncio.create_task(engine.until_damaged())
        moved = asyncio.create_task(until_moved(engine))
        keeping = asyncio.create_task(_keep(orders))
        await asyncio.wait({idle, stop, damaged, moved}, return_when=asyncio.FIRST_COMPLETED)
        stopped = stop.done()
        for task in (idle, stop, damaged, moved, keeping):
            task.cancel()
        if engine.writer.moved is not None and moved.done():
            raise engine.writer.moved
        ended, *_ = await asyncio.gather(idle, stop, damaged, return_exceptions=True)
        if engine.damage is not None:
            raise engine.damage
        if isinstance(ended, Exception):
            raise ended
        log.info("stopping: %s", "asked to" if stopped else _nothing_before(ended))
        shown = Shown(engine.backend)
        looked = until_idle and not stopped
        needy = await _needy(shown, pairs) if looked else []
        unserved = await _unserved(shown, pairs) if looked else {}
        unreadable = dict(engine.worker.unreadable) if until_idle and engine.worker is not None else {}
    finally:
        await engine.__aexit__()
    for run, why in needy:
        note(f"{safe(run)} needs a person: {why}")
    for run, why in unreadable.items():
        note(f"{safe(run)} cannot be read by this worker, which leaves it to another one: {safe(why)}")
    for version, runs in unserved.items():
        note(f"{runs} can go on, but no {version}")
    return int(bool(needy or unreadable))


async def _keep(orders: Orders) -> None:
    """Hear orders, whatever handlers make of the process's signals."""
    while True:
        orders.keep()
        await asyncio.sleep(LOOK_S)


def tell_impure(caught: Exception) -> None:
    """Log a `pure` handler that opened something."""
    log.error("%s", caught)


async def _idle(engine: Engine, until_idle: bool) -> datetime | None:
    if until_idle:
        return await engine.until_idle()
    await asyncio.Event().wait()
    return None


def _nothing_before(due: object) -> str:
    """Say why an idle worker stops: nothing can go on before `due`, the next timer or attempt."""
    if not isinstance(due, datetime):
        return "nothing is left to do"
    return f"nothing can go on before {due:%Y-%m-%d %H:%M:%S}, when the next timer or attempt is due"


async def _unserved(shown: Shown, pairs: Sequence[tuple[Program, Any]]) -> dict[str, str]:
    """Count the runs of these contracts that only need another worker to go on."""
    from opord.backends.base import RunFilter
    from opord.backends.shown import PAGE

    counts: Counter[str] = Counter()
    cut: set[str] = set()
    for name in sorted({program.name for program, _ in pairs}):
        rows = (await shown.backend.runs(RunFilter(name, needs="unserved"), limit=PAGE)).rows
        versions = [worker_with_handlers(name, row.version, row.label, more=" that runs now") for row in rows]
        counts.update(versions)
        if len(rows) == PAGE:
            cut.update(versions)
    return {
        version: f"{'at least ' if version in cut else ''}{counted(count, 'run')}"
        for version, count in counts.items()
    }


async def _needy(shown: Shown, pairs: Sequence[tuple[Program, Any]]) -> Sequence[tuple[str, str]]:
    """List the runs of these contracts that need a person, also those that have ended."""
    from opord.backends.base import RunFilter
    from opord.kernel.needs import held_back
    from opord.kernel.rows import StoredNeed
    from opord.story.words import need_in_words

    names = {program.digest: program.name for program, _ in pairs}
    runs = []
    for name in sorted(set(names.values())):
        for reason in get_args(StoredNeed):
            async for row in shown.rows(RunFilter(name, needs=reason)):
                if row.contract in names:
                    why = row.head.reason if held_back(reason) else None
                    runs.append((row.run, safe(why or need_in_words(reason))))
    return runs
