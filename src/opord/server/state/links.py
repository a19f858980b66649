"""One-use links: what each is for, and the keys that sign them.

The row says what a link does, and the text that is handed out has its id and a signature over all
of that. So a text cannot be made from what the table holds, and a row that was changed opens
nothing. A link holds as long as its key is here: to drop the key is to drop all its links.
"""

from __future__ import annotations

import hmac
from typing import Any, Final, NamedTuple

from opord.server.credentials import LINK_PREFIX, Credential, Mistyped, new_id, new_secret, read, write
from opord.server.state.kept import State, statements
from opord.values.canonical import dumps
from opord.values.guard import parse
from opord.values.types import Instant

_SQL = statements("links.sql")

KEPT_US: Final = 30 * 86_400_000_000
"""How long a link is kept after it has expired, in microseconds: 30 days."""


class Link(NamedTuple):
    """A link: it sends one event to one run, once, in the name of its actor.

    `state` and `entered` are where the run was when the link was made, and since when: the link is
    for that stay alone.
    """

    id: str
    key: str
    run: str
    event: str
    actor: str
    role: str
    args: dict[str, Any]
    state: str
    entered: Instant
    made_at: Instant
    made_by: str
    expires_at: Instant
    spent_at: Instant | None = None


class Purpose(NamedTuple):
    """What a new link shall do."""

    run: str
    event: str
    actor: str
    role: str
    args: dict[str, Any]
    state: str
    entered: Instant
    expires_at: Instant


async def make_link(state: State, purpose: Purpose, made_by: str) -> tuple[Link, str]:
    """Make a link; return it with its text, which is not kept."""
    now, fresh = await state.now(), (new_id(), new_secret())

    def work(executes: Any) -> tuple[Link, str]:
        key, secret = _newest_key(executes, fresh, now)
        link = Link(new_id(), key, *purpose[:-1], now, made_by, purpose.expires_at)
        executes(_SQL["sweep"], (now - KEPT_US,))
        executes(
            _SQL["add"],
            (link.id, key, link.run, link.event, link.actor, link.role, dumps(link.args), link.state,
             link.entered, now, made_by, link.expires_at),
        )  # fmt: skip
        return link, write(LINK_PREFIX, Credential(link.id, _signature(secret, link)))

    return await state.write(work)


async def link_of(state: State, text: str) -> Link | None:
    """Return the link that a text opens; None if it opens none."""
    try:
        given = read(LINK_PREFIX, text)
    except Mistyped:
        return None
    rows = await state.read(lambda executes: executes(_SQL["one"], (given.id,)))
    if not rows:
        return None
    id, key, run, event, actor, role, args, *rest, secret = rows[0]
    link = Link(id, key, run, event, actor, role, parse(args), *rest)
    return link if hmac.compare_digest(_signature(bytes(secret), link), given.secret) else None


async def mark_spent(state: State, link: Link) -> None:
    """Write down that a link has been used. That it is used once does not hang on this row."""
    await state.execute(_SQL["spend"], link.id, await state.now())


async def rotate_keys(state: State, *, drop: bool) -> None:
    """Sign new links with a new key. With `drop`, all links that were made before open nothing."""
    now, (id, secret) = await state.now(), (new_id(), new_secret())

    def work(executes: Any) -> None:
        executes(_SQL["add_key"], (id, secret, now))
        if drop:
            executes(_SQL["drop_keys"], (id,))

    await state.write(work)


def _newest_key(executes: Any, fresh: tuple[str, bytes], now: Instant) -> tuple[str, bytes]:
    keys = executes(_SQL["keys"], ())
    if keys:
        id, secret, _ = keys[0]
        return id, bytes(secret)
    executes(_SQL["add_key"], (*fresh, now))
    return fresh


def _signature(secret: bytes, link: Link) -> bytes:
    said = link._replace(made_at=Instant(0), made_by="", spent_at=None)
    return hmac.digest(secret, dumps([*said]).encode(), "sha256")
