"""Stop a worker by SIGTERM or Ctrl-C, at any moment from its start to its end.

- Before the worker carries runs, an order ends it at once: nothing was begun.
- Then the first order lets calls under way end. What comes within half a second of it is the same
  order: a supervisor may signal a process and its group at once.
- Another one ends the process at once, as `kill -9` would. So does a time limit, if a handler holds
  the event loop or a store holds its thread.
- A child that a handler forks hears no orders: it has the signal handlers that were there before.
- What handlers make of SIGTERM and SIGINT is undone, so that the worker hears its orders.

Handlers of signals run between any two instructions, so they take no lock and write no log.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import errno
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

from opord.cli.output import flush_stdout

T = TypeVar("T")

log: logging.Logger = logging.getLogger("opord.worker")

SAME_ORDER_S: Final = 0.5
"""Signals within this time of the first are the same order, in seconds."""

ENDING_S: Final = 15.0
"""How long a worker may take to end beyond its drain, in seconds."""

LEFT_S: Final = 0.5
"""How long calls that were given up may take to end before they are left behind, in seconds."""

LEAVING_S: Final = 10.0
"""How long what handlers began may keep a worker that has ended, in seconds."""

KILLED: Final = 130
"""The exit status of a worker that is ended at once."""

STORE_THREADS: Final = ("opord-store", "opord-read")
CALL_THREADS: Final = ("opord-handler", "asyncio")
"""The prefixes of the threads on which handlers may hang."""

_NUMBERS: Final = (signal.SIGTERM, signal.SIGINT)


class StoppedEarly(BaseException):
    """The worker was told to stop before it carried runs."""


class Orders:
    """The orders that a worker hears while it is entered. Only the main thread hears signals."""

    def __init__(self, drain_s: float) -> None:
        self.signal: str | None = None
        self._said = False
        self._first_at = 0.0
        self._limit_s = drain_s + ENDING_S
        self._stopping: Callable[[], object] | None = None
        self._before: dict[int, Any] = {}
        self._limit = _thread.allocate_lock()

    def __enter__(self) -> Orders:
        global _heard_here
        if threading.current_thread() is threading.main_thread():
            self._limit.acquire()
            threading.Thread(target=self._keep_limit, name="opord-limit", daemon=True).start()
            _heard_here = self
            for number in _NUMBERS:
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        global _heard_here
        if _heard_here is self:
            self.forget()
            _heard_here = None

    def keep(self) -> None:
        """Hear signals again if other code, such as a module of handlers, has changed that."""
        if _heard_here is not self:
            return
        changed = [number for number in _NUMBERS if signal.getsignal(number) != self._hear]
        for number in changed:
            signal.signal(number, self._hear)
        if changed and not self._said:
            self._said = True
            log.warning(
                "handlers, or a library of theirs, changed the effect of %s on this process; it is undone",
                " and ".join(signal.Signals(number).name for number in changed),
            )

    def forget(self) -> None:
        """Put back the signal handlers that were there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def check(self) -> None:
        """End the worker if a signal came, even if other code caught the exception that it raised.

        Raises:
            StoppedEarly: always then.
        """
        if self.signal is not None:
            raise StoppedEarly

    def begin(self) -> asyncio.Event:
        """Begin to carry runs: from now on an order sets the event that is returned."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()

        def told() -> None:
            if not stop.is_set():
                log.info("%s: waiting for calls under way to end; a second signal stops at once", self.signal)
                stop.set()

        self._stopping = lambda: loop.call_soon_threadsafe(told)
        self.check()
        return stop

    def _hear(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._first_at = name, now
            self._limit.release()
            if self._stopping is None:
                raise StoppedEarly
            with contextlib.suppress(RuntimeError):  # the loop has just ended
                self._stopping()
        elif now - self._first_at >= SAME_ORDER_S:
            end_now(f"{name} again: stopping at once; other workers take over the runs of this one")

    def _keep_limit(self) -> None:
        self._limit.acquire()
        time.sleep(self._limit_s)
        end_now(
            f"the worker did not end within {self._limit_s:g} s of {self.signal}: a handler or the store holds "
            f"{_main_place()}; it ends now, and other workers take over its runs"
        )


_heard_here: Orders | None = None
_masks: dict[int, Any] = {}


def end_now(why: str, status: int = KILLED) -> NoReturn:
    """End the process as `kill -9` would, and say why."""
    with contextlib.suppress(Exception):
        flush_stdout()
    with contextlib.suppress(Exception):
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        os.write(2, f"{stamp},{int(time.time() * 1000) % 1000:03} WARNING {why}\n".encode())
    os._exit(status)


def _main_place() -> str:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    if frame is None:
        return "the main thread"
    code = frame.f_code
    return f"the main thread at {code.co_filename}:{frame.f_lineno} in {code.co_qualname}"


def run_to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as `asyncio.run` does, but wait for nothing that does not end.

    Raises:
        CancelledError: a handler cancelled the task of the worker itself.
    """
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_end_if_its_files_are_closed)
    threads = ThreadPoolExecutor(thread_name_prefix="asyncio")
    loop.set_default_executor(threads)
    asyncio.set_event_loop(loop)
    main = loop.create_task(work)
    try:
        return _result(loop, main)
    finally:
        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=LEFT_S))
            loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), LEFT_S))
        except TimeoutError:
            pass  # a generator that does not end is left behind as a task is
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            asyncio.set_event_loop(None)
            with contextlib.suppress(RuntimeError):
                loop.close()


