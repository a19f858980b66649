"""`opord webhooks check`: the routes of webhooks in, checked as `opord serve` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import program_at
from opord.cli.output import note, write_json, write_table
from opord.cli.settings import json_option, outside_option
from opord.cli.webhook_routes import routes_of

if TYPE_CHECKING:
    from opord.server.webhooks import WebhookRoute


@click.command()
@click.option("--contract", "contracts", multiple=True, required=True, metavar="FILE", shell_complete=offer_contracts,
              help="A contract that is served, or its generated class (package.module:Class). May be repeated.")  # fmt: skip
@json_option
@outside_option
def command(contracts: tuple[str, ...], as_json: bool) -> int:
    """Check the routes of webhooks in: those of [webhooks] in the settings file.

    It compares them with the contracts and reads their secrets, as `opord serve` does before it
    starts. Each line has the route, its path, how it is signed, and what a delivery does. No secret
    is shown. Exit status: 0 they can be served; 2 something is wrong, and all of it is said.

    \b
    Example:
      opord webhooks check --contract order.opord
    """
    routes = routes_of([program_at(one).contract for one in contracts])
    if as_json:
        write_json([_as_data(one) for one in routes])
    elif not routes:
        note("the settings file has no routes of webhooks")
    else:
        write_table(
            ("ROUTE", "PATH", "SCHEME", "SECRETS", "DOES"),
            [(one.name, one.path, one.scheme, str(len(one.keys)), one.does) for one in routes],
        )
    return 0


def _as_data(route: WebhookRoute) -> dict[str, object]:
    return {
        "route": route.name,
        "path": route.path,
        "scheme": route.scheme,
        "secrets": len(route.keys),
        "start": route.contract if route.event is None else None,
        "event": f"{route.contract}.{route.event}" if route.event is not None else None,
        "where": str(route.where) if route.where is not None else None,
    }
