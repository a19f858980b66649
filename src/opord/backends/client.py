"""A client for programs without an event loop: starts runs, sends events, asks, and waits.

It is safe in many threads at once. A process that is forked from one with a client, as web servers
do, has its own connection to the store from its first call on.
"""

from __future__ import annotations

import asyncio
import copy
import ctypes
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, ParamSpec, Self, TypeVar, Unpack, get_args, overload
from uuid import UUID

from opord.backends.codes import unanswered
from opord.backends.front import Engine
from opord.backends.listing import RunConditions, RunPage
from opord.backends.misuse import check_key, check_number, class_of
from opord.backends.transactions import EngineTransaction
from opord.drive.errors import EngineClosed
from opord.generated import RunHandle, Sent, Start, Startable, Workflow
from opord.kernel.rows import Status
from opord.loading import program_of
from opord.stores.base import StoreUnavailable
from opord.values.constructors import told_in_words
from opord.values.types import RunId

P = ParamSpec("P")
T = TypeVar("T")
RunT = TypeVar("RunT", bound=RunHandle)

PATIENCE_S = 30.0


class Client:
    """Starts runs and acts on them, from plain functions. It carries no runs: workers do.

    The store is opened at the first call. `close`, or the end of a `with` block, closes it.

    Args:
        store: a URL such as `sqlite:///orders.db`.
        patience_s: how long a call waits for a store that does not answer, in seconds. It then
            raises `StoreUnavailable`; what was asked for may still be done, and asking again is
            safe.
        secret_keys, insecure_plaintext_secrets, create: see `Engine`.

    Raises:
        StoreRefused: the URL names no store.
    """

    @told_in_words('Client("sqlite:///orders.db")')
    def __init__(
        self,
        store: str,
        *,
        patience_s: float = PATIENCE_S,
        secret_keys: str | None = None,
        insecure_plaintext_secrets: bool = False,
        create: bool = True,
    ) -> None:
        check_number("patience_s", patience_s)
        if not patience_s > 0:
            raise ValueError(f"expected patience_s above 0, got: {patience_s}")

        def engine() -> Engine:
            return Engine(
                store,
                secret_keys=secret_keys,
                insecure_plaintext_secrets=insecure_plaintext_secrets,
                create=create,
                relax_collector=False,
            )

        engine()  # what is wrong with the arguments is said here
        self._store_at = store
        self._new_engine = engine
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._closed = False
        _CLIENTS.add(self)

    def __repr__(self) -> str:
        return f"<client of {self._store_at}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store. Another call raises `EngineClosed`."""
        with self._lock:
            opened, self._opened, self._closed = self._opened, None, True
        if opened is not None:
            opened.close()

    # --- runs ------------------------------------------------------------------------------------

    @overload
    def start(self, contract: Startable[P, RunT], /, *args: P.args, **kwargs: P.kwargs) -> ClientRun: ...
    @overload
    def start(
        self, contract: Start[RunT], /, *, priority: int = 0, label: str | None = None
    ) -> ClientRun: ...
    def start(self, contract: Any, /, *args: Any, **kwargs: Any) -> ClientRun:
        """Start a run and return its handle once the start is durable.

        The parameters are those of the contract. If the contract has a `key`, another start with
        the same key and input gives the same run. For a priority and a label see `Engine.start`.

        Raises:
            InputInvalid: the input does not fit the contract.
            SchedulingInvalid: the priority or the label is none.
            StartConflict: a run of that key was started with another input.
            TypeError: `contract` is no contract.
        """
        return ClientRun(self, self.ask(lambda engine: engine.start(contract, *args, **kwargs)).id)

    def transaction(self, connection: Any = None) -> ClientTransaction:
        """Write in the database of the store, and start runs and send events, all at once.

            with client.transaction() as transaction:
                transaction.connection.execute("INSERT INTO orders …")
                transaction.start(OrderFulfilment, order=order)

        See `Engine.transaction`.
        """
        return ClientTransaction(self, connection)

    def run(self, contract: Startable[..., RunT] | str, key: str | int | UUID) -> ClientRun:
        """Return the handle of an existing run, by its contract, or the name of it, and its key.

        Nothing is read: a handle of a run that does not exist raises `RunUnknown` when it is used.
        """
        check_key(key)
        if isinstance(contract, str):
            return ClientRun(self, f"{contract}/{key}")
        return ClientRun(self, f"{program_of(class_of(contract)).name}/{key}")

    def runs(
        self,
        contract: type[Workflow] | Workflow | str | None = None,
        *,
        limit: int = 100,
        after: str | None = None,
        sort: str = "-started",
        **conditions: Unpack[RunConditions],
    ) -> RunPage:
        """Return the runs that fit all conditions; see `Engine.runs`."""
        return self.ask(
            lambda engine: engine.runs(contract, limit=limit, after=after, sort=sort, **conditions)
        )

    def counts(self) -> dict[Status, int]:
        """Return how many runs are in each status."""
        counts = self.ask(lambda engine: engine.backend.counts())
        return {status: counts.get(status, 0) for status in get_args(Status)}

    def ask(self, job: Callable[[Engine], Awaitable[T]], *, wait_s: float | None = None) -> T:
        """Do a job with the engine of this client, on its own thread, and return the result.

        `wait_s` is how long it may take, in seconds; None means the patience of this client.

        Raises:
            StoreUnavailable: it took longer. It may still be done; asking again is safe.
            EngineClosed: the client was closed.
        """
        _check_no_loop()
        patience_s = self._patience_s if wait_s is None else wait_s
        return self._home().ask(job, patience_s)

    def _home(self) -> _Opened:
        with self._lock:
            if self._closed:
                raise EngineClosed("the client is closed; make another one, opord.Client(url)")
            if self._opened is None:
                self._opened = _Opened(self._new_engine(), self._patience_s)
            return self._opened

    def _in_child(self) -> None:
        """Leave the connection of the parent process behind, in a forked child."""
        self._lock = threading.Lock()
        if self._opened is not None:
            _never_collect(self._opened)
            self._opened = None


