"""Say who asks by the tokens of the server: `Authorization: Bearer opord_…`.

What is known of the tokens is at most a second old, so a token that was revoked or made elsewhere
counts within that time. A flood of wrong tokens costs no query.
"""

from __future__ import annotations

import asyncio
from hmac import compare_digest
from typing import Final, NamedTuple

from opord.server.credentials import PREFIX, Mistyped, digest, read
from opord.server.principals import Principal, Scope, Who
from opord.server.problems import Problem
from opord.server.state.kept import State
from opord.server.state.tokens import Token, live_tokens
from opord.values.types import Instant

KNOWN_S: Final = 1.0
"""How long what is known of the tokens is used, in seconds."""

CHALLENGE: Final = b'Bearer realm="opord"'
_NO_DIGEST: Final = bytes(32)


class _Known(NamedTuple):
    """The tokens that were good at an instant of the store's clock, and of the loop's."""

    tokens: dict[str, Token]
    any: bool
    store_now: Instant
    loop_now: float


class SignIn:
    """Says who asks: a `Who` by the tokens in the server's tables.

    With `alone`, requests without a token go to it as long as no token was ever made.
    """

    def __init__(self, state: State, *, alone: Who | None = None) -> None:
        self._state = state
        self._alone = alone
        self._known: _Known | None = None
        self._reading = asyncio.Lock()

    async def __call__(self, scope: Scope) -> Principal | None:
        """Return who makes a request.

        Raises:
            Problem: no token says so, or none that is good.
        """
        said = [value for name, value in scope["headers"] if name == b"authorization"]
        if not said:
            if self._alone is not None and not (await self._tokens()).any:
                return await self._alone(scope)
            raise _refused("the request has no token; send the header authorization: Bearer opord_…")
        if len(said) > 1:
            raise _refused("the header authorization comes more than once", wrong=True)
        scheme, _, text = said[0].decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise _refused("the header authorization has no token; it reads authorization: Bearer opord_…")
        return (await self._token(text.strip(" "))).principal

    async def _token(self, text: str) -> Token:
        try:
            given = read(PREFIX, text)
        except Mistyped:
            raise _refused(
                "this is not a whole token: it was cut or mistyped; copy it again", wrong=True
            ) from None
        known = await self._tokens()
        token = known.tokens.get(given.id)
        # An unknown token takes the same steps as a wrong one.
        fits = compare_digest(digest(given.secret), token.digest if token is not None else _NO_DIGEST)
        now = known.store_now + round(1e6 * (asyncio.get_running_loop().time() - known.loop_now))
        if token is None or not fits or (token.expires_at is not None and token.expires_at <= now):
            raise _refused("the token is not good: it is unknown, has expired or was revoked", wrong=True)
        return token

    async def is_on(self) -> bool:
        """Say whether a token is asked for; without `alone`, whether one is good."""
        known = await self._tokens()
        return known.any if self._alone is not None else bool(known.tokens)

    async def _tokens(self) -> _Known:
        loop = asyncio.get_running_loop()
        if (known := self._known) is not None and loop.time() - known.loop_now < KNOWN_S:
            return known
        async with self._reading:
            if (known := self._known) is not None and loop.time() - known.loop_now < KNOWN_S:
                return known
            began = loop.time()
            now = await self._state.now()
            tokens, there = await live_tokens(self._state, now)
            self._known = _Known(tokens, there, now, began)
            return self._known


def _refused(why: str, *, wrong: bool = False) -> Problem:
    challenge = CHALLENGE + b', error="invalid_token"' if wrong else CHALLENGE
    return Problem("unauthenticated", why, headers=((b"www-authenticate", challenge),))
