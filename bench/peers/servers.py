"""The servers that some engines need, started on loopback with their data in one folder, and stopped."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.processes import ROOT, Program
from tests.support.postgres import Server, free_port

START_S = 60.0

TEMPORAL_POLLS = "history.transferProcessorMaxPollRPS=200"
"""How many times a second the server looks for the next tasks of its shard, of which this one has one.

A server for production has hundreds of shards. At the default of 20 each task of a lone workflow waits for 50
milliseconds here; at 100,000 the looks cost more than they bring.
"""


@dataclass(frozen=True)
class Running:
    """A server that runs: how parts reach it, and its first process."""

    setting: dict[str, Any]
    pid: int | None


@contextmanager
def sqlite(folder: Path) -> Iterator[Running]:
    """No server: a file."""
    yield Running({"url": f"sqlite:///{folder}/orders.db"}, None)


@contextmanager
def postgres(folder: Path) -> Iterator[Running]:
    """PostgreSQL from the wheel, with its own settings for durability: a commit returns after its fdatasync."""
    folder.chmod(0o755)
    server = Server(folder)
    server.make(shared_buffers="'512MB'", max_wal_size="'4GB'")
    server.start()
    try:
        pid = int((server.data / "postmaster.pid").read_text().split()[0])
        yield Running({"url": server.url()}, pid)
    finally:
        server.shut_down()


@contextmanager
def temporal(folder: Path, binary: Path) -> Iterator[Running]:
    """Temporal's development server, on a SQLite file with a write-ahead log that each commit syncs."""
    address = f"127.0.0.1:{free_port()}"
    command: list[str | Path] = [binary, "server", "start-dev", "--headless", "--ip", "127.0.0.1"]
    command += ["--port", address.rpartition(":")[2], "--log-level", "error"]
    command += ["--db-filename", folder / "temporal.db"]
    command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=FULL"]
    command += ["--dynamic-config-value", TEMPORAL_POLLS]
    server = Program(command, log=folder / "temporal.log")
    try:
        _wait_for(server, lambda: "Temporal Server:" in server.log.read_text(errors="replace"))
        yield Running({"address": address}, server.pid)
    finally:
        server.stop()


@contextmanager
def restate(folder: Path, binary: Path) -> Iterator[Running]:
    """Restate's server, one node with the settings of its makers."""
    node, ingress, admin, service = (f"127.0.0.1:{free_port()}" for _ in range(4))
    settings = {
        "RESTATE_BASE_DIR": str(folder / "restate"),
        "RESTATE_BIND_ADDRESS": node,
        "RESTATE_INGRESS__BIND_ADDRESS": ingress,
        "RESTATE_ADMIN__BIND_ADDRESS": admin,
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LOG_FILTER": "warn",
        "RESTATE_LOG_DISABLE_ANSI_CODES": "true",
    }
    server = Program([binary], log=folder / "restate.log", env=settings)
    try:
        _wait_for(
            server,
            lambda: _answers(f"http://{admin}/health") and _answers(f"http://{ingress}/restate/health"),
        )
        setting = {"ingress": f"http://{ingress}", "admin": f"http://{admin}", "service": service}
        yield Running(setting, server.pid)
    finally:
        server.stop()


@contextmanager
def opord_http(folder: Path) -> Iterator[Running]:
    """Opord's HTTP API on a SQLite file; the worker opens the same file."""
    port = free_port()
    url = f"sqlite:///{folder}/orders.db"
    command: list[str | Path] = [sys.executable, "-m", "opord", "serve", "--store", url, "--port", str(port)]
    for contract in ("four_calls.opord", "bell.opord", "peers/loop.opord"):
        command += ["--contract", ROOT / "bench" / contract]
    server = Program(command, log=folder / "serve.log", env={"PYTHONPATH": str(ROOT / "src")})
    try:
        api = f"http://127.0.0.1:{port}"
        _wait_for(server, lambda: _answers(f"{api}/api/v1/contracts"))
        yield Running({"url": url, "api": api}, server.pid)
    finally:
        server.stop()


def _wait_for(server: Program, ready: Any) -> None:
    end = time.monotonic() + START_S
    while not ready():
        if not server.runs or time.monotonic() > end:
            raise RuntimeError(f"a server does not start:\n{server.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, json.JSONDecodeError):
        return False
