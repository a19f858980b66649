"""`--metrics`: the port on which a worker and a server say how they are."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.kit import OPORD, Shop, order

WORKER = ("worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers")
SERVE = ("serve", "--contract", "desk.opord", "--port", "0")


class Watched:
    """A command at work, and the address of its metrics."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(iter(self.process.stderr.readline, ""))

    def ask(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.address}{path}", timeout=20) as answer:
            return str(answer.read().decode())

    @property
    def address(self) -> str:
        return self.until(lambda: re.search(r"metrics and health at (\S+)", "".join(self.said)))[1]

    def until(self, found: Callable[[], re.Match[str] | None]) -> re.Match[str]:
        for _ in range(600):
            if match := found():
                return match
            time.sleep(0.05)
        raise AssertionError("".join(self.said))


@contextmanager
def running(shop: Shop, *command: str) -> Iterator[Watched]:
    with subprocess.Popen(
        [*OPORD, *command, "--metrics", "127.0.0.1:0"], cwd=shop.folder, stderr=subprocess.PIPE, text=True
    ) as process:
        here = Watched(process)
        try:
            yield here
        finally:
            process.kill()
            here.reader.join(30)


@pytest.mark.parametrize("command", [WORKER, SERVE], ids=["worker", "serve"])
def test_a_process_serves_its_metrics_and_its_health(shop: Shop, command: tuple[str, ...]) -> None:
    assert shop.opord("runs", "start", "desk.opord", "--input", order("o1")).status == 0
    with running(shop, *command) as here:
        assert here.ask("/livez") == "ok\n"
        here.until(lambda: re.search(r'opord_runs\{contract="Desk"', here.ask("/metrics")))
        assert here.ask("/readyz") == "ok\n"
        here.process.send_signal(signal.SIGTERM)
        assert here.process.wait(30) == 0
        with pytest.raises(OSError, match="refused"):
            here.ask("/livez")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("9000", "expected for --metrics a host and a port, as in 127.0.0.1:9000, got: 9000"),
        ("127.0.0.1:99999", "expected for --metrics a host and a port"),
        ("203.0.113.7:9000", "cannot listen on 203.0.113.7:9000"),
    ],
)
@pytest.mark.parametrize("command", [WORKER, SERVE], ids=["worker", "serve"])
def test_an_address_that_cannot_be_used_is_refused(
    shop: Shop, command: tuple[str, ...], address: str, said: str
) -> None:
    ran = shop.process(*command, "--metrics", address)
    assert (ran.status, said in ran.err) == (2, True), ran.err
