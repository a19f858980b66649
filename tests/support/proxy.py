"""A proxy on loopback that breaks a connection before a request arrives, or before its answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from typing import Self

SIZE = 1 << 20


class Proxy:
    """Passes bytes to a port of this machine, and breaks a connection when it is told to."""

    def __init__(self, port: int, *, at: int = 0) -> None:
        """Pass bytes to `port`; listen at a port of its own, or at `at`."""
        self.to = port
        self._listener = socket.create_server(("127.0.0.1", at))
        self.port: int = self._listener.getsockname()[1]
        self.cuts: list[str] = []
        self._armed: deque[str] = deque()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        # A thread that waits in accept() keeps the port until it is woken.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def arm(self, when: str) -> None:
        """Break the connection of a next request `before` it arrives, or `after` its answer."""
        self._armed.append(when)

    def arm_nth(self, nth: int, when: str) -> None:
        """Break the connection of the nth request from now on, counted from 1."""
        self._armed.extend([""] * (nth - 1))
        self._armed.append(when)

    def disarm(self) -> bool:
        """Break nothing more. Return whether something would have been broken."""
        armed = bool(self._armed)
        self._armed.clear()
        return armed

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.to))
                except OSError:
                    client.close()
                    continue
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        deaf = threading.Event()
        answered = threading.Event()
        back = threading.Thread(target=self._answers, args=(server, client, deaf, answered), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while data := client.recv(SIZE):
                now = self._next()
                if now == "before":
                    break
                if now == "after":
                    deaf.set()
                server.sendall(data)
                if now == "after":
                    answered.wait(10)
                    break
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        back.join()
        client.close()
        server.close()

    def _next(self) -> str:
        """Return where the connection of this request breaks; empty if it does not."""
        try:
            self.cuts.append(self._armed.popleft())
        except IndexError:
            return ""
        return self.cuts[-1]

    def _answers(
        self, server: socket.socket, client: socket.socket, deaf: threading.Event, answered: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(SIZE):
                if deaf.is_set():
                    answered.set()
                else:
                    client.sendall(data)
        answered.set()
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
