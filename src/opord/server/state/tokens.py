"""The tokens that say who asks: made, listed, revoked. Of a secret, its digest alone is kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from opord.kernel.instants import text
from opord.server.credentials import PREFIX, Credential, digest, new_id, new_secret, write
from opord.server.principals import Principal
from opord.server.state.kept import State, statements
from opord.values.types import Instant

_SQL = statements("tokens.sql")


class Token(NamedTuple):
    """A token as it is kept. `contracts` is None for all; `expires_at` None for never."""

    id: str
    name: str
    roles: tuple[str, ...]
    contracts: tuple[str, ...] | None
    digest: bytes
    made_at: Instant
    made_by: str
    expires_at: Instant | None
    revoked_at: Instant | None
    revoked_by: str

    @property
    def principal(self) -> Principal:
        """Who asks with it."""
        return Principal(self.name, self.roles, self.contracts, self.id, self.expires_at)

    @property
    def shown(self) -> dict[str, Any]:
        """The token as shown: all but what would open anything."""
        return {
            "id": self.id,
            "name": self.name,
            "roles": [*self.roles],
            "contracts": None if self.contracts is None else [*self.contracts],
            "made_at": text(self.made_at),
            "made_by": self.made_by,
            "expires_at": None if self.expires_at is None else text(self.expires_at),
            "revoked_at": None if self.revoked_at is None else text(self.revoked_at),
            "revoked_by": self.revoked_by or None,
        }


class Wish(NamedTuple):
    """What a new token shall be."""

    name: str
    roles: Collection[str]
    contracts: Collection[str] | None
    expires_at: Instant | None


async def make_token(state: State, wish: Wish, made_by: str) -> tuple[Token, str]:
    """Make a token; return it with its text, which is not kept."""
    secret, now = new_secret(), await state.now()
    scope = None if wish.contracts is None else tuple(sorted({*wish.contracts}))
    token = Token(
        new_id(), wish.name, tuple(sorted({*wish.roles})), scope, digest(secret), now, made_by, wish.expires_at,
        None, "",
    )  # fmt: skip
    await state.execute(
        _SQL["add"], token.id, token.name, _json(token.roles), "" if scope is None else _json(scope), token.digest,
        now, made_by, token.expires_at,
    )  # fmt: skip
    return token, write(PREFIX, Credential(token.id, secret))


async def revoke(state: State, id: str, revoked_by: str) -> bool:
    """Revoke a token; return whether it was good before."""
    return bool(await state.execute(_SQL["revoke"], id, await state.now(), revoked_by))


async def all_tokens(state: State) -> list[Token]:
    """Return all tokens, the oldest first; revoked and expired ones, too."""
    return [_token(row) for row in await state.read(lambda executes: executes(_SQL["all"], ()))]


async def token_of(state: State, id: str) -> Token | None:
    """Return the token of an id."""
    rows = await state.read(lambda executes: executes(_SQL["one"], (id,)))
    return _token(rows[0]) if rows else None


async def live_tokens(state: State, now: Instant) -> tuple[dict[str, Token], bool]:
    """Return the tokens that are good now by their ids, and whether there has ever been one."""
    live, there = await state.read(
        lambda executes: (executes(_SQL["live"], (now,)), executes(_SQL["any"], ()))
    )
    return {token.id: token for token in map(_token, live)}, bool(there)


def _token(row: tuple[Any, ...]) -> Token:
    id, name, roles, contracts, kept, *rest = row
    scope = msgspec.json.decode(contracts, type=tuple[str, ...]) if contracts else None
    return Token(id, name, msgspec.json.decode(roles, type=tuple[str, ...]), scope, bytes(kept), *rest)


def _json(words: Collection[str]) -> str:
    return msgspec.json.encode(words).decode()
