"""`opord doctor`: what is installed, what is wrong, and the next step for each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opord.cli.output import colour_option, write, write_json
from opord.cli.settings import json_option, outside_option
from opord.story.counting import counted

if TYPE_CHECKING:
    from opord.cli.doctor.observation import Observation

_COLOURS = {"fine": "green", "note": "blue", "warning": "yellow", "wrong": "red", "unreachable": "red"}


@click.command()
@click.option("--store", metavar="URL", help="The store to check, instead of the one from the settings.")
@click.option(
    "--handlers", multiple=True, metavar="MODULE[:NAME]", help="Handlers to import, as a worker would."
)
@click.option("--whole", is_flag=True, help="Check a large store for damage too. This reads the whole store.")
@json_option
@colour_option
@partial(outside_option, forgiving=True)
def command(store: str | None, handlers: tuple[str, ...], whole: bool, as_json: bool) -> int:
    """Check the installation, the settings, the store and the contracts.

    Each line says what was seen, and for a problem what to do next. Checked are Python, Opord and
    SQLite, the extras, the settings with their sources, the store and its runs that need a person,
    the contracts in this folder with their generated modules, and the clock. The command changes
    nothing, and never creates a store. Exit status: 0 no problem, or only warnings; 1 something is
    wrong; 3 the store cannot be reached.

    \b
    Examples:
      opord doctor
      opord doctor --store sqlite:////var/lib/shop/opord.db --handlers shop.handlers:Handlers
    """
    observations = _look(store, handlers, whole=whole)
    wrong = sum(each.state in ("wrong", "unreachable") for each in observations)
    warnings = sum(each.state == "warning" for each in observations)
    if as_json:
        write_json({"wrong": wrong, "warnings": warnings, "seen": [each.as_data() for each in observations]})
    else:
        for each in observations:
            _show(each)
        write(f"\n{_summary(wrong, warnings)}")
    if any(each.state == "unreachable" for each in observations):
        return 3
    return int(wrong > 0)


def _look(store: str | None, handlers: Sequence[str], *, whole: bool) -> list[Observation]:
    from opord.cli.doctor.configured import check_named_handlers, check_settings
    from opord.cli.doctor.hooks import check_webhooks
    from opord.cli.doctor.machine import check_machine
    from opord.cli.doctor.secrets import check_keys
    from opord.cli.doctor.stored import check_store
    from opord.cli.doctor.written import check_contracts

    observations = [*check_machine(), *check_settings(Path.cwd(), store), *check_keys()]
    observations += check_store(_store_in_force() if store is None else store, whole=whole)
    observations += check_contracts(Path())
    observations += check_webhooks(Path())
    observations += check_named_handlers(handlers)
    return observations


def _store_in_force() -> str:
    from opord.cli.errors import CliError
    from opord.cli.settings import DEFAULT_STORE, settings_file

    if url := os.environ.get("OPORD_STORE"):
        return url
    try:
        return str(settings_file(Path.cwd())[1].get("store", DEFAULT_STORE))
    except CliError:
        return DEFAULT_STORE  # that check has reported the error already


def _show(observation: Observation) -> None:
    from opord.cli.doctor.observation import hidden
    from opord.values.visible import safe

    state = click.style(
        f"{observation.state:<11}", fg=_COLOURS[observation.state], bold=observation.state != "fine"
    )
    write(f"{state} {observation.area:<9} {safe(hidden(observation.text))}")
    if observation.move:
        write(f"{'':<21} → {safe(hidden(observation.move))}")


def _summary(wrong: int, warnings: int) -> str:
    counts = [f"{wrong} thing{' is' if wrong == 1 else 's are'} wrong"] if wrong else []
    counts += [counted(warnings, "warning")] if warnings else []
    return ", ".join(counts) or "all is fine"
