"""The machine, the day, the load and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from bench.peers.installing import Installed
from bench.run import syncs_a_second


def described(folder: Path, installed: Installed) -> dict[str, Any]:
    """Describe this machine, with the disk of a folder."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "kernel": platform.release().partition("-")[0],
        "syncs_a_second": round(syncs_a_second(folder)),
        "load": round(os.getloadavg()[0], 1),
        "versions": installed.versions(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
