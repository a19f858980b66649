"""Endpoints: those of the settings file, and those of a store, as commands show them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

from opord.cli.errors import CliError
from opord.cli.settings import setting

if TYPE_CHECKING:
    from opord.backends.base import Backend
    from opord.backends.endpoints import EndpointSettings
    from opord.backends.front import Engine
    from opord.kernel.outgoing import Endpoint, OutgoingMessage
    from opord.server.outgoing.target import Target

DRAIN_S: Final = 30.0
"""How long messages under way may go on when a process stops, in seconds."""


def endpoints_of_settings() -> list[EndpointSettings]:
    """Return the endpoints of the settings file.

    Raises:
        CliError: one cannot be used.
    """
    from opord.backends.endpoints import EndpointInvalid, read_endpoints

    try:
        return read_endpoints(setting("webhooks_out", {}))
    except EndpointInvalid as wrong:
        raise CliError("webhooks_out", str(wrong), 2) from None


def webhooks_out() -> dict[str, Any]:
    """Return the table of the endpoints of the settings file, checked."""
    table: dict[str, Any] = setting("webhooks_out", {})
    if table:
        endpoints_of_settings()
    return table


def targets_of_settings() -> list[Target]:
    """Return the endpoints of the settings file with their keys.

    Raises:
        CliError: one cannot be used, or packages are missing that send.
    """
    from opord.backends.endpoints import EndpointInvalid

    settings = endpoints_of_settings()
    if not settings:
        return []
    try:
        from opord.server.outgoing import posting
        from opord.server.outgoing.target import target_of
    except ModuleNotFoundError as missing:
        raise CliError(
            "extra_missing", 'to send webhooks takes more packages: pip install "opord[server]"', 2
        ) from missing
    del posting
    try:
        return [target_of(one, os.environ) for one in settings]
    except EndpointInvalid as wrong:
        raise CliError("webhooks_out", str(wrong), 2) from None


async def endpoint_of(backend: Backend, name: str) -> Endpoint:
    """Return an endpoint of the store.

    Raises:
        EndpointUnknown: it has none of that name.
    """
    from opord.backends.endpoints import EndpointUnknown

    found = {one.name: one for one in await backend.read_outbox(lambda box: box.endpoints())}
    if name not in found:
        raise EndpointUnknown(name, found)
    return found[name]


async def messages_of(
    backend: Backend, name: str, *, given_up: bool, after: int = 0, limit: int
) -> list[OutgoingMessage]:
    """Return messages of an endpoint, oldest first."""
    return await backend.read_outbox(
        lambda box: box.messages(name, given_up=given_up, after=after, limit=limit)
    )


def endpoint_data(one: Endpoint, now: int) -> dict[str, Any]:
    """Return an endpoint as JSON shows it."""
    from opord.kernel.instants import text

    told = one.subscription
    on = {"transition": told.moves, "ended": told.ends, "needs": told.needs}
    return {
        "endpoint": one.name,
        "contracts": list(told.contracts),
        "on": [name for name, wanted in on.items() if wanted],
        "since": text(one.since),
        "stopped": one.stopped or None,
        "sender": one.sender if one.leased_until > now else None,
        "waiting": one.waiting,
        "oldest": text(one.oldest) if one.oldest is not None else None,
        "given_up": one.given_up,
    }


def message_data(one: OutgoingMessage) -> dict[str, Any]:
    """Return a message as JSON shows it."""
    from opord.kernel.instants import text

    return {
        "id": one.id,
        "run": one.run,
        "seq": one.seq,
        "what": one.what,
        "at": text(one.at),
        "attempts": one.attempts,
        "first_attempt": text(one.first_at) if one.first_at is not None else None,
        "next_attempt": text(one.next_at) if one.next_at else None,
        "given_up": one.next_at is None,
        "trouble": one.trouble or None,
    }


def sending_of(engine: Engine, targets: list[Target], *, drain_s: float = DRAIN_S) -> asyncio.Task[None]:
    """Begin to send, and return the task that does; cancel it to stop.

    Messages under way may go on for `drain_s` seconds then.
    """
    from opord.server.outgoing.sender import Sender, own_name, poster_of

    return asyncio.create_task(
        Sender(engine.backend, targets, poster_of, name=own_name(), drain_s=drain_s).run()
    )
