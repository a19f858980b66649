"""Group commit: the writes of many runs become durable in one transaction.

While one batch is written, the next one collects. One thread at a time uses a store in a file, so
its other verbs take their turn here too. A store behind a network takes several batches at once,
and its verbs need no turn. If the store is full, locked or gone, everybody waits. Nothing is lost,
because nothing goes on before its write is durable. A damaged store is reported once and not used
again. Verbs that only read need no turn: `read` calls them beside the writes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

from opord.drive.observing import Observer
from opord.engine.outage import Asked, Outage, Wait
from opord.engine.pace import Pace
from opord.engine.transactions import OpenTransaction
from opord.kernel.rows import has_ended
from opord.stores.base import (
    Applied,
    Result,
    RowDamaged,
    Start,
    Store,
    StoreDamaged,
    StoreDenied,
    StoreMoved,
    StoreRefused,
    StoreTransaction,
    StoreUnavailable,
    Write,
)
from opord.values.types import RunId

log: logging.Logger = logging.getLogger("opord.store")

P = ParamSpec("P")
T = TypeVar("T")

BATCH_CHANGES = 2000
"""Maximum number of changes in one transaction: enough to share a sync, and still a short wait."""

PARTING_S = 5.0
"""How long a process that stops waits for the store, in seconds."""

REMOTE_CHANGES = 200
"""Maximum number of changes in a batch for a store that takes several at once.

A larger one makes the others wait longer and saves nothing more.
"""

TRANSACTIONS = 8
"""Number of transactions of programs that are open at once, in a store that takes many.

Each has a connection, of which a server has a few hundred for all its clients.
"""

QUICK_CHANGES = 256
"""Maximum number of changes in a batch that is written in place.