class ClientRun:
    """A run as seen by a client, used in the name of an actor."""

    def __init__(self, client: Client, run: str) -> None:
        self.id = run
        self._client = client
        self._actor = ""
        self._role: str | None = None

    def __repr__(self) -> str:
        return f"<run {self.id}>"

    def as_(self, actor: str, *, role: str | None = None) -> Self:
        """Return a handle that acts in the name of `actor`, who has `role`."""
        handle = copy.copy(self)
        handle._actor, handle._role = actor, role
        return handle

    def send(self, event: str, /, **members: Any) -> Sent:
        """Send the run an event with its parameters; see `Backend.send`.

        Raises:
            Refused: the event was refused and has changed nothing.
        """
        return self._client.ask(
            lambda engine: engine.send_event(self.id, event, members, actor=self._actor, role=self._role)
        )

    def status(self) -> Mapping[str, Any]:
        """Return where the run is and what it waits for, as `opord runs show --json` does."""
        return self._client.ask(lambda engine: engine.run_status(self.id))

    def history(self) -> list[Mapping[str, Any]]:
        """Return the run's records, as `opord runs history --json` does."""
        return self._client.ask(lambda engine: engine.run_history(self.id))

    def result(self, *, wait_s: float) -> Any:
        """Wait for the end of the run, at most `wait_s` seconds, and return its final state.

        Raises:
            TimeoutError: it has not ended in that time. It goes on.
            ValueError: `wait_s` is below 0.
            RunTerminated: an administrator ended it.
        """

        check_number("wait_s", wait_s)
        if not wait_s >= 0:  # so that what is not a number is refused as well
            raise ValueError(f"expected wait_s of at least 0, got: {wait_s}")

        async def ended(engine: Engine) -> Any:
            try:
                async with asyncio.timeout(wait_s):
                    return await engine.wait_result(self.id)
            except TimeoutError:
                raise TimeoutError(f"{self.id} has not ended within {wait_s:g} s; it goes on") from None

        return self._client.ask(ended, wait_s=wait_s + self._client._patience_s)

    def cancel(self, reason: str | None = None) -> Sent:
        """Ask the run to cancel, if its contract handles that event; see `Backend.cancel`."""
        return self._client.ask(
            lambda engine: engine.backend.cancel(
                RunId(self.id), actor=self._actor, role=self._role, reason=reason
            )
        )

    def resume(self, reason: str | None = None) -> None:
        """Let the run go on after the cause of its stall was mended; see `Backend.resume`."""
        self._client.ask(
            lambda engine: engine.backend.resume(
                RunId(self.id), actor=self._actor, role=self._role, reason=reason
            )
        )

    def resolve(
        self,
        *,
        happened: bool | None = None,
        another: bool = False,
        result: Any = None,
        reason: str | None = None,
    ) -> None:
        """Say whether the action that is in doubt happened; see `Backend.resolve`."""
        self._client.ask(
            lambda engine: engine.backend.resolve(
                RunId(self.id), happened=happened, another=another, result=result, actor=self._actor,
                role=self._role, reason=reason,
            )
        )  # fmt: skip

    def acknowledge(self, reason: str | None = None) -> None:
        """Close the open alarms of the run; see `Backend.acknowledge`."""
        self._client.ask(
            lambda engine: engine.backend.acknowledge(
                RunId(self.id), actor=self._actor, role=self._role, reason=reason
            )
        )

    def drop_event(self, event_id: str, reason: str | None = None) -> None:
        """Take out a stored event, or that of a stalled step; see `Backend.drop_event`."""
        self._client.ask(
            lambda engine: engine.backend.drop_event(
                RunId(self.id), event_id, actor=self._actor, role=self._role, reason=reason
            )
        )

    def terminate(self, reason: str | None = None) -> None:
        """End the run by an administrator's word; see `Backend.terminate`."""
        self._client.ask(
            lambda engine: engine.backend.terminate(
                RunId(self.id), actor=self._actor, role=self._role, reason=reason
            )
        )


