"""The program as a whole: its commands, and how errors are reported.

A command is loaded when it is called or its help is asked for; the list of commands loads none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from opord import __version__
from opord.cli.errors import explain_error
from opord.cli.lazy import LazyGroup
from opord.cli.output import error, note, stop_output

COMMANDS = {
    "new": ("opord.cli.new", "Make a project that works at once."),
    "check": ("opord.cli.check", "Say what is wrong with contracts."),
    "explain": ("opord.cli.explain", "Explain a contract, a finding by its code, or a rule by its name."),
    "fmt": ("opord.cli.fmt", "Format contracts."),
    "simulate": (
        "opord.cli.simulate",
        "Explore a contract without handlers: what can happen, and what never does.",
    ),
    "diagram": ("opord.cli.diagram", "Draw a contract."),
    "gen": ("opord.cli.gen", "Write the Python module of a contract."),
    "runs": ("opord.cli.runs", "Start runs, act on them, and see what became of them."),
    "worker": ("opord.cli.worker", "Carry out runs with your handlers."),
    "serve": ("opord.cli.serve", "Serve the HTTP API."),
    "dev": (
        "opord.cli.dev",
        "Run a worker and the HTTP API in one process, and start again when a file changes.",
    ),
    "tokens": ("opord.cli.tokens", "Make, list and revoke the tokens that say who asks over HTTP."),
    "links": (
        "opord.cli.links",
        "Make links that send one event to one run, once, in the name of one person.",
    ),
    "audit": (
        "opord.cli.audit",
        "See what was done over HTTP, and at the command line to tokens and links; the newest first.",
    ),
    "lsp": ("opord.cli.lsp", "Serve editors: findings while you type, completion, hover, rename and more."),
    "doctor": ("opord.cli.doctor", "Check the installation, the settings, the store and the contracts."),
    "keys": ("opord.cli.keys", "Make the keys that encrypt secrets in the store."),
    "limits": ("opord.cli.limits", "See the limits of the store, and what waits for them."),
    "webhooks": (
        "opord.cli.webhooks",
        "Look after the webhooks that tell other programs of runs, and the routes of webhooks in.",
    ),
    "prune": ("opord.cli.prune", "Move runs that ended long ago out of the store, into an archive."),
    "db": ("opord.cli.db", "Look after the store as a whole."),
    "demo": ("opord.cli.demo", "Watch a card being charged once, whatever dies on the way."),
}


class _Unread(Exception):
    """The reader of our output closed the pipe."""


@contextmanager
def _noticing_a_closed_pipe() -> Iterator[None]:
    """Raise `_Unread` if a pipe is closed: click itself would end the program with status 1."""
    try:
        yield
    except BrokenPipeError as closed:
        raise _Unread from closed


class _Program(LazyGroup):
    """The group of all commands."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments; `--help` and `--version` write here."""
        with _noticing_a_closed_pipe():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command."""
        with _noticing_a_closed_pipe():
            return super().invoke(ctx)


@click.group(cls=_Program, listed=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="opord", message="%(prog)s %(version)s")
def opord() -> None:
    """Workflows as checked contracts: proved before they run, charged once whatever dies on the
    way.

    A contract (order.opord) says which states a workflow has and what may happen in each. Check it,
    write its Python module, start runs, and let a worker carry them out.

    \b
    Exit status: 0 done; 1 the answer is no; 2 wrong usage; 3 the store cannot be reached.
    Settings come from flags, then OPORD_* variables, then opord.toml or [tool.opord] in pyproject.toml.
    """  # noqa: W505 - the line is shown as it stands


def _check_encoding(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not UTF-8. The name of an archive may be any name of a file.

    Raises:
        UsageError: there is one; the message has its number and the byte.
    """
    for number, argument in enumerate(arguments, 1):
        if argument.startswith("--archive=") or (number > 1 and arguments[number - 2] == "--archive"):
            continue
        content = os.fsencode(argument)
        try:
            content.decode()
        except UnicodeDecodeError as wrong:
            byte = content[wrong.start]
            message = f"argument {number} is not UTF-8: byte {wrong.start + 1} of it is 0x{byte:02x}"
            raise click.UsageError(message) from None


def run(arguments: Sequence[str]) -> int:
    """Run the program with these arguments and return its exit status.

    Errors go to stderr with their code.
    """
    try:
        _check_encoding(arguments)
        status = opord.main(
            args=list(arguments), prog_name="opord", standalone_mode=False, obj=tuple(arguments)
        )
        if sys.stdout is not None:
            sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.exceptions.NoArgsIsHelpError as help_request:
        note(help_request.format_message())
        return 2
    except click.UsageError as wrong:
        if wrong.ctx is not None:
            note(f"{wrong.ctx.get_usage()}\nTry '{wrong.ctx.command_path} --help' for help.\n")
        error("usage", wrong.format_message())
        return 2
    except click.ClickException as wrong:
        error("usage", wrong.format_message())
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except (BrokenPipeError, _Unread):
        # The reader has all that it wants: that is not an error, and no message is needed.
        stop_output()
        return 0
    except Exception as raised:
        if os.environ.get("OPORD_DEBUG"):
            raise
        explanation = explain_error(raised)
        error(explanation.code, explanation.message)
        return explanation.status
