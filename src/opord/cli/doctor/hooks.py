"""Checks of the routes of webhooks, against the contracts in the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opord.cli.contract_files import contract_files
from opord.cli.doctor.observation import Observation
from opord.cli.errors import CliError
from opord.cli.settings import settings_file

if TYPE_CHECKING:
    from opord.contract import Contract

_MISSING: Final = " is not set; "


def check_webhooks(folder: Path) -> Iterator[Observation]:
    """Check each route of the settings file as `opord serve` does at its start.

    A secret that is missing here may be there where the server runs.
    """
    try:
        table = settings_file(folder)[1].get("webhooks", {})
    except CliError:
        return  # said with the settings
    if not table:
        return
    from opord.server.webhooks import WebhookInvalid, read_webhooks

    try:
        routes = read_webhooks(table, _contracts(folder))
    except WebhookInvalid as wrong:
        for problem in wrong.problems:
            if _MISSING in problem:
                move = "set it where `opord serve` runs"
                yield Observation("webhooks", "warning", problem, move)
            else:
                yield Observation(
                    "webhooks", "wrong", problem, "correct it; `opord serve` refuses to start with it"
                )
        return
    for route in routes:
        facts = {"route": route.name, "path": route.path, "scheme": route.scheme, "secrets": len(route.keys)}
        yield Observation("webhooks", "fine", f"{route.name}: {route.path} {route.does}", facts=facts)


def _contracts(folder: Path) -> Iterator[Contract]:
    from opord.cli.contracts import checked

    try:
        files = contract_files([str(folder)])
    except CliError:
        return
    for file in files:
        try:
            contract = checked(Path(file)).contract
        except CliError:
            continue  # said with the contracts
        if contract is not None:
            yield contract
