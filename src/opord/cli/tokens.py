"""`opord tokens`: make, list and revoke the tokens that say who asks over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.errors import CliError
from opord.cli.output import note, write, write_json, write_table
from opord.cli.server_state import note_act, on_state, state_option
from opord.cli.settings import json_option, login_name, store_option
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.base import Backend
    from opord.server.state import State
    from opord.server.state.tokens import Token


@click.group()
def command() -> None:
    """Make, list and revoke the tokens that say who asks over HTTP.

    A token has a name, which the journal keeps as the actor, and roles. `opord serve` asks for one
    with each request as soon as the first was made. Whoever can write the store can make tokens:
    this is how the first one is made.

    \b
    Examples:
      opord tokens create ops --role opord:admin
      opord tokens create shop --role clerk --contract Refund --expires 90d
      opord tokens list
      opord tokens revoke 3fK9x0aZ7bQ1
    """


@command.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, metavar="ROLE",
              help="A role of the contracts, opord:operator, opord:admin, or * for every role of the contracts. May be repeated.")  # fmt: skip
@click.option("--contract", "contracts", multiple=True, metavar="CONTRACT",
              help="A contract whose runs it may see and touch. Without this option, it is all of them. May be repeated.")  # fmt: skip
@click.option("--expires", metavar="WHEN", show_default="never",
              help="When it expires: after a time such as 90d, or at an instant.")  # fmt: skip
@store_option
@state_option
@json_option
def create(
    name: str, roles: tuple[str, ...], contracts: tuple[str, ...], expires: str | None, store: str, state: str | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Make a token. It is shown once: the store keeps only its digest.

    \b
    Examples:
      opord tokens create ops --role opord:admin
      opord tokens create shop --role clerk --contract Refund --expires 90d
    """
    maker = login_name()

    async def make(_: Backend, tables: State) -> tuple[Token, str]:
        from opord.server.granting import contracts_of, end_of, name_of, roles_of
        from opord.server.state.tokens import Wish, make_token

        scope = contracts_of(contracts or None)
        wish = Wish(name_of(name), roles_of(roles), scope, end_of(expires, await tables.now()))
        made = await make_token(tables, wish, maker)
        await note_act(tables, maker, "create token", f"token {made[0].id}")
        return made

    token, text = on_state(store, state, make)
    if as_json:
        write_json({"token": text, **token.shown})
        return 0
    note(f"the token {token.id} of {safe(token.name)}; keep it now, it is not shown again:")
    write(text)
    return 0


@command.command(name="list")
@store_option
@state_option
@json_option
def list_tokens(store: str, state: str | None, as_json: bool) -> int:
    """List the tokens, the oldest first, also those that are no longer good.

    \b
    Example:
      opord tokens list --json
    """

    async def read(_: Backend, tables: State) -> tuple[list[Token], int]:
        from opord.server.state.tokens import all_tokens

        return await all_tokens(tables), await tables.now()

    tokens, now = on_state(store, state, read)
    if as_json:
        write_json([one.shown for one in tokens])
    elif not tokens:
        note("there are no tokens; `opord tokens create NAME --role opord:admin` makes the first one")
    else:
        write_table(("ID", "NAME", "ROLES", "CONTRACTS", "STATE"), [_line(one, now) for one in tokens])
    return 0


def _line(token: Token, now: int) -> tuple[str, ...]:
    from opord.kernel.instants import in_words

    if token.revoked_at is not None:
        state = f"revoked {in_words(token.revoked_at)} by {token.revoked_by}"
    elif token.expires_at is None:
        state = "good"
    else:
        state = f"{'expired' if token.expires_at <= now else 'good until'} {in_words(token.expires_at)}"
    contracts = "all" if token.contracts is None else " ".join(token.contracts) or "none"
    return token.id, safe(token.name), " ".join(token.roles) or "none", contracts, safe(state)


@command.command()
@click.argument("token_id", metavar="ID")
@store_option
@state_option
def revoke(token_id: str, store: str, state: str | None) -> int:
    """Revoke a token. Servers refuse it within a second.

    \b
    Example:
      opord tokens revoke 3fK9x0aZ7bQ1
    """
    actor = login_name()

    async def end(_: Backend, tables: State) -> Token | None:
        from opord.server.state.tokens import revoke as revoke_in
        from opord.server.state.tokens import token_of

        token = await token_of(tables, token_id)
        if token is not None and await revoke_in(tables, token_id, actor):
            await note_act(tables, actor, "revoke token", f"token {token_id}")
        return token

    token = on_state(store, state, end)
    if token is None:
        raise CliError("token_unknown", f"there is no token {token_id!r}; `opord tokens list` has the ids", 1)
    write(f"the token {token.id} of {safe(token.name)} is revoked; servers refuse it within a second")
    return 0
