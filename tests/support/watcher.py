"""Ends the PostgreSQL servers of a test process that is no more, and removes their folders.

    python watcher.py

Its input is a pipe from that process: a folder a line. The pipe ends when the process does, also if
it was killed. Then each folder that is still there is removed, and a server that runs in it is told
to stop at once.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

LONGEST_S = 30.0


def main() -> None:
    """Wait for the end of the input, then clean up."""
    folders = [Path(line.rstrip("\n")) for line in sys.stdin]
    for folder in folders:
        with suppress(OSError, ValueError):
            _stop(folder / "data")
    end = time.monotonic() + LONGEST_S
    while (left := [folder for folder in folders if folder.exists()]) and time.monotonic() < end:
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)  # a server that stops may still write
        time.sleep(0.05)


def _stop(data: Path) -> None:
    """Stop the server of a cluster.

    Its file names a process; the folder that the process stands in says whether it is the server.
    """
    process = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    if Path(f"/proc/{process}/cwd").samefile(data):
        os.kill(process, signal.SIGQUIT)


if __name__ == "__main__":
    # Who ends the tests from a terminal, or by their group, does not end their watcher.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    main()
