"""Handlers for incidents: a plan of who is on call, a pager that honours keys, and a ticket system that does not."""

from __future__ import annotations

import opord
from examples.patterns.paging.incident_paging import Incident, IncidentPaging
from examples.patterns.service import Service, body_of


class Handlers(IncidentPaging.Handlers):
    """Speaks to the plan, the pager and the tickets."""

    def __init__(self, plan: Service, pager: Service, tickets: Service) -> None:
        self._plan = plan
        self._pager = pager
        self._tickets = tickets

    async def on_call(self, service: str, level: int) -> str | None:
        """Say who is on call at a level."""
        answer = await self._plan.get(f"/{service}/{level}")
        return None if answer.status == 404 else str(body_of(answer)["person"])

    async def page(self, person: str, incident: Incident, level: int, turn: int, *, call: opord.Call) -> None:
        """Ring somebody's telephone."""
        text = f"{incident.severity.value}: {incident.summary} (level {level})"
        body_of(await self._pager.post("/pages", {"to": person, "text": text}, key=call.key))

    async def page_everybody(self, incident: Incident, turn: int, *, call: opord.Call) -> None:
        """Ring all telephones."""
        body_of(await self._pager.post("/broadcasts", {"text": incident.summary}, key=call.key))

    async def open_review(self, incident: Incident, responder: str, cause: str, *, call: opord.Call) -> str:
        """Open a ticket for the review."""
        ticket = {"title": f"{incident.id}: {cause}", "owner": responder}
        return str(body_of(await self._tickets.post("/tickets", ticket))["ticket"])
