"""The trail of what was done over HTTP: who, when, from where, what, on which run, and its outcome.

An act is written down before it is done, so none that took effect is missing. Its outcome follows,
together with others'. An entry without an outcome is one whose server died or was cut off: the
history of the run says whether it was done.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections import deque
from typing import Any, Final, NamedTuple

from opord.backends.beside import Executes
from opord.backends.codes import code_of
from opord.kernel.instants import text
from opord.server.state.kept import State, statements
from opord.values.ids import uuid7
from opord.values.types import Instant

log: logging.Logger = logging.getLogger("opord.server")

_SQL = statements("audit.sql")

UNWRITTEN_MOST: Final = 10_000
"""How many outcomes wait at most to be written while the store is away."""

AWAY_S: Final = 1.0
SWEEP_S: Final = 3600.0
SWEPT_AT_ONCE: Final = 500
_TEXT_MOST: Final = 500


class Act(NamedTuple):
    """An entry of the trail. `status` is None while the outcome is not known."""

    id: str
    at: Instant
    actor: str
    token: str
    address: str
    act: str
    run: str
    reason: str = ""
    status: int | None = None
    code: str = ""

    @property
    def shown(self) -> dict[str, Any]:
        """The entry as shown. `status` is None if its outcome is not known."""
        return {
            "id": self.id,
            "at": text(self.at),
            "who": self.actor,
            "token": self.token or None,
            "address": self.address or None,
            "act": self.act,
            "run": self.run or None,
            "reason": self.reason or None,
            "status": self.status,
            "code": self.code or None,
        }


class Wanted(NamedTuple):
    """Which entries to tell. None means any; `after` is the id of the last one that was told."""

    actor: str | None = None
    run: str | None = None
    since: Instant | None = None
    after: str | None = None


class Audit:
    """Writes the trail and reads it."""

    def __init__(self, state: State, kept_s: float = math.inf) -> None:
        """Write into the tables of the server; drop entries after `kept_s` seconds."""
        self._state = state
        self._kept_s = kept_s
        self._unwritten: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._in_writing = 0
        self._writing: asyncio.Task[None] | None = None
        self._lost = 0
        self._last = Instant(0)
        self._sweeping: asyncio.Task[None] | None = None
        self._swept_at: float | None = None

    async def act(self, actor: str, token: str, address: str, act: str, run: str) -> Act:
        """Return a new entry, which is not written yet."""
        # No two entries of a server have one instant, so they are told in their order.
        self._last = now = Instant(max(await self._state.now(), self._last + 1))
        return Act(
            _id(now, secrets.randbits(62)),
            now,
            actor,
            token,
            address[:_TEXT_MOST],
            act[:_TEXT_MOST],
            run[: 2 * _TEXT_MOST],
        )

    async def begin(self, *acts: Act) -> None:
        """Write down what is about to be done; it is durable when this returns.

        Raises:
            StoreError: it cannot be written, so it must not be done.
        """

        def add(executes: Executes) -> None:
            for act in acts:
                executes(_SQL["add"], act)

        await self._state.write(add)

    def end(self, act: Act) -> None:
        """Have the outcome of an entry written that was begun."""
        self._put("end", _end(act))

    def tell(self, act: Act) -> None:
        """Have an entry written of what was refused, and so not done."""
        self._put("add", tuple(act))

    async def close(self) -> None:
        """Write what waits, if the store takes it, and say what is left."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=AWAY_S)
        for task in (self._writing, self._sweeping):
            if task is not None:
                task.cancel()
        if left := self._lost + self._in_writing + len(self._unwritten):
            log.warning("the store is away: %d outcomes of acts may be missing in the trail", left)

    async def actors(self, act: str, run: str) -> set[str]:
        """Return who has begun an act on a run."""
        rows = await self._state.read(lambda executes: executes(_SQL["actors"], (run, act)))
        return {str(actor) for (actor,) in rows}

    async def entries(self, wanted: Wanted, limit: int) -> list[Act]:
        """Return up to `limit` entries, the newest first."""
        conditions, values = ["1 = 1"], list[Any]()
        floor = None if wanted.since is None else _id(wanted.since)
        for condition, value in (
            ("actor =", wanted.actor), ("run =", wanted.run), ("id <", wanted.after), ("id >=", floor),
        ):  # fmt: skip
            if value is not None:
                values.append(value)
                conditions.append(f"{condition} ${len(values)}")
        values.append(limit)
        # Only this module's own text is joined; values are bound.
        query = (
            "SELECT id, at, actor, token, address, act, run, reason, status, code FROM opord.server_audit "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ${len(values)}"
        )
        return [Act(*row) for row in await self._state.read(lambda executes: executes(query, values))]

    # --- inside ----------------------------------------------------------------------------------

    def _put(self, statement: str, values: tuple[Any, ...]) -> None:
        self._unwritten.append((statement, values))
        self._drop_oldest()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="opord-audit")

    def _drop_oldest(self) -> None:
        """Drop what waits beyond the limit. What is being written is not among it."""
        while len(self._unwritten) > UNWRITTEN_MOST:
            self._unwritten.popleft()
            self._lost += 1

    async def _write(self) -> None:
        while self._unwritten:
            together = [*self._unwritten]
            self._unwritten.clear()
            self._in_writing = len(together)

            def work(executes: Any, together: list[tuple[str, tuple[Any, ...]]] = together) -> None:
                for statement, values in together:
                    executes(_SQL[statement], values)

            try:
                await self._state.write(work)
            except Exception as error:
                self._in_writing = 0
                self._unwritten.extendleft(reversed(together))
                self._drop_oldest()
                _log_unexpected(error)
                await asyncio.sleep(AWAY_S)
                continue
            self._in_writing = 0
            if self._lost:
                log.warning(
                    "the store was away for long: %d outcomes of acts are not in the trail", self._lost
                )
                self._lost = 0
            self._sweep_later()

    def _sweep_later(self) -> None:
        """Drop entries that are too old, now and then, beside what is written."""
        now = asyncio.get_running_loop().time()
        is_due = self._swept_at is None or now - self._swept_at >= SWEEP_S
        if is_due and self._kept_s < math.inf and (self._sweeping is None or self._sweeping.done()):
            self._swept_at = now
            self._sweeping = asyncio.create_task(self._sweep(), name="opord-audit-sweep")

    async def _sweep(self) -> None:
        def work(executes: Any) -> int:
            old = executes(_SQL["old"], (before,))
            for (id,) in old:
                executes(_SQL["drop"], (id,))
            return len(old)

        try:
            before = _id(max(0, await self._state.now() - round(1e6 * self._kept_s)))
            more = True
            while more:
                more = await self._state.write(work) == SWEPT_AT_ONCE
        except Exception as error:
            _log_unexpected(error)  # the next sweep goes on


def write_end(executes: Executes, act: Act) -> None:
    """Write the outcome of an entry that was begun, in a transaction that others share."""
    executes(_SQL["end"], _end(act))


def _end(act: Act) -> tuple[Any, ...]:
    return act.id, act.run, act.reason, act.status, act.code


def _log_unexpected(error: Exception) -> None:
    """Log an error, unless the store is away or closed: what is left is done later."""
    if code_of(error) is None:
        log.error("the trail of acts met an error of Opord itself", exc_info=error)


def _id(at: int, random_bits: int = 0) -> str:
    """Return the id of an entry. The texts sort as the instants do, to the microsecond."""
    return uuid7(at, (at % 1000 * 4096 // 1000) << 62 | random_bits)
