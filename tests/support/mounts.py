"""Commands that see mounts of their own, in a mount namespace that ends with them.

Not every machine allows its users to make one; see `needs.py`.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

Mounts: TypeAlias = Literal["bind mounts", "overlays"]

_SPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
_BIND = 'mount --bind "$1" "$2" && '
_OVERLAY = (
    'mkdir -p "$2/changes" && mount -t tmpfs tmpfs "$2/changes" && mkdir "$2/changes/upper" "$2/changes/work" && '
    'mount -t overlay -o "userxattr,lowerdir=$1,upperdir=$2/changes/upper,workdir=$2/changes/work" overlay "$1" && '
)


_MOUNTING: dict[Mounts, str] = {"bind mounts": _BIND, "overlays": _OVERLAY}


def with_mount(source: Path, target: Path, command: Sequence[str]) -> list[str]:
    """Return the command as one that sees `source` mounted on `target`."""
    return _mounting(_BIND, source, target, command)


def with_overlay(folder: Path, room: Path, command: Sequence[str]) -> list[str]:
    """Return the command as one that sees `folder` as an overlay over itself.

    Its changes are kept in memory.
    """
    return _mounting(_OVERLAY, folder, room, command)


@cache
def can_mount(need: Mounts) -> bool:
    """Say whether this machine allows such mounts."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder) / "one", Path(folder) / "other"
        one.mkdir()
        other.mkdir()
        try:
            return (
                subprocess.run(
                    _mounting(_MOUNTING[need], one, other, ["true"]), capture_output=True
                ).returncode
                == 0
            )
        except OSError:
            return False


def _mounting(mounting: str, one: Path, other: Path, command: Sequence[str]) -> list[str]:
    return [*_SPACE, f'{mounting}shift 2 && exec "$@"', "sh", str(one), str(other), *command]