The event loop is free again after about four milliseconds. In a smaller batch, each change costs
more: pages are shared by fewer of them.
"""

_Item: TypeAlias = "tuple[RunId, Start | Write, asyncio.Future[Result]]"


class StoreWriter:
    """Writes to the store for the engine, in groups.

    All calls of the engine to its store pass here.
    """

    def __init__(self, store: Store, thread: Executor | None, *, patient: bool = True) -> None:
        """Serve a store. `thread` runs its verbs one at a time; None runs them in place.

        With `patient` false, a store that cannot answer is an error at once. `carries` is set for a
        worker: what its calls have brought must not be lost because a right is missing for a time.
        """
        self.store = store
        self.on_end: Callable[[RunId], None] | None = None
        self.damage: StoreDamaged | None = None
        self.damaged: asyncio.Event = asyncio.Event()
        self.moved: StoreMoved | None = None
        self.moved_at: float = 0.0
        self.carries: bool = False
        self.observer: Observer | None = None
        self._thread = thread
        self._patient = patient
        self._readers: Executor | None = None
        self._writers: Executor | None = None
        self._outage = Outage()
        self._under_way: set[asyncio.Task[None]] = set()
        self._writes = Pace()
        self._reads = Pace()
        self._waiting: deque[_Item] = deque()
        self._behind: dict[RunId, deque[_Item] | None] = {}
        self._calls: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._transacting: Executor | None = None
        self._room = asyncio.Semaphore(TRANSACTIONS)
        self._beginnings: set[asyncio.Future[Any]] = set()
        self._held: asyncio.Future[None] | None = None
        self._open: set[OpenTransaction] = set()
        self._abandoned: set[asyncio.Future[None]] = set()
        self._pump: asyncio.Task[None] | None = None
        self._ready: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start to serve. Needs a running event loop."""
        self._ready = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pump = self._loop.create_task(self._serve(), name="opord-store-writer")

    async def stop(self, grace_s: float) -> None:
        """Serve what waits for up to `grace_s` seconds, then end.

        Callers that still wait are cancelled.
        """
        if self._pump is None:
            return
        for transaction in [*self._open]:
            await transaction.roll_back(in_use=True)
        waiting = [future for _, _, future in self._waiting] + [future for _, future in self._calls]
        waiting += [future for behind in self._behind.values() for _, _, future in behind or ()]
        if waiting or self._under_way:
            await asyncio.wait([*waiting, *self._under_way], timeout=grace_s)
        for future in (*waiting, *self._under_way):
            future.cancel()
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        self._pump = None
        for pool in (self._readers, self._writers, self._transacting):
            if pool is not None:
                # Not waited for: a verb under way keeps its own thread, and a closed store refuses
                # it.
                pool.shutdown(wait=False, cancel_futures=True)

    def apply(self, change: Start | Write) -> asyncio.Future[Result]:
        """Write a change with the next batch.

        The future is done when the change is durable or refused.
        """
        # Kept: to ask for the running loop is a call of the system.
        loop, ready = self._loop, self._ready
        if loop is None or ready is None:
            raise RuntimeError("the engine is not running")
        future: asyncio.Future[Result] = loop.create_future()
        run = change.run if type(change) is Write else change.row.run  # type: ignore[union-attr]
        if not self._waiting:
            ready.set()
        if run not in self._behind:
            self._behind[run] = None
            self._waiting.append((run, change, future))
        elif (behind := self._behind[run]) is not None:
            behind.append((run, change, future))
        else:
            self._behind[run] = deque([(run, change, future)])
        return future

    async def call(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call another verb of the store, in turn if it is one in a file.

        Waits while the store cannot answer.
        """
        if self._takes_many:
            return await self._beside(partial(verb, *args, **kwargs))
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.append((lambda: verb(*args, **kwargs), future))
        self._wake()
        return await future

    async def read(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a verb that only reads, beside the writes if the store can do that.

        It sees all that was durable when this was called. Waits while the store cannot answer.
        """
        job = partial(verb, *args, **kwargs)
        if self._thread is not None and not self.store.readers:
            return await self.call(job)
        return await self._beside(job)

    async def short_read(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a verb that only reads a few rows, in place if the store is quick.

        Otherwise see `read`.
        """
        job = partial(verb, *args, **kwargs)
        if self._has_quick_store and self._reads.allows():
            with suppress(StoreUnavailable):
                return self._noting(lambda: self._at_once(job, self._reads))
        return await (self.read(job) if self._has_quick_store else self.call(job))

    async def short_write(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a verb that writes a few rows, in place if the store is quick; else see `call`."""
        job = partial(verb, *args, **kwargs)
        if self._has_quick_store and self._writes.allows():
            with suppress(StoreUnavailable):
                return self._noting(lambda: self._at_once(job, self._writes))
        return await self.call(job)

    def _noting(self, job: Callable[[], T]) -> T:
        """Call a verb of a store that is not damaged, and note if it turns out to be."""
        try:
            self._refuse_damaged()
            return job()
        except Exception as error:
            self._note(error)
            raise

    async def _beside(self, job: Callable[[], T]) -> T:
        """Call a verb beside the writes, on a thread of those that read."""
        try:
            self._refuse_damaged()
            if self._thread is None:
                return await self._patiently(job, None)
            if self._readers is None:
                self._readers = ThreadPoolExecutor(self.store.readers, thread_name_prefix="opord-read")
            return await self._patiently(job, self._readers)
        except Exception as error:
            self._note(error)
            raise

    async def transaction(self, held: tuple[RunId, int, int] | None = None) -> OpenTransaction | None:
        """Begin a transaction; see `Store.transaction`. Waits while the store cannot answer.

        Waits also for room: a store that takes many has `TRANSACTIONS` of them open at once. In one
        whose writes take turns, nothing else is written before it ends.
        """
        begun = asyncio.ensure_future(self._begun(held))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            begun.add_done_callback(self._abandon)
            raise

    async def _begun(self, held: tuple[RunId, int, int] | None) -> OpenTransaction | None:
        begin = partial(self.store.transaction, held)
        if self._takes_many:
            inner = await self._begun_beside(begin)
        else:
            future: asyncio.Future[StoreTransaction | None] = asyncio.get_running_loop().create_future()
            self._calls.append((begin, future))
            self._beginnings.add(future)
            self._wake()
            inner = await future
        if inner is None:
            return None
        transaction = OpenTransaction(inner, self._in_transaction, self._transaction_over)
        self._open.add(transaction)
        return transaction

    async def _begun_beside(self, begin: Callable[[], StoreTransaction | None]) -> StoreTransaction | None:
        """Begin a transaction beside the other calls of a store, once there is room for it."""
        if self._transacting is None:
            self._transacting = ThreadPoolExecutor(TRANSACTIONS, thread_name_prefix="opord-transaction")
        inner: StoreTransaction | None = None
        await self._room.acquire()
        try:
            self._refuse_damaged()
            inner = await self._patiently(begin, self._transacting)
        finally:
            if inner is None:
                self._room.release()
        return inner

    def _abandon(self, begun: asyncio.Future[OpenTransaction | None]) -> None:
        """Undo a transaction for which nobody waits any more."""
        transaction = None if begun.cancelled() or begun.exception() is not None else begun.result()
        if transaction is not None:
            ended = asyncio.ensure_future(transaction.roll_back())
            self._abandoned.add(ended)
            ended.add_done_callback(self._abandoned.discard)

    async def _in_transaction(self, verb: Callable[[], T], *, waits: bool = False) -> T:
        """Call a verb of an open transaction. Where writes take turns, it is its turn."""
        quick = not (self._takes_many or self._writes.is_slow or waits)
        return await _run(verb, None if quick else self._transacting or self._thread)

    def _transaction_over(self, transaction: OpenTransaction, durable: Sequence[Start | Write]) -> None:
        self._open.discard(transaction)
        if self._takes_many:
            self._room.release()
        elif self._held is not None and not self._held.done():
            self._held.set_result(None)
        results = [Applied(0)] * len(durable)
        if self.observer is not None and durable:
            self.observer.written(durable, results, None)
        self._tell_ends(durable, results)

    @property
    def _has_quick_store(self) -> bool:
        """Whether the store may be so quick that it is called in place: one in a file."""
        return self._thread is not None and not self.store.writers

    @property
    def _takes_many(self) -> bool:
        """Whether the store takes several batches at once, and its verbs in any order."""
        return self._thread is not None and self.store.writers > 0

    def _wake(self) -> None:
        if self._ready is None:
            raise RuntimeError("the engine is not running")
        self._ready.set()

    async def _serve(self) -> None:
        ready = self._ready
        if ready is None:
            raise RuntimeError("the engine is not running")
        while True:
            # This wakes in the next turn of the loop, when all runs that are moving now have
            # joined.
            await ready.wait()
            ready.clear()
            if self._takes_many:
                self._write_at_once()
                continue
            while self._waiting or self._calls:
                calls = list(self._calls)
                self._calls.clear()
                for verb, future in calls:
                    await self._answer(verb, future)
                    if self._held is not None:  # a transaction has begun, and it is its turn until it ends
                        await self._held
                        self._held = None
                if self._waiting:
                    await self._write(self._batch(BATCH_CHANGES if self._writes.is_slow else QUICK_CHANGES))
                    # Callers whose write is done go on now, and may join the next batch.
                    await asyncio.sleep(0)

    def _write_at_once(self) -> None:
        """Begin to write what waits, in as many batches as the store takes at once.

        No two batches have a change of the same run, as the second waits behind the first.
        """
        while self._waiting and len(self._under_way) < self.store.writers:
            task = asyncio.get_running_loop().create_task(self._write(self._batch(REMOTE_CHANGES)))
            self._under_way.add(task)
            task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._wake()

    def _batch(self, most: int) -> list[_Item]:
        """Take the next changes, at most one for each run.

        Further changes of a run wait behind its first.
        """
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _next_of(self, run: RunId) -> None:
        """Move the next waiting change of a run into the queue."""
        behind = self._behind[run]
        if behind:
            self._waiting.append(behind.popleft())
        else:
            del self._behind[run]

    async def _write(self, batch: list[_Item]) -> None:
        """Write a batch and give each caller its result.

        A change that the store cannot write must not block the others. So a batch that is refused
        as a whole is halved until the bad change is found. Writing the same change twice does no
        harm to a store.
        """
        changes = [change for _, change, _ in batch]
        began = time.perf_counter() if self.observer is not None else 0.0
        try:
            self._refuse_damaged()
            results = self._in_place(changes)
            if results is None:
                results = await self._patiently(lambda: self.store.apply(changes), self._threads())
        except Exception as error:
            self._note(error)
            if len(batch) > 1 and _is_of_one(error):
                half = len(batch) // 2
                await self._write(batch[:half])
                await self._write(batch[half:])
                return
            for run, _, future in batch:
                self._next_of(run)
                if not future.done():
                    future.set_exception(error)
            return
        behind = self._behind
        for (run, _, future), result in zip(batch, results, strict=True):
            if behind[run] is None:  # as a rule: no other change of the run waits
                del behind[run]
            else:
                self._next_of(run)
            if not future.done():
                future.set_result(result)
        self._tell_ends(changes, results)
        if self.observer is not None:
            self.observer.written(changes, results, time.perf_counter() - began)

    def _threads(self) -> Executor | None:
        """Return where batches are written."""
        if not self._takes_many:
            return self._thread
        if self._writers is None:
            self._writers = ThreadPoolExecutor(self.store.writers, thread_name_prefix="opord-write")
        return self._writers

    def _in_place(self, changes: list[Start | Write]) -> list[Result] | None:
        """Write a batch on this thread if the store is quick.

        Return None if the thread pool must do it.
        """
        if not self._has_quick_store or not self._writes.allows():
            return None
        try:
            return self._at_once(partial(self.store.apply, changes), self._writes, len(changes))
        except StoreUnavailable:
            return None

    def _at_once(self, job: Callable[[], T], pace: Pace, changes: int = 0) -> T:
        """Call a verb on this thread, and note how long it takes.

        Raises:
            StoreUnavailable: it would have to wait for long, or the store cannot answer.
        """
        began = time.perf_counter()
        try:
            with self.store.at_once():
                answer = job()
        except StoreUnavailable:
            pace.was_refused()
            raise
        pace.took(time.perf_counter() - began, changes)
        return answer

    def _tell_ends(self, changes: Sequence[Start | Write], results: Sequence[Result]) -> None:
        """Report the ends of runs, once they are durable, to the callers that wait for them."""
        if self.on_end is None:
            return
        for change, result in zip(changes, results, strict=True):
            head = change.head if type(change) is Write else change.row.head  # type: ignore[union-attr]
            if head is not None and has_ended(head.status) and isinstance(result, Applied):
                self.on_end(change.run if isinstance(change, Write) else change.row.run)

    async def _answer(self, verb: Callable[[], T], future: asyncio.Future[T]) -> None:
        try:
            self._refuse_damaged()
            answer = await self._patiently(verb, self._thread)
        except Exception as error:
            self._note(error)
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                if future in self._beginnings and answer is not None:
                    self._held = asyncio.get_running_loop().create_future()
                future.set_result(answer)
            elif future in self._beginnings:  # nobody waits for it any more
                await _run(partial(_undo, answer), self._thread)
        finally:
            self._beginnings.discard(future)

    def _refuse_damaged(self) -> None:
        """Refuse to use a damaged store: a wrong answer may be worse than none."""
        if self.damage is not None:
            raise self.damage

    def _note(self, error: Exception) -> None:
        if isinstance(error, StoreDamaged) and not isinstance(error, RowDamaged) and self.damage is None:
            self.damage = error
            self.damaged.set()
            log.critical("%s; this worker reads and writes nothing there any more", error)

    @property
    def outage(self) -> StoreUnavailable | StoreDenied | None:
        """Why calls wait for the store now; None if none waits, or if it does not say why."""
        return self._outage.error

    async def _patiently(self, verb: Callable[[], T], thread: Executor | None) -> T:
        """Call a verb until the store answers."""
        wait: Wait | None = None
        asked: Asked | None = None
        answered = False
        if thread is not None and self.store.writers:
            asked = self._outage.ask()
            verb = partial(asked.make, verb)
        try:
            while True:
                try:
                    answer = await _run(verb, thread)
                except (StoreUnavailable, StoreDenied) as error:
                    if not self._patient or (isinstance(error, StoreDenied) and not self.carries):
                        raise
                    if isinstance(error, StoreMoved) and self.moved is None:
                        self.moved, self.moved_at = error, time.perf_counter()
                    wait = wait or self._outage.begin()
                    await asyncio.sleep(wait.failed(error))
                    continue
                self.moved = None
                answered = True
                return answer
        finally:
            if wait is not None:
                wait.end(answered=answered)
            if asked is not None:
                asked.end(answered=answered)


def _undo(transaction: object) -> None:
    if transaction is not None:
        cast("StoreTransaction", transaction).roll_back()


async def _run(verb: Callable[[], T], thread: Executor | None) -> T:
    if thread is None:
        return verb()
    return await asyncio.get_running_loop().run_in_executor(thread, verb)


def _is_of_one(error: Exception) -> bool:
    """Say whether an error may come from one change alone and not from the whole store."""
    return isinstance(error, RowDamaged) or not isinstance(error, StoreDamaged | StoreRefused)
