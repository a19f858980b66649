"""What the routes share: the backend, the contracts that are served, and runs as they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from opord.backends.base import Backend, RowDamaged
from opord.backends.shown import Shown
from opord.kernel.program import Program
from opord.kernel.rows import RunRow
from opord.server.limits import HttpLimits
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.values.types import RunId

FRESH_S: Final = 0.1
"""How long what is known of the workers is used for other answers, in seconds."""


class Source(Protocol):
    """What an API is made of: an open engine, or whatever has its backend and its contracts."""

    @property
    def backend(self) -> Backend:
        """The backend."""
        ...

    @property
    def programs(self) -> Sequence[Program]:
        """The contracts whose runs may be started."""
        ...


class Desk:
    """Answers for one source. It is asked by the routes, and keeps no state of any run."""

    def __init__(self, source: Source, limits: HttpLimits) -> None:
        self.source = source
        self.limits = limits
        self._shown: Shown | None = None
        self._shown_at = 0.0

    @property
    def backend(self) -> Backend:
        """The backend.

        Raises:
            EngineClosed: the engine is not open.
        """
        return self.source.backend

    def program(self, name: str, version: int | None = None) -> Program:
        """Return the contract to start: that of a version, or the newest.

        Raises:
            Problem: it is not served here.
        """
        of_name = [one for one in self.source.programs if one.name == name]
        chosen = [one for one in of_name if version in (None, one.version)]
        if chosen:
            return max(chosen, key=lambda one: one.version)
        if of_name:
            there = _listed(str(one.version) for one in of_name)
            raise Problem("contract_unknown", f"{name} is served in the versions {there}, got: {version}")
        names = sorted({one.name for one in self.source.programs})
        raise Problem(
            "contract_unknown",
            f"the contract {name!r} is not served here; there are {_listed(names)}",
            contracts=names,
        )

    @property
    def shown(self) -> Shown:
        """Runs as shown now. What is compiled of contracts is kept from one answer to the next."""
        now = asyncio.get_running_loop().time()
        backend = self.backend
        if self._shown is None or self._shown.backend is not backend:
            self._shown = Shown(backend)
        elif now - self._shown_at > FRESH_S:
            self._shown = self._shown.afresh()
        else:
            return self._shown
        self._shown_at = now
        return self._shown

    async def row(self, request: Request) -> tuple[RunRow, str | None]:
        """Return the run of a request, and what is wrong with its row if it cannot be read.

        Raises:
            RunUnknown, RunPruned: there is no such run.
            RowDamaged: nothing of it can be read.
        """
        try:
            return await self.backend.row(run_of(request)), None
        except RowDamaged as damage:
            if damage.readable is None:
                raise
            return damage.readable, str(damage)

    async def view(self, request: Request) -> tuple[dict[str, Any], RunRow]:
        """Return the run of a request as shown, and its row."""
        row, damage = await self.row(request)
        return await self.shown.page(row, damage), row


def run_of(request: Request) -> RunId:
    """Return the name of the run that the path names."""
    return RunId(f"{request.route['contract']}/{request.route['key']}")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
