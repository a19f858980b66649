"""Transactions of the store in which a program writes beside the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

from opord.drive.host import Undone
from opord.stores.base import (
    Applied,
    Result,
    Start,
    Store,
    StoreError,
    StoreTransaction,
    StoreUnavailable,
    Write,
)
from opord.values.types import RunId

P = ParamSpec("P")
T = TypeVar("T")


class Runs(Protocol):
    """Calls a verb of the store; `waits` is true if it may have to wait for a program."""

    def __call__(self, verb: Callable[[], Any], /, *, waits: bool = False) -> Awaitable[Any]: ...


class OpenTransaction:
    """An open transaction of a store, used from the event loop.

    `run` calls a verb, and `over` is called once it has ended, with what is durable.
    """

    def __init__(
        self,
        inner: StoreTransaction,
        run: Runs,
        over: Callable[[OpenTransaction, Sequence[Start | Write]], None],
    ) -> None:
        self._inner, self._run, self._over = inner, run, over
        self._changes: list[Start | Write] = []
        self._ending: asyncio.Future[None] | None = None

    @property
    def connection(self) -> Any:
        """What the program writes through."""
        return self._inner.connection

    @property
    def view(self) -> Store:
        """The store as it is within the transaction."""
        return self._inner.view

    @property
    def arrivals(self) -> int:
        """How many messages had come for the run when the transaction began."""
        return self._inner.arrivals

    async def call(self, verb: Callable[[], T]) -> T:
        """Call a verb of `view`."""
        self._check_open()
        answer: T = await self._run(verb)
        return answer

    def in_the_way(self, error: BaseException) -> str:
        """Say what was in the way if a program's error is not its own; else empty."""
        return self._inner.in_the_way(error)

    async def apply(self, change: Start | Write) -> Result:
        """Apply a change, which becomes durable with the transaction."""
        self._check_open()
        (result,) = await self._run(lambda: self._inner.apply([change]))
        if isinstance(result, Applied):
            self._changes.append(change)
        return result  # type: ignore[no-any-return]

    async def commit(self, change: Write) -> Result:
        """Apply a change and commit; if the change does not fit, roll back.

        Raises:
            Undone: nothing is durable, or nobody knows.
        """
        try:
            result = await self.apply(change)
            if isinstance(result, Applied):
                await self.finish()
            else:
                await self.roll_back()
        except StoreUnavailable as error:
            await self.roll_back()
            raise Undone(str(error)) from error
        except StoreError as error:
            await self.roll_back()
            raise Undone("the database refused it", error) from error
        except BaseException:
            await self.roll_back()
            raise
        return result

    async def finish(self) -> None:
        """Make durable all that was written, or roll back. It goes on if the caller is cancelled.

        Raises:
            StoreError: it was refused, or nobody knows.
        """
        self._check_open()
        self._ending = asyncio.ensure_future(self._committed())
        await asyncio.shield(self._ending)

    async def _committed(self) -> None:
        durable: Sequence[Start | Write] = ()
        try:
            await self._run(self._inner.commit)
            durable = self._changes
        except BaseException:
            await self._run(self._inner.roll_back)
            raise
        finally:
            self._end(durable)

    async def roll_back(self, *, in_use: bool = False) -> None:
        """Undo all that was written; does nothing after the end, for which it waits."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._rolled_back(in_use))
        await asyncio.wait([self._ending])

    async def _rolled_back(self, in_use: bool) -> None:
        try:
            await self._run(lambda: self._inner.roll_back(in_use=in_use), waits=in_use)
        finally:
            self._end(())

    def _check_open(self) -> None:
        if self._ending is not None:
            raise RuntimeError("the transaction has ended")

    def _end(self, durable: Sequence[Start | Write]) -> None:
        self._over(self, durable)


class TransactionWriter:
    """Stands for the store writer in a transaction: what it writes is durable with its end."""

    def __init__(
        self,
        view: Store,
        call: Callable[[Callable[[], Any]], Awaitable[Any]],
        apply: Callable[[Start | Write], Coroutine[Any, Any, Result]],
    ) -> None:
        self.view = view
        self._call, self._apply = call, apply

    @classmethod
    def of(cls, transaction: OpenTransaction) -> TransactionWriter:
        """Write in a transaction of the store's own."""
        return cls(transaction.view, transaction.call, transaction.apply)

    @classmethod
    async def joined(cls, store: Store, connection: Any) -> TransactionWriter:
        """Write in the transaction that a program has begun on a connection of its own.

        Raises:
            StoreRefused: the connection is to another database, or no transaction is open on it.
            TypeError: the store takes no such connection.
        """
        loop = asyncio.get_running_loop()

        def wait_for(awaitable: Awaitable[T]) -> T:
            async def awaited() -> T:
                return await awaitable

            return asyncio.run_coroutine_threadsafe(awaited(), loop).result()

        def beside(verb: Callable[[], T]) -> Awaitable[T]:
            return asyncio.to_thread(verb)

        view = await asyncio.to_thread(store.join, connection, wait_for)

        async def apply(change: Start | Write) -> Result:
            (result,) = await asyncio.to_thread(view.apply, [change])
            return result

        return cls(view, beside, apply)

    def apply(self, change: Start | Write) -> asyncio.Future[Result]:
        """Write a change; see `StoreWriter.apply`."""
        return asyncio.ensure_future(self._apply(change))

    async def call(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call another verb of the store as it is within the transaction."""
        answer: T = await self._call(lambda: verb(*args, **kwargs))
        return answer

    read = call

    async def short_read(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a verb that only reads a few rows."""
        return await self.call(verb, *args, **kwargs)

    async def transaction(self, held: tuple[RunId, int, int]) -> OpenTransaction | None:
        """Refuse: nobody carries runs in a transaction of a program's."""
        raise RuntimeError(f"a transaction is open already, and {held[0]} needs another")
