"""Say when one machine has more workers than cores for them.

Workers of a store take turns to write. Up to the number of cores they carry more together; beyond
it, they only take time from each other.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import NamedTuple

from opord.engine.environment import machine_of


class Crowd(NamedTuple):
    """The live workers of this machine that serve one store, and the cores they share."""

    workers: int
    cores: int

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.workers} live workers of this machine serve the store, and it has {cores} for them"


def crowd_here(workers: Iterable[str], *, cores: int | None = None) -> Crowd | None:
    """Return the crowd of this machine among live workers; None if it has enough cores.

    Workers in containers have machines of their own, by their names.
    """
    here = socket.gethostname()
    crowd = Crowd(sum(machine_of(worker) == here for worker in workers), cores or usable_cores())
    return crowd if crowd.workers > crowd.cores else None


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
