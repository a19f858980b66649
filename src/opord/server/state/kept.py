"""The tables of the server: opened at their first use, and asked on a thread of their own."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from opord.backends.base import Backend
from opord.backends.beside import Beside, Executes, Steps, open_beside
from opord.values.types import Instant

T = TypeVar("T")

_HERE: Final = Path(__file__).parent

TOGETHER: Final = 64
"""How many pieces of work that wait are written in one transaction."""


def _texts() -> list[str]:
    files = sorted((_HERE / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))
    for number, file in enumerate(files, 1):
        if int(file.name[:4]) != number:
            raise RuntimeError(f"expected migration {number:04d}, got: {file.name}")
    return [file.read_text(encoding="utf-8") for file in files]


STEPS: Final = Steps("server", _texts())
"""The steps that make the tables of the server."""


@cache
def statements(file: str) -> dict[str, str]:
    """Return the statements of a file of this folder by name, without its comments."""
    text = (_HERE / file).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {
        name: re.sub(r"^--.*\n", "", body, flags=re.MULTILINE).strip()
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


class _Work(NamedTuple):
    """A piece of work that waits to be written, and who waits for it."""

    do: Callable[[Executes], Any]
    done: asyncio.Future[Any]


class State:
    """The tables of the server, in the store of the runs or in one of their own.

    They are opened, and made if they are missing, at their first use. Every verb raises a
    `StoreError` if the store cannot be used; then nothing of it was done, or all.
    """

    def __init__(self, backend: Callable[[], Backend], url: str | None = None) -> None:
        """Lie beside the runs of the backend, or in the store that `url` names."""
        self._backend = backend
        self._url = url
        self._of: Backend | None = None
        self._tables: Beside | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()
        self._waiting: deque[_Work] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the tables now, and make them if they are missing.

        Raises:
            StoreError: the store cannot be used.
        """
        await self._opened()

    async def close(self) -> None:
        """Write what waits, and close the tables. They may be opened again."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        async with self._opening:
            await self._close()

    async def now(self) -> Instant:
        """Return the clock of the store, in microseconds since 1970 UTC."""
        return (await self._opened()).now()

    async def read(self, work: Callable[[Executes], T]) -> T:
        """Do some work that only reads."""
        tables = await self._opened()
        return await self._on_thread(tables.read, work)

    async def write(self, work: Callable[[Executes], T]) -> T:
        """Do some work in one transaction, which is durable when this returns.

        Work that waits together is written together; if one piece fails, the others are not
        touched.
        """
        await self._opened()
        one = _Work(work, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="opord-server-state")
        # Nobody takes back what is being written. Who is cancelled does not hear of it.
        done: T = await asyncio.shield(one.done)
        return done

    async def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Execute one statement in a transaction of its own, and return its rows."""
        return await self.write(lambda executes: executes(statement, values))

    # --- inside ----------------------------------------------------------------------------------

    async def _opened(self) -> Beside:
        backend = self._backend() if self._url is None else None
        if self._tables is not None and self._of is backend:
            return self._tables
        async with self._opening:
            if self._tables is None or self._of is not backend:
                await self._close()
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="opord-server-state")
                self._tables = await self._on_thread(_open, backend, self._url)
                self._of = backend
            return self._tables

    async def _close(self) -> None:
        tables, self._tables, self._of = self._tables, None, None
        if self._thread is not None:
            if tables is not None:
                await self._on_thread(tables.close)
            self._thread.shutdown(wait=False)
            self._thread = None

    async def _on_thread(self, work: Callable[..., T], *values: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)

    async def _write(self) -> None:
        while self._waiting:
            together = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
            try:
                tables = await self._opened()
                answers = await self._on_thread(_write, tables, [one.do for one in together])
            except Exception as error:
                answers = [error for _ in together]
            for one, answer in zip(together, answers, strict=True):
                if one.done.cancelled():
                    continue
                if isinstance(answer, Exception):
                    one.done.set_exception(answer)
                    one.done.exception()  # who asked may be gone
                else:
                    one.done.set_result(answer)


def _open(backend: Backend | None, url: str | None) -> Beside:
    tables = open_beside(str(url)) if backend is None else backend.beside()
    try:
        tables.prepare(STEPS)
    except BaseException:
        tables.close()
        raise
    return tables


def _write(tables: Beside, works: Sequence[Callable[[Executes], Any]]) -> list[Any]:
    """Do pieces of work in one transaction. If one fails, each gets a transaction of its own."""
    if len(works) > 1:
        with suppress(Exception):
            return tables.write(lambda executes: [work(executes) for work in works])
    answers: list[Any] = []
    for work in works:
        try:
            answers.append(tables.write(work))
        except Exception as error:
            answers.append(error)
    return answers
