"""What some tests need of a machine beside Python, and whether it is there.

A test that needs it is marked (`needs("bind mounts")`). On a machine without it the test is left
out, and the head of the test run says so.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

from tests.support.mounts import Mounts, can_mount
from tests.support.postgres import binaries_with_tls

Need: TypeAlias = Literal["bind mounts", "overlays", "small disks", "poolers", "servers with TLS"]

POOLER = Path("/usr/sbin/pgbouncer")
"""PgBouncer, as Debian's package has it."""


@cache
def is_met(need: Need) -> bool:
    """Say whether this machine has what some tests need."""
    match need:
        case "bind mounts" | "overlays":
            mounts: Mounts = need
            return can_mount(mounts)
        case "small disks":
            return _can_mount_a_small_disk()
        case "poolers":
            return POOLER.exists()
        case "servers with TLS":
            return binaries_with_tls() is not None
        case _:
            assert_never(need)


def _can_mount_a_small_disk() -> bool:
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True).returncode:
            return False
        return subprocess.run(["umount", folder], capture_output=True).returncode == 0
