"""`opord db print-sql`: the SQL of a store's schema, for somebody who may make tables."""

from __future__ import annotations

import click

from opord.cli.output import write
from opord.cli.settings import store_option


@click.command()
@click.option("--role", metavar="NAME", help="Also give this role the rights that a worker needs.")
@store_option
def command(role: str | None, store: str) -> int:
    """Print the SQL that makes a store in PostgreSQL, or brings it up to date.

    The tables of `opord serve` are among what it makes. The server is not asked, and nothing is
    changed. Whoever may make tables runs it, before the first start and before an upgrade of Opord;
    it may be run again at any time. Workers may then have a role that cannot make tables.

    \b
    Example:
      opord db print-sql --role shop --store postgresql://db/shop > schema.sql
      psql --set ON_ERROR_STOP=1 --file schema.sql postgresql://dba@db/shop
    """
    from opord.backends.opening import schema_script
    from opord.server.state import STEPS

    write(schema_script(store, role=role, beside=[STEPS]).rstrip())
    return 0
