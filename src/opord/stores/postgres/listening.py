"""Hear when another handle has made work: a hint, on a connection of its own, heard by a thread.

A notice may be lost, or come twice, so whoever waits for work also looks at the store now and then.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable
from typing import Final

from opord.stores.base import StoreError
from opord.stores.postgres.connections import Connection, Connections

log: logging.Logger = logging.getLogger("opord.store")

WAIT_S: Final = 1.0
"""How long the thread waits for a notice before it looks whether it is still wanted."""

PAUSE_S: Final = 2.0
"""How long it waits before it connects again."""


class Listening:
    """The thread that hears notices for a handle, while somebody wants to hear them."""

    def __init__(self, connections: Connections) -> None:
        """Listen over connections like these."""
        self.handle: str = uuid.uuid4().hex[:12]
        self.channel: str = f"opord_{connections.location.schema}"[:63]
        self._connections = connections
        self._lock = threading.Lock()
        self._wakes: dict[object, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None
        self._pid = 0

    def add(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` at each notice from now on. Return a function that ends this."""
        key = object()
        if self._pid != os.getpid():
            # A child has neither its parent's thread nor, perhaps, a lock that is free.
            self._lock, self._wakes, self._thread, self._pid = threading.Lock(), {}, None, os.getpid()
        with self._lock:
            self._wakes[key] = wake
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._listen, name="opord-listen", daemon=True)
                self._thread.start()

        def stop() -> None:
            with self._lock:
                self._wakes.pop(key, None)

        return stop

    def close(self) -> None:
        """End the thread soon."""
        with self._lock:
            self._wakes.clear()

    def _listen(self) -> None:
        while self._wanted():
            try:
                with self._connections.own() as connection:
                    connection.execute(f"LISTEN {self.channel}", prepare=False)
                    self._call()  # what came before is not heard
                    self._hear(connection)
            except StoreError as error:
                log.debug("no notices are heard for now: %s", error)
                threading.Event().wait(PAUSE_S)

    def _hear(self, connection: Connection) -> None:
        while self._wanted():
            heard = [one.payload for one in connection.notifies(timeout=WAIT_S, stop_after=1)]
            if any(payload != self.handle for payload in heard):
                self._call()

    def _wanted(self) -> bool:
        """Say whether anybody wants to hear; if not, this thread ends."""
        with self._lock:
            if not self._wakes:
                self._thread = None
            return bool(self._wakes)

    def _call(self) -> None:
        with self._lock:
            wakes = list(self._wakes.values())
        for wake in wakes:
            wake()
