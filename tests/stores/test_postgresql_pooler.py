"""Behind PgBouncer in transaction mode: runs go on by polling, whatever is cut or killed."""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from opord.stores.postgres import connections
from tests.stores.carrying import Handlers, carry, cut_all, holds
from tests.support.needs import POOLER
from tests.support.postgres import Server, as_server, free_port, new_folder, own_server

pytestmark = pytest.mark.needs("poolers")


class Pooler:
    """A PgBouncer before a server; each transaction may get another session of it."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.port = free_port()
        self._settings = folder / "pgbouncer.ini"
        (folder / "users").write_text('"postgres" ""\n')
        self._settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\n"
            f"logfile = {folder}/log\npool_mode = transaction\ndefault_pool_size = 4\n"
            "ignore_startup_parameters = extra_float_digits,options\n"
        )
        (folder / "log").touch()
        (folder / "log").chmod(0o666)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, schema: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?schema={schema}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [POOLER, "-q", self._settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **as_server(),
        )
        end = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("x").partition("?")[0], connect_timeout=2).close()
            except psycopg.Error:
                assert self._process.poll() is None, "PgBouncer has ended"
                assert time.monotonic() < end
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as one:
        yield one


@pytest.fixture
def pooler(server: Server) -> Iterator[Pooler]:
    folder = new_folder()
    one = Pooler(folder, server)
    try:
        one.start()
        yield one
    finally:
        one.kill()
        shutil.rmtree(folder)


def test_runs_go_on_over_cut_sessions_and_killed_poolers(
    server: Server, pooler: Pooler, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "WAIT_S", 0.5)
    caplog.set_level(logging.INFO, "opord")

    def trouble(call: int) -> None:
        if call == 20:
            cut_all(server)
        if call in (40, 60):
            pooler.kill()
            pooler.start()

    handlers = Handlers(trouble)
    holds(carry(pooler.url("s_pooled"), handlers), handlers)
    told = [
        one.getMessage() for one in caplog.records if "a pooler stands before the server" in one.getMessage()
    ]
    assert len(told) == 1
    assert "looks for new work 20 times a second" in told[0]
    # Nothing of a session is left to the next program that gets it.
    with psycopg.connect(pooler.url("x").partition("?")[0], autocommit=True) as other:
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert other.execute("SHOW enable_seqscan").fetchone() == ("on",)
