"""`opord demo`: a small shop, a provider that fails, and a worker that is killed."""

from __future__ import annotations

import time

import click

from opord.cli.errors import CliError
from opord.cli.output import write


@click.command()
@click.option("--store", metavar="URL",
              help="Keep the demo's runs in PostgreSQL, in a schema of their own: postgresql://user@host/database. "
                   "The default is a file that is deleted at the end.")  # fmt: skip
def command(store: str | None) -> int:
    """Watch a card being charged once, whatever dies on the way.

    A shop takes webhooks, some of them twice and some late. It charges cards at a provider that is
    slow, fails, and loses answers. The worker is killed between the provider's yes and the record
    of it. The summary at the end is read from the provider's ledger and from the runs. The demo
    takes less than a minute and asks nothing.

    It needs more packages than the core: pip install 'opord[demo]'

    \b
    Examples:
      opord demo
      opord demo --store postgresql://shop@localhost/shop
    """
    from opord.backends.opening import check_system

    check_system()
    if store is not None:
        store = _of_its_own(store)
    try:
        from opord.examples.orders.demo import main
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", f"the demo needs `{missing.name}`: pip install 'opord[demo]'"
        ) from missing
    status = int(main(store) or 0)
    if store is not None:
        from opord.backends.opening import shown_url

        write(
            f"The runs stay there until somebody drops the schema: opord runs list --store {shown_url(store)}"
        )
    return status


def _of_its_own(store: str) -> str:
    """Return the URL of a store in PostgreSQL that is not there yet.

    It is in a new schema, unless the URL names one.
    """
    from opord.backends.opening import shown_url, store_exists

    if not store.startswith(("postgresql://", "postgres://")):
        raise CliError(
            "usage", f"expected a store like postgresql://user@host/database, got: {shown_url(store)}", 2
        )
    if "schema=" not in store:
        store += f"{'&' if '?' in store else '?'}schema=opord_demo_{time.strftime('%Y%m%d_%H%M%S')}"
    if store_exists(store):
        raise CliError(
            "usage", f"{shown_url(store)} has a store already; the demo needs a schema of its own", 2
        )
    return store
