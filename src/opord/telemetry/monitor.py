"""Say how a process and its store are: whether they live, are ready, and what the store holds.

What costs the store something is asked seldom, by one request for all, and for a limited time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final, Protocol

from opord.backends.base import Backend, Census
from opord.errors import EngineClosed
from opord.telemetry import families
from opord.telemetry.metrics import Metrics
from opord.values.types import Digest

log: logging.Logger = logging.getLogger("opord.telemetry")

READY_FOR_S: Final = 1.0
"""How long an answer about readiness is used for other requests, in seconds."""

ANSWER_S: Final = 2.0
"""How long the store may take to answer, in seconds."""

COUNT_EVERY_S: Final = 15.0
"""How often the runs of the store are counted at most, in seconds."""

SHARE: Final = 0.02
"""The share of the time that counting takes at most: a large store is counted less often."""

_NO_CONTRACT: Final = Digest("")


class WorkerSigns(Protocol):
    """What is asked of a worker."""

    @property
    def claims(self) -> bool:
        """Say whether it claims runs."""
        ...

    @property
    def flights(self) -> dict[str, object]:
        """The runs that it carries."""
        ...


class Monitored(Protocol):
    """An open engine, as far as it is monitored."""

    @property
    def backend(self) -> Backend:
        """The backend."""
        ...


class Monitor:
    """Answers for one engine. It needs a running event loop.

    While `source` is None, or not open, the process lives and is not ready.
    """

    def __init__(self, source: Monitored | None, metrics: Metrics | None = None) -> None:
        self.source: Monitored | None = source
        self.metrics: Metrics | None = metrics
        self.stopping: bool = False
        self._ready: bool = False
        self._asked_at = -READY_FOR_S
        self._asking: asyncio.Task[bool] | None = None
        self._counting: asyncio.Task[None] | None = None
        self._count_at = 0.0

    async def ready(self) -> bool:
        """Say whether the process can work: the store answers, and the worker claims runs."""
        worker = self._worker
        if self.stopping or (worker is not None and not worker.claims):
            return False
        if time.monotonic() - self._asked_at >= READY_FOR_S:
            if self._asking is None:
                self._asking = asyncio.create_task(self._store_answers())
            return await asyncio.shield(self._asking)
        return self._ready

    async def text(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics, and their content type by what the client accepts."""
        from prometheus_client.exposition import choose_encoder

        if self.metrics is None:
            raise RuntimeError("this monitor has no metrics")
        await self._count()
        self._note_worker(self.metrics)
        encode, content_type = choose_encoder(accept)
        return encode(self.metrics.registry), content_type

    def close(self) -> None:
        """Ask no more."""
        self.stopping = True
        for task in (self._asking, self._counting):
            if task is not None:
                task.cancel()

    @property
    def _backend(self) -> Backend:
        if self.source is None:
            raise EngineClosed("the engine is not open")
        return self.source.backend

    @property
    def _worker(self) -> WorkerSigns | None:
        """The worker of the engine; None if it has none, or is not open."""
        try:
            return getattr(self.source, "worker", None)
        except EngineClosed:
            return None

    async def _store_answers(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._backend.contract(_NO_CONTRACT)
            # A store may be read and not be written, such as a file that was deleted while open.
            self._ready = self._backend.outage() is None
        except Exception:
            self._ready = False
        finally:
            self._asking, self._asked_at = None, time.monotonic()
        return self._ready

    # --- the numbers of the store ----------------------------------------------------------------

    async def _count(self) -> None:
        """Count the runs if that was long ago. A store that takes longer is counted meanwhile."""
        if self.source is None or self.stopping:
            return
        if self._counting is None and time.monotonic() >= self._count_at:
            self._counting = asyncio.create_task(self._look())
        if self._counting is not None:
            await asyncio.wait({self._counting}, timeout=ANSWER_S)
            if self._counting is not None and self.metrics is not None:
                self.metrics.put(families.STORE_UP, {(): 0})

    async def _look(self) -> None:
        began, up = time.monotonic(), 0
        try:
            self._put(await self._backend.census())
            up = int(self._backend.outage() is None)
        except Exception as error:
            log.debug("the runs of the store could not be counted", exc_info=error)
        finally:
            now = time.monotonic()
            self._count_at = now + max(COUNT_EVERY_S, (now - began) / SHARE)
            self._counting = None
        if self.metrics is not None:
            self.metrics.put(families.STORE_UP, {(): up})

    def _put(self, census: Census) -> None:
        metrics = self.metrics
        if metrics is None:
            return
        metrics.put(families.RUNS, census.statuses)
        metrics.put(families.NEEDS, census.needs)
        metrics.put(families.QUEUE_AGE, {(name,): age for name, age in census.oldest_due.items()})
        metrics.put(families.WORKERS, {(): census.workers})
        metrics.put(families.PERMITS, {(name,): held for name, (held, _) in census.limits.items()})
        metrics.put(families.LIMITED, {(name,): waiting for name, (_, waiting) in census.limits.items()})
        outbox = census.outbox.items()
        states = {(name, "waiting"): one.waiting for name, one in outbox}
        metrics.put(families.UNSENT, states | {(name, "given_up"): one.given_up for name, one in outbox})
        metrics.put(families.OUTBOX_AGE, {(name,): one.age_s for name, one in outbox})
        metrics.put(families.OUTBOX_STOPPED, {(name,): int(one.stopped) for name, one in outbox})
        metrics.put(families.LOOKED, {(): time.time()})

    def _note_worker(self, metrics: Metrics) -> None:
        worker = self._worker
        if worker is not None:
            metrics.put(families.CARRIED, {(): len(worker.flights)})
            metrics.put(families.CLAIMS, {(): int(worker.claims)})
