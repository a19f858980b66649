"""Requests with an `Idempotency-Key`: which are under way, and how those before were answered.

A request is under way while its lease lasts. If its server dies, the lease ends, and the next
request with the key takes it over. What it takes over may have been done: `mark` says how to find
out.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import uuid4

import msgspec

from opord.backends.beside import Executes
from opord.server.answers import Answer
from opord.server.state.kept import State, statements
from opord.values.types import Instant

LEASE_US: Final = 15_000_000
"""How long a request is under way unless its lease is renewed, in microseconds."""

SWEEP_US: Final = 60_000_000
"""How often requests that are kept no longer are deleted, and the others counted."""

SWEPT: Final = 500
"""How many are deleted in one transaction."""

_SQL: Final = statements("idempotency.sql")


class Asked(NamedTuple):
    """A request: the digest of principal and key, who asks, and the digest of what it asks for."""

    id: str
    principal: str
    request: str


class Claimed(NamedTuple):
    """The request is claimed by `owner`. `again` says that somebody may have done it before.

    `mark` is what is kept of it: at first a word that no other claim has.
    """

    owner: str
    again: bool
    mark: str


class Done(NamedTuple):
    """It was done: how it was answered."""

    answer: Answer


Found: TypeAlias = Claimed | Done | Literal["under way", "another", "no room"]
"""What became of a request: it may be done now; it was; or why not."""


class Idempotency:
    """The requests with a key, as one process sees them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._swept_at = 0
        self._counts: Counter[str] = Counter()

    async def claim(self, asked: Asked, *, kept_us: int, most: int) -> Found:
        """Claim a request that was not done, or say what became of it.

        A new one is kept for `kept_us`, if fewer than `most` of its principal are kept.
        """
        now = await self._state.now()
        await self._sweep(now)
        has_room = self._counts[asked.principal] < most
        found = await self._state.write(lambda executes: _claim(executes, asked, now, kept_us, has_room))
        if isinstance(found, Claimed) and not found.again:
            self._counts[asked.principal] += 1
        return found

    async def mark(self, asked: Asked, owner: str, mark: str) -> bool:
        """Keep how to find out whether a request was done. False: the claim is over."""
        return bool(await self._state.execute(_SQL["mark"], asked.id, owner, mark))

    async def renew(self, asked: Asked, owner: str) -> None:
        """Say that a request is still under way."""
        until = await self._state.now() + LEASE_US
        await self._state.execute(_SQL["renew"], asked.id, owner, until)

    async def finish(self, asked: Asked, owner: str, answer: Answer) -> None:
        """Keep the answer to a request."""
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in answer.headers]
        text = msgspec.json.encode(headers).decode()
        await self._state.execute(_SQL["finish"], asked.id, owner, answer.status, text, answer.body)

    async def give_up(self, asked: Asked, owner: str, *, undone: bool) -> None:
        """End a claim without an answer; `undone` says that nothing was done for certain."""
        if undone:
            await self._state.execute(_SQL["forget"], asked.id, owner)
        else:
            await self._state.execute(_SQL["renew"], asked.id, owner, 0)

    async def _sweep(self, now: Instant) -> None:
        """Now and then, delete what is kept no longer, and count the rest."""
        if now < self._swept_at + SWEEP_US:
            return
        self._swept_at = now
        while len(await self._state.execute(_SQL["forget_over"], now, SWEPT)) == SWEPT:
            pass
        counts = await self._state.read(lambda executes: executes(_SQL["count"], ()))
        self._counts = Counter({str(name): int(count) for name, count in counts})


def _claim(executes: Executes, asked: Asked, now: Instant, kept_us: int, has_room: bool) -> Found:
    owner, lease, kept = uuid4().hex, now + LEASE_US, now + kept_us
    while True:
        rows = executes(_SQL["find"], (asked.id,))
        if not rows:
            if not has_room:
                return "no room"
            values = (asked.id, asked.principal, asked.request, owner, lease, owner, kept, b"")
            if executes(_SQL["add"], values):
                return Claimed(owner, again=False, mark=owner)
            continue  # somebody was faster
        request, lease_until, mark, status, headers, body, kept_until = rows[0]
        if kept_until <= now:
            executes(_SQL["delete"], (asked.id,))
        elif request != asked.request:
            return "another"
        elif status is not None:
            return Done(_answer(status, headers, body))
        elif lease_until > now:
            return "under way"
        else:
            executes(_SQL["take_over"], (asked.id, owner, lease, kept))
            return Claimed(owner, again=True, mark=str(mark))


def _answer(status: int, headers: str, body: bytes) -> Answer:
    pairs = msgspec.json.decode(headers, type=list[tuple[str, str]])
    told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    return Answer(int(status), bytes(body), told)
