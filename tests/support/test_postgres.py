"""The PostgreSQL servers of tests end with the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
from tests.support.postgres import Server, new_folder

server = Server(new_folder())
server.make()
server.start()
print(server.folder, server._process.pid, flush=True)
input()
"""


def _runs(process: str) -> bool:
    return Path(f"/proc/{process}/exe").exists()


def test_the_server_of_a_killed_process_ends_and_leaves_no_folder() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        folder, server = process.stdout.readline().split()
        assert _runs(server)
        assert Path(folder).is_dir()
        process.kill()
    end = time.monotonic() + 30
    while _runs(server) or Path(folder).exists():
        assert time.monotonic() < end, f"the server {server} in {folder} outlives the tests"
        time.sleep(0.02)
