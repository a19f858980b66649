"""`opord demo`: a small shop, a provider that fails, and a worker that is killed."""

from __future__ import annotations

import click

from opord.cli.errors import CliError


@click.command()
def command() -> int:
    """Watch a card being charged once, whatever dies on the way.

    A shop takes webhooks, some of them twice and some late. It charges cards at a provider that is
    slow, fails, and loses answers. The worker is killed between the provider's yes and the record
    of it. The summary at the end is read from the provider's ledger and from the runs. The demo
    takes less than a minute and asks nothing.

    It needs more packages than the core: pip install 'opord[demo]'
    """
    from opord.backends.opening import check_system

    check_system()
    try:
        from opord.examples.orders.demo import main
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", f"the demo needs `{missing.name}`: pip install 'opord[demo]'"
        ) from missing
    return int(main() or 0)
