"""Start runs and send events in a transaction of the program's own database.

What the program writes and what the runs become is durable together, or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, Self, TypeVar, overload
from uuid import UUID

from opord.backends.misuse import check_key, class_of, handle_class, start_of
from opord.contract import TRANSACTION_LIMIT
from opord.drive.accepting import accepted_by
from opord.drive.verbs import RunVerbs
from opord.engine.host import StoreHost
from opord.engine.process import Process
from opord.engine.programs import keep_contract
from opord.engine.transactions import OpenTransaction, TransactionWriter
from opord.generated import RunHandle, Sent, Start, Startable, Workflow
from opord.kernel.program import Program
from opord.values.types import Digest

P = ParamSpec("P")
RunT = TypeVar("RunT", bound=RunHandle)


class EngineTransaction:
    """A transaction in which a program writes its tables, starts runs and sends events.

    Use it with `async with`: its end commits, an exception rolls back. It has a limit of two
    seconds, because others wait for the database; after that it is rolled back.

    With a connection of the program's own (PostgreSQL), nothing is begun, committed or rolled back
    here: the program does so.
    """

    def __init__(
        self,
        process: Process,
        program_of: Callable[[Workflow | type[Workflow]], Program],
        kept: set[Digest],
        connection: Any = None,
    ) -> None:
        self._process, self._program_of, self._kept = process, program_of, kept
        self._own = connection
        self._inner: OpenTransaction | None = None
        self._verbs: RunVerbs | None = None
        self._writer: TransactionWriter | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._late: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin, or join the transaction of the program's connection.

        Raises:
            StoreRefused: the connection is to another database, or no transaction is open on it.
            TypeError: the store takes no such connection.
        """
        process = self._process
        if self._own is not None:
            self._writer = await TransactionWriter.joined(process.store, self._own)
        else:
            self._inner = await process.writer.transaction()
            assert self._inner is not None
            self._writer = TransactionWriter.of(self._inner)
            loop = asyncio.get_running_loop()
            self._limit = loop.call_later(TRANSACTION_LIMIT.total_seconds(), self._over)
        self._verbs = RunVerbs(
            StoreHost(
                store=self._writer.view,
                writer=self._writer,
                programs=process.programs,
                environment=process.environment,
            )
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Commit, or roll back after an exception.

        Raises:
            TimeoutError: it took too long and was rolled back.
            StoreError: the database refused to commit it.
        """
        inner, self._inner, self._verbs = self._inner, None, None
        if self._limit is not None:
            self._limit.cancel()
        if inner is None:
            self._process.host.nudge()
            return
        if self._late is not None:
            await self._late
            if kind is None:
                raise TimeoutError(_TOO_LONG)
            return
        if kind is not None:
            await inner.roll_back()
            return
        await inner.finish()
        self._process.host.nudge()

    def _over(self) -> None:
        if self._inner is not None:
            self._late = asyncio.ensure_future(self._inner.roll_back(in_use=True))

    @property
    def connection(self) -> Any:
        """What the program writes through; see `opord.TransactionCall`."""
        return self._own if self._inner is None else self._inner.connection

    @overload
    async def start(self, contract: Startable[P, RunT], /, *args: P.args, **kwargs: P.kwargs) -> RunT: ...
    @overload
    async def start(
        self, contract: Start[RunT], /, *, priority: int = 0, label: str | None = None
    ) -> RunT: ...
    async def start(self, contract: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Start a run, and return its handle in this transaction. See `Engine.start`.

        The run goes on once the transaction is committed.
        """
        start, scheduling = start_of(contract, args, kwargs)
        program, verbs = self._program_of(start.workflow), self._open()
        if program.digest not in self._kept:
            await self._writer_of().call(keep_contract, self._writer_of().view, program)
        value = accepted_by(program.input, start.members, program.name)
        started = await verbs.start(program, value, scheduling)
        return start.handle(self, started.run)  # type: ignore[arg-type]

    def run(self, contract: Startable[..., RunT], key: str | int | UUID) -> RunT:
        """Return a handle whose events are sent in this transaction. See `Engine.run`."""
        check_key(key)
        cls = handle_class(contract)
        return cls(self, f"{self._program_of(class_of(contract)).name}/{key}")  # type: ignore[arg-type, return-value]

    async def send_event(
        self, run: str, event: str, args: Any, *, actor: str = "", role: str | None = None
    ) -> Sent:
        """Send an event to a run in this transaction. See `Engine.send_event`."""
        return await self._open().send(run, event, args, actor=actor, role=role)

    def _open(self) -> RunVerbs:
        if self._late is not None:
            raise TimeoutError(_TOO_LONG)
        if self._verbs is None:
            raise RuntimeError("the transaction is not open; use it inside `async with engine.transaction()`")
        return self._verbs

    def _writer_of(self) -> TransactionWriter:
        assert self._writer is not None
        return self._writer


_TOO_LONG = (
    f"the transaction took longer than {TRANSACTION_LIMIT.total_seconds():g} s and was rolled back: others wait for "
    "the database meanwhile; in it, call only what writes there, and no verb of the engine itself"
)
