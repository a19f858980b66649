"""Handlers for catalogues: a supplier that is not always well, a database, and an alarm."""

from __future__ import annotations

from typing import Any

import opord
from examples.patterns.circuit_breaker.catalogue_sync import CatalogueSync, Page, SupplierError
from examples.patterns.service import Answer, NotSent, Service, body_of


class Handlers(CatalogueSync.Handlers):
    """Speaks to suppliers, the database and the alarm."""

    def __init__(self, suppliers: Service, database: Service, alarm: Service) -> None:
        self._suppliers = suppliers
        self._database = database
        self._alarm = alarm

    async def fetch_page(self, supplier: str, cursor: str) -> Page:
        """Read a page of the catalogue."""
        body = body_of(await self._ask(f"/{supplier}/catalogue/{cursor}"))
        return Page(items=body["items"], next=body.get("next"))

    async def ping(self, supplier: str) -> None:
        """Ask for as little as possible."""
        body_of(await self._ask(f"/{supplier}/health"))

    async def store_page(self, supplier: str, cursor: str, items: Any, *, call: opord.Call) -> None:
        """Write a page; the same page again changes nothing."""
        page = {"supplier": supplier, "cursor": cursor, "items": items}
        body_of(await self._database.post("/pages", page, key=call.key))

    async def raise_alarm(self, text: str, *, call: opord.Call) -> None:
        """Tell somebody."""
        body_of(await self._alarm.post("/alarms", {"text": text}, key=call.key))

    async def _ask(self, path: str) -> Answer:
        try:
            answer = await self._suppliers.get(path)
        except NotSent:
            raise SupplierError.Broken from None
        if answer.status == 404:
            raise SupplierError.NoSuchCatalogue
        if answer.status >= 500:
            raise SupplierError.Broken
        return answer
