"""Handlers for reports: a service that takes orders and says how long it wants to be left alone."""

from __future__ import annotations

from datetime import timedelta

import opord
from examples.patterns.poller.report_export import Progress, ReportExport, ServiceError
from examples.patterns.service import Answer, NotSent, Service, body_of
from opord import Secret


class Handlers(ReportExport.Handlers):
    """Speaks to the report service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def order(self, account: str, month: str, token: Secret[str], *, call: opord.Call) -> str:
        """Order a report."""
        wanted = {"account": account, "month": month, "token": token.reveal()}
        try:
            answer = _sorted_out(await self._service.post("/reports", wanted, key=call.key))
        except NotSent:
            raise ServiceError.Down from None
        return str(body_of(answer)["job"])

    async def progress(self, job: str, token: Secret[str]) -> Progress:
        """Ask how far it is."""
        try:
            body = body_of(_sorted_out(await self._service.get(f"/reports/{job}?token={token.reveal()}")))
        except NotSent:
            raise ServiceError.Down from None
        if body["status"] == "ready":
            return Progress.Ready(url=body["url"])
        if body["status"] == "broken":
            return Progress.Broken(reason=body["reason"])
        return Progress.Working(percent=body["percent"])

    async def drop(self, job: str, token: Secret[str], *, call: opord.Call) -> None:
        """Have it forgotten."""
        body_of(await self._service.post(f"/reports/{job}/drop", {"token": token.reveal()}, key=call.key))


def _sorted_out(answer: Answer) -> Answer:
    if answer.status == 403:
        raise ServiceError.Forbidden
    if answer.status == 429:
        raise ServiceError.TooMany(wait=timedelta(seconds=answer.body["retry_after"]))
    if answer.status == 503:
        raise ServiceError.Down
    return answer