class ClientTransaction:
    """A transaction in which a program writes its tables, starts runs and sends events.

    Use it with `with`: its end commits, an exception rolls back. See `EngineTransaction`.
    """

    def __init__(self, client: Client, connection: Any = None) -> None:
        self._client, self._own = client, connection
        self._inner: EngineTransaction | None = None

    def __enter__(self) -> Self:
        async def begun(engine: Engine) -> EngineTransaction:
            return await engine.transaction(self._own).__aenter__()

        self._inner = self._client.ask(begun)
        return self

    def __exit__(self, *error: Any) -> None:
        inner, self._inner = self._open, None
        self._client.ask(lambda _: inner.__aexit__(*error))

    @property
    def connection(self) -> Any:
        """What the program writes through; see `opord.TransactionCall`."""
        return self._open.connection

    @overload
    def start(self, contract: Startable[P, RunT], /, *args: P.args, **kwargs: P.kwargs) -> str: ...
    @overload
    def start(self, contract: Start[RunT], /, *, priority: int = 0, label: str | None = None) -> str: ...
    def start(self, contract: Any, /, *args: Any, **kwargs: Any) -> str:
        """Start a run, and return its name. The run goes on once the transaction is committed."""
        inner = self._open
        run: RunHandle = self._client.ask(lambda _: inner.start(contract, *args, **kwargs))
        return run.id

    def send(
        self, run: str, event: str, /, *, actor: str = "", role: str | None = None, **members: Any
    ) -> Sent:
        """Send an event with its parameters to a run, by the name of the run."""
        inner = self._open
        return self._client.ask(lambda _: inner.send_event(run, event, members, actor=actor, role=role))

    @property
    def _open(self) -> EngineTransaction:
        if self._inner is None:
            raise RuntimeError("the transaction is not open; use it inside `with client.transaction()`")
        return self._inner


class _Opened:
    """An open engine, and the thread with the event loop that it lives on."""

    def __init__(self, engine: Engine, patience_s: float) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="opord-client", daemon=True)
        self._thread.start()
        self._engine = engine
        try:
            self._do(engine.__aenter__(), patience_s)
        except BaseException:
            self._stop()
            raise

    def ask(self, job: Callable[[Engine], Awaitable[T]], patience_s: float) -> T:
        async def asked() -> T:
            return await job(self._engine)

        return self._do(asked(), patience_s)

    def close(self) -> None:
        try:
            self._do(self._engine.__aexit__(None, None, None), PATIENCE_S)
        finally:
            self._stop()

    def _do(self, work: Coroutine[Any, Any, T], patience_s: float) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(patience_s)
        except TimeoutError:
            if future.done():
                raise
            raise self._unanswered(patience_s) from None
        finally:
            future.cancel()

    def _unanswered(self, patience_s: float) -> StoreUnavailable:
        outage: Exception | None = None
        with suppress(EngineClosed):
            outage = self._engine.backend.outage()
        return StoreUnavailable(
            outage.kind if isinstance(outage, StoreUnavailable) else "locked",
            f"{unanswered(patience_s, outage)}. The request may still be carried out; "
            "you can safely send it again",
        )

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        if not self._thread.is_alive():
            self._loop.close()


def _check_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "opord.Client would block this event loop; in async code, use "
        "`async with opord.Engine(url, [OrderFulfilment]) as engine`"
    )


_CLIENTS: weakref.WeakSet[Client] = weakref.WeakSet()


def _never_collect(opened: _Opened) -> None:
    """Keep an object until the process is gone.

    A child must not even close the connection of its parent: SQLite forbids it.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(opened))


def _in_child() -> None:
    for client in list(_CLIENTS):
        client._in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
