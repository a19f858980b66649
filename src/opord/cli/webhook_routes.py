"""The routes of webhooks in the settings file, as commands need them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opord.cli.errors import CliError
from opord.cli.settings import setting

if TYPE_CHECKING:
    from opord.contract import Contract
    from opord.server.webhooks import WebhookRoute


def routes_of(contracts: Iterable[Contract]) -> list[WebhookRoute]:
    """Return the routes of the settings file, for the contracts that are served.

    Raises:
        CliError: one is not known, does not fit its contract, or has no secret.
    """
    from opord.server.webhooks import WebhookInvalid, read_webhooks

    try:
        return read_webhooks(setting("webhooks", {}), contracts)
    except WebhookInvalid as wrong:
        raise CliError("webhooks", str(wrong), 2) from None
