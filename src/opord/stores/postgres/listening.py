"""Hear when another handle has made work: a hint, on a connection of its own, heard by a thread.

The thread passes each notice on to the bells, which are pipes. A notice may be lost, or come twice,
so whoever listens also looks at the store now and then.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from opord.stores.base import StoreError
from opord.stores.bell import Ring, Rings
from opord.stores.postgres.connections import Connection, Connections

log: logging.Logger = logging.getLogger("opord.store")

WAIT_S: Final = 1.0
"""How long the thread waits for a notice before it looks whether it is still wanted."""

PAUSE_S: Final = 2.0
"""How long it waits before it connects again."""

_LETTERS: Final[dict[Ring, str]] = {"work": "w", "end": "e"}
_ALL: Final = "".join(_LETTERS.values())


class PipeBell:
    """A bell that a thread rings."""

    def __init__(self, ring: Ring, forget: Callable[[PipeBell], None]) -> None:
        self.letter: str = _LETTERS[ring]
        self._forget = forget
        self._hears, self._rings = os.pipe()
        os.set_blocking(self._hears, False)
        os.set_blocking(self._rings, False)

    def fileno(self) -> int:
        return self._hears

    def heard(self) -> None:
        with suppress(OSError):  # nothing to read
            os.read(self._hears, 4096)

    def ring(self) -> None:
        """Ring it, from any thread. A full pipe has rung already."""
        with suppress(BlockingIOError):
            os.write(self._rings, b"!")

    def close(self) -> None:
        self._forget(self)
        for descriptor in (self._hears, self._rings):
            if descriptor >= 0:
                os.close(descriptor)
        self._hears = self._rings = -1


class Listening:
    """The thread that hears notices for a handle, while there are bells to ring."""

    def __init__(self, connections: Connections) -> None:
        """Listen over connections like these."""
        self.handle: str = uuid.uuid4().hex[:12]
        self.channel: str = f"opord_{connections.location.schema}"[:63]
        self._connections = connections
        self._lock = threading.Lock()
        self._bells: set[PipeBell] = set()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def text(self, rings: Rings) -> str:
        """Return the text of a notice: who sends it, and what it rings for."""
        return f"{self.handle} {'w' * rings.work}{'e' * rings.end}"

    def add(self, ring: Ring) -> PipeBell:
        """Return a bell that rings at each notice of that kind from now on."""
        if self._pid != os.getpid():
            # A child has neither its parent's thread nor, perhaps, a lock that is free.
            self._lock, self._bells, self._thread, self._pid = threading.Lock(), set(), None, os.getpid()
        bell = PipeBell(ring, self._remove)
        with self._lock:
            self._bells.add(bell)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._listen, name="opord-listen", daemon=True)
                self._thread.start()
        return bell

    def _remove(self, bell: PipeBell) -> None:
        with self._lock:
            self._bells.discard(bell)

    def close(self) -> None:
        """End the thread soon."""
        with self._lock:
            self._bells.clear()

    def _listen(self) -> None:
        while self._wanted():
            try:
                with self._connections.own() as connection:
                    connection.execute(f"LISTEN {self.channel}", prepare=False)
                    self._ring(_ALL)  # what came before is not heard
                    self._hear(connection)
            except StoreError as error:
                log.debug("no notices are heard for now: %s", error)
                threading.Event().wait(PAUSE_S)

    def _hear(self, connection: Connection) -> None:
        while self._wanted():
            for notice in connection.notifies(timeout=WAIT_S, stop_after=1):
                # An older version sends its name alone.
                sender, _, letters = notice.payload.partition(" ")
                if sender != self.handle:
                    self._ring(letters or _ALL)

    def _wanted(self) -> bool:
        """Say whether there are bells to ring; if not, this thread ends."""
        with self._lock:
            if not self._bells:
                self._thread = None
            return bool(self._bells)

    def _ring(self, letters: str) -> None:
        with self._lock:
            for bell in self._bells:
                if bell.letter in letters:
                    bell.ring()
