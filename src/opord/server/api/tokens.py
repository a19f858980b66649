"""Tokens: make, list and revoke them."""

from __future__ import annotations

from opord.server.answers import Answer, as_json
from opord.server.desk import Desk
from opord.server.granting import check_grant, contracts_of, end_of, is_within, name_of, roles_of
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.routing import Route
from opord.server.state.tokens import Wish, all_tokens, make_token, revoke, token_of


async def create_token(desk: Desk, request: Request) -> Answer:
    """Make a token. Its text is in this answer, and nowhere else."""
    request.query(())
    members = await request.members(("name", "roles", "contracts", "expires"))
    wish = Wish(
        name_of(members.get("name")),
        roles_of(members.get("roles", [])),
        contracts_of(members.get("contracts")),
        end_of(members.get("expires"), await desk.state.now()),
    )
    check_grant(request.principal, wish)
    token, written = await make_token(desk.state, wish, request.principal.name)
    request.made = f"token {token.id}"
    return as_json({"token": written, **token.shown}, 201)


async def list_tokens(desk: Desk, request: Request) -> Answer:
    """List the tokens, the oldest first, also those that are no longer good."""
    request.query(())
    tokens = [one for one in await all_tokens(desk.state) if is_within(request.principal, one)]
    return as_json({"tokens": [one.shown for one in tokens]})


async def revoke_token(desk: Desk, request: Request) -> Answer:
    """Revoke a token. It is refused from then on."""
    request.query(())
    id = request.route["id"]
    token = await token_of(desk.state, id)
    if token is None or not is_within(request.principal, token):
        raise Problem("token_unknown", f"there is no token {id!r}; GET /api/v1/tokens lists them")
    await revoke(desk.state, id, request.principal.name)
    return as_json({"id": id, "done": "revoke"})


ROUTES = (
    Route("POST", "/tokens", create_token, "administer"),
    Route("GET", "/tokens", list_tokens, "administer"),
    Route("DELETE", "/tokens/{id}", revoke_token, "administer"),
)
