"""A wall clock that all processes of a siege share, and that can be set while they run.

It is the machine's clock plus an offset. The offset is in a small file that every process has
mapped into its memory.
"""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

_FORM = struct.Struct("<qq")


class SharedClock:
    """The clock of a machine, in microseconds since 1970 UTC."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_FORM.pack(0, 0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _FORM.size)

    def now(self) -> int:
        """Read the clock."""
        moved, stands_at = _FORM.unpack_from(self._memory)
        return int(stands_at or time.time_ns() // 1000 + moved)

    def jump(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        moved, stands_at = _FORM.unpack_from(self._memory)
        _FORM.pack_into(self._memory, 0, moved + int(seconds * 1e6), stands_at)

    def freeze(self) -> None:
        """Stop the clock."""
        now = self.now()
        moved, _ = _FORM.unpack_from(self._memory)
        _FORM.pack_into(self._memory, 0, moved, now)

    def thaw(self) -> None:
        """Let the clock go on, as if it had never been stopped."""
        moved, _ = _FORM.unpack_from(self._memory)
        _FORM.pack_into(self._memory, 0, moved, 0)
