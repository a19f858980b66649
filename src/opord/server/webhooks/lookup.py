"""Look up the run that a delivery is for: by its key, or by a field of the run's data."""

from __future__ import annotations

import asyncio

from opord.backends.base import Finder
from opord.server.desk import Desk
from opord.server.problems import Problem
from opord.server.webhooks.finding import Where
from opord.server.webhooks.places import ABSENT, Delivery
from opord.server.webhooks.routes import WebhookRoute
from opord.values.types import RunId


class RunNotFound(Exception):
    """No live run has the value that a route looks for."""


class RunFinding:
    """Looks up runs, and has the store index what routes look for."""

    def __init__(self) -> None:
        self._prepared: dict[tuple[str, ...], asyncio.Future[None]] = {}

    async def run_of(self, desk: Desk, route: WebhookRoute, delivery: Delivery) -> RunId:
        """Return the run that a delivery is for.

        Raises:
            RunNotFound: no live run has the value that the route looks for.
            Problem: the delivery names none, or several runs have the value.
        """
        if route.where is not None:
            return await self._found(desk.backend.finder(), route, route.where, delivery)
        key = route.run.of(delivery) if route.run is not None else ABSENT
        if isinstance(key, int) and not isinstance(key, bool):
            key = str(key)
        if not isinstance(key, str) or not key:
            missing = key is ABSENT or key is None
            raise _no_run(route, route.run, "is missing" if missing else "is not a text or a whole number")
        return RunId(f"{route.contract}/{key}")

    async def prepare(self, finder: Finder, where: Where) -> None:
        """Have the store index what a route looks for. That may take long, and is done once.

        Who is not willing to wait leaves it to go on.
        """
        preparing = self._prepared.get(where.path)
        if preparing is None or (preparing.done() and (preparing.cancelled() or preparing.exception())):
            preparing = asyncio.ensure_future(finder.prepare(where.path))
            self._prepared[where.path] = preparing
        await asyncio.shield(preparing)

    async def _found(self, finder: Finder, route: WebhookRoute, where: Where, delivery: Delivery) -> RunId:
        """Return the one live run that has the value of a delivery.

        A run may have moved on since it took this delivery, and another may have the value now. So
        it is asked who took it, after the look for the value: nobody can have taken it before that
        and be overlooked.
        """
        wanted = where.wanted(delivery)
        if wanted is None:
            raise _no_run(route, where.place, f"is missing, or not of the type {where.kind}")
        await self.prepare(finder, where)
        found = await finder.live(route.contract, where.path, wanted)
        before = await finder.delivered(route.event or "", delivery_name(route, delivery))
        if before is not None:
            return before
        field = ".".join(where.path)
        if len(found) > 1:
            raise Problem(
                "runs_ambiguous",
                f"several live runs have this value at {field}, among them {found[0]} and {found[1]}; "
                "a delivery is for one, so look for a field that tells them apart",
                runs=list(found),
            )
        if not found:
            raise RunNotFound(f"no live run of {route.contract} has this value at {field}; it may come soon")
        return found[0]


def delivery_name(route: WebhookRoute, delivery: Delivery) -> str:
    """Return the name under which a delivery is kept: ids of several senders may be the same."""
    return f"{route.name} {delivery.id}"


def _no_run(route: WebhookRoute, place: object, seen: str) -> Problem:
    return Problem(
        "input_invalid",
        f"the delivery does not name a run of {route.contract}: {place} {seen}",
        problems=[{"path": str(place), "message": seen}],
    )