def _result(loop: asyncio.AbstractEventLoop, main: asyncio.Task[T]) -> T:
    """Run the loop until its main task is done, also if a handler stops the loop."""
    said = False
    while True:
        try:
            return loop.run_until_complete(main)
        except RuntimeError:
            if main.done():
                raise
            if not said:
                said = True
                log.warning("a handler stopped the event loop; it goes on")
        except OSError as wrong:
            if main.done():
                raise
            _end_without_files(wrong)


def _end_if_its_files_are_closed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """End the process if a handler closed the loop's own files; else log the error as ever."""
    error = context.get("exception")
    own = "_read_from_self" in repr(context.get("handle"))
    if own and isinstance(error, OSError) and error.errno == errno.EBADF:
        _end_without_files(error)
    loop.default_exception_handler(context)


def _end_without_files(wrong: OSError) -> NoReturn:
    # The descriptors of the worker's files may belong to other files now. So it must not write to
    # its store any more, and ends at once.
    end_now(
        f"the worker cannot wait for anything any more ({wrong}): a handler closed files of this process; "
        "it ends now, and other workers take over its runs"
    )


def leave_in_time(status: int) -> None:
    """End the process soon with this status, even if something that a handler began does not end.

    Python waits for threads, for the children of `multiprocessing`, and for functions of `atexit`.
    """
    threading.Thread(target=_keep_leaving, args=(status,), name="opord-leave", daemon=True).start()


def _keep_leaving(status: int) -> None:
    time.sleep(LEAVING_S)
    main = threading.main_thread()
    names = [
        f"the thread {thread.name}"
        for thread in threading.enumerate()
        if thread is not main and not thread.daemon
    ]
    names += [f"the process {child.pid}" for child in multiprocessing.active_children() if not child.daemon]
    what = ", ".join(names[:5]) or "what handlers gave to `atexit`"
    end_now(f"the worker has ended, and {what} did not end within {LEAVING_S:g} s; left behind", status)


def leave_hanging_threads(status: int) -> None:
    """End the process now if a thread hangs, on a call or the store: Python would wait for it."""
    flush_stdout()
    prefixes = (*CALL_THREADS, *STORE_THREADS)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(prefixes)]
    deadline = time.monotonic() + LEFT_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    busy = [thread for thread in threads if thread.is_alive()]
    calls = sum(1 for thread in busy if thread.name.startswith(CALL_THREADS))
    if calls:
        log.warning("%d calls did not end in time; the worker stops without their outcomes", calls)
    if len(busy) > calls:
        log.warning("the store did not answer in time; the worker writes nothing more to it")
    if busy:
        logging.shutdown()
        flush_stdout()
        os._exit(status)


def _before_fork() -> None:
    # A signal that comes to the child before it has its own handlers would be heard there by ours.
    if _heard_here is not None:
        _masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def _after_fork() -> None:
    mask = _masks.pop(threading.get_ident(), None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _in_child() -> None:
    global _heard_here
    orders, _heard_here = _heard_here, None
    if orders is not None:
        signal.set_wakeup_fd(-1)
        orders.forget()
    _after_fork()


if hasattr(os, "register_at_fork"):  # where processes can fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
