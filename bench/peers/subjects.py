"""What is measured: each engine on each of its stores, and a stand of it, with its server, workers and clients."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.peers import servers
from bench.peers.installing import Installed
from bench.peers.processes import Part
from bench.peers.servers import Running

START = Callable[[Path, Installed], AbstractContextManager[Running]]


@dataclass(frozen=True)
class Subject:
    """An engine on a store, as the tables name it."""

    key: str
    engine: str
    title: str
    store: str
    through: str
    start: START
    durability: str
    client_engine: str = ""
    """The module of its client, if that is another one than the worker's."""
    workers_refused: str = ""
    """Why there cannot be several workers, if so."""

    @property
    def apart(self) -> bool:
        """Whether the worker is a process of its own."""
        return self.through != ONE_PROCESS


ONE_PROCESS = "one process"
WORKER_PROCESS = "a worker process"
SERVER = "its server"
HTTP = "HTTP"


def _sqlite(folder: Path, installed: Installed) -> AbstractContextManager[Running]:
    return servers.sqlite(folder)


def _postgres(folder: Path, installed: Installed) -> AbstractContextManager[Running]:
    return servers.postgres(folder)


def _opord_http(folder: Path, installed: Installed) -> AbstractContextManager[Running]:
    return servers.opord_http(folder)


def _temporal(folder: Path, installed: Installed) -> AbstractContextManager[Running]:
    return servers.temporal(folder, installed.temporal)


def _restate(folder: Path, installed: Installed) -> AbstractContextManager[Running]:
    return servers.restate(folder, installed.restate)


_LOG = "write-ahead log, `synchronous=FULL`: each commit is synced"
_POSTGRES = "`fsync` and `synchronous_commit` on: each commit is synced"

SUBJECTS = [
    Subject("opord-sqlite", "opord", "Opord", "SQLite", ONE_PROCESS, _sqlite, f"{_LOG}; many runs share one"),
    Subject("dbos-sqlite", "dbos", "DBOS", "SQLite", ONE_PROCESS, _sqlite, _LOG),
    Subject(
        "opord-postgres", "opord", "Opord", "PostgreSQL", ONE_PROCESS, _postgres, f"{_POSTGRES}; many runs share one"
    ),
    Subject("dbos-postgres", "dbos", "DBOS", "PostgreSQL", ONE_PROCESS, _postgres, _POSTGRES),
    Subject(
        "opord-sqlite-apart", "opord", "Opord", "SQLite", WORKER_PROCESS, _sqlite, f"{_LOG}; many runs share one"
    ),
    Subject(
        "opord-postgres-apart", "opord", "Opord", "PostgreSQL", WORKER_PROCESS, _postgres,
        f"{_POSTGRES}; many runs share one",
    ),
    Subject(
        "opord-http", "opord", "Opord", "SQLite", HTTP, _opord_http, f"{_LOG}; many runs share one",
        client_engine="opord_http",
    ),
    Subject("temporal", "temporal", "Temporal", "SQLite", SERVER, _temporal, _LOG),
    Subject(
        "restate", "restate", "Restate", "RocksDB", SERVER, _restate,
        "its log is synced before it answers; runs of the same moment share one",
        workers_refused="a service has one address; several processes need a balancer before them",
    ),
]  # fmt: skip


@dataclass
class Stand:
    """A subject that runs, in a folder of its own."""

    subject: Subject
    server: Running
    folder: Path
    installed: Installed
    clients: list[Part] = field(default_factory=list)
    workers: list[Part] = field(default_factory=list)
    """The parts that carry runs. In one process with the client, they are the same."""

    @property
    def client(self) -> Part:
        """The part that is asked."""
        return self.clients[0]

    def add_worker(self, *, holds: bool = False) -> Part:
        """Start a worker; in one process with a client, that too."""
        number = len(self.workers)
        role = "worker" if self.subject.apart else "both"
        part = self._part(role, {"holds": holds, "number": number})
        self.workers.append(part)
        if not self.subject.apart:
            self.clients.append(part)
        return part

    def add_client(self) -> None:
        """Start the client, if it is a process of its own."""
        if self.subject.apart:
            self.clients.append(self._part("client", {}))

    def kill_workers(self) -> None:
        """Kill all workers at once; in one process with a client, that too."""
        for part in self.workers:
            part.kill()
            if part in self.clients:
                self.clients.remove(part)
        self.workers.clear()

    def end(self) -> None:
        """End all parts."""
        for part in (*self.workers, *self.clients):
            part.kill()

    def pids(self) -> dict[str, list[int]]:
        """Return the first processes, by what they are."""
        workers = [part.pid for part in self.workers]
        clients = [part.pid for part in self.clients if part.pid not in workers]
        return {"client": clients, "worker": workers, "server": [self.server.pid] if self.server.pid else []}

    def _part(self, role: str, more: dict[str, Any]) -> Part:
        engine = (role == "client" and self.subject.client_engine) or self.subject.engine
        python = Path(sys.executable) if engine == "opord" else self.installed.python
        return Part(python, engine, role, {**self.server.setting, **more}, self.folder / f"{role}.log")


@contextmanager
def stand(
    subject: Subject, installed: Installed, folder: Path | None, *, workers: int = 1, holds: bool = False
) -> Iterator[Stand]:
    """Start a subject on a new store; end all of it, and remove the store, afterwards."""
    with ExitStack() as stack:
        place = Path(tempfile.mkdtemp(prefix="opord-peers-", dir=folder))
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        running = stack.enter_context(subject.start(place, installed))
        one = Stand(subject, running, place, installed)
        stack.callback(one.end)
        for _ in range(workers):
            one.add_worker(holds=holds)
        one.add_client()
        yield one
