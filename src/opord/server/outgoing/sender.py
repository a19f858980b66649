"""Send what waits in the outbox: in order for each run and endpoint, again until it is received.

One process sends to an endpoint, under a lease. It has many runs' messages under way at once, and
of each run one. While an endpoint fails throughout, it gets one message at a time, with growing
pauses; when it answers again, all that waits is due at once.

A message that was received is taken out after the answer. So if this process dies in between, it is
sent again, with the same id.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from opord.backends.base import Backend
from opord.backends.shown import Shown
from opord.kernel.outgoing import OutgoingMessage, SendingLease, Tried
from opord.server.outgoing.content import Content, content_of
from opord.server.outgoing.posting import TIMEOUT_S, Posted, Poster
from opord.server.outgoing.schedule import next_try
from opord.server.outgoing.signing import signed
from opord.server.outgoing.target import Target
from opord.values.types import Duration, RunId

log: logging.Logger = logging.getLogger("opord.webhooks")

AT_ONCE: Final = 16
"""How many messages to an endpoint are under way at once."""

LOOK_S: Final = 0.2
"""How often an endpoint's messages are looked for while none waits, in seconds."""

LEASE_S: Final = 45.0
"""How long a process may send to an endpoint without a sign of life, in seconds."""

RENEW_S: Final = 10.0
"""How often the lease is renewed, in seconds."""

GIVE_BACK_S: Final = 2.0
"""How long a process that stops may take to give its leases back, in seconds."""

FAILING_FROM: Final = 5
"""After how many failures without a success an endpoint gets one message at a time."""

FAILING_PAUSE_S_MOST: Final = 60.0
"""The longest pause between two messages to an endpoint that fails, in seconds."""

GONE: Final = 410
"""The status by which a receiver says that it wants no more."""


class Posts(Protocol):
    """What posts to an endpoint."""

    async def post(self, headers: dict[str, str], body: bytes) -> Posted:
        """Post a body once, and say what became of it."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class Sender:
    """Sends to the endpoints of this process's settings, those that no other process sends to."""

    def __init__(
        self,
        backend: Backend,
        targets: Sequence[Target],
        poster: Callable[[Target], Posts],
        *,
        name: str,
        drain_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to send. `name` is that of this process.

        When it is stopped, messages under way may go on for `drain_s` seconds.
        """
        self._backend, self._name, self._monotonic = backend, name, monotonic
        self._drain_s = drain_s
        self._targets = {one.name: one for one in targets}
        self._poster = poster
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._lines: dict[str, Line] = {}

    async def run(self) -> None:
        """Send until this is cancelled. Messages under way then are let end for a while."""
        try:
            while True:
                try:
                    await self._take_leases()
                except Exception:
                    log.exception("webhooks: cannot read the outbox; trying again in %g s", RENEW_S)
                await asyncio.sleep(RENEW_S)
        finally:
            await self._end()

    async def _take_leases(self) -> None:
        began = self._monotonic()
        ttl_us = Duration(int(LEASE_S * 1_000_000))
        names = sorted(self._targets)
        leases = await self._backend.write_outbox(lambda box: box.lease(self._name, names, ttl_us=ttl_us))
        for lease in leases:
            line = self._lines.get(lease.name)
            if line is not None and line.lease == lease:
                line.valid_until = began + LEASE_S - TIMEOUT_S
        held = {one.name: one for one in leases}
        await self._drop(
            *(name for name, line in self._lines.items() if not self._goes_on(line, held.get(name)))
        )
        for name in held.keys() - self._lines.keys():
            target = self._targets[name]
            line = Line(self._backend, target, self._poster(target), held[name], self._monotonic)
            line.valid_until = began + LEASE_S - TIMEOUT_S
            self._lines[name] = line
            self._tasks[name] = asyncio.create_task(line.run(), name=f"webhooks to {name}")

    def _goes_on(self, line: Line, lease: SendingLease | None) -> bool:
        """Say whether a line has its lease still, and has not failed."""
        task = self._tasks[line.lease.name]
        if task.done() and not task.cancelled() and task.exception() is not None:
            log.error("webhooks to %s: restarted after an error", line.lease.name, exc_info=task.exception())
        return line.lease == lease and not task.done()

    async def _drop(self, *names: str) -> None:
        """Stop to send to endpoints."""
        await asyncio.gather(*map(self._drop_one, names))

    async def _drop_one(self, name: str) -> None:
        line, task = self._lines.pop(name, None), self._tasks.pop(name, None)
        if line is not None and task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            try:
                await line.close(self._drain_s)
            except Exception:
                log.exception(
                    "webhooks to %s: cannot keep what was sent last; it may be sent once more", name
                )

    async def _end(self) -> None:
        await self._drop(*self._lines)
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                await self._backend.write_outbox(lambda box: box.give_back(self._name))
        except TimeoutError:
            log.warning("webhooks: the store is away; other processes send in %g s", LEASE_S)


class Line:
    """What is under way to one endpoint."""

    def __init__(
        self,
        backend: Backend,
        target: Target,
        posts: Posts,
        lease: SendingLease,
        monotonic: Callable[[], float],
    ) -> None:
        self.lease = lease
        self.valid_until: float = monotonic()
        self._backend, self._target, self._posts, self._monotonic = backend, target, posts, monotonic
        self._shown = Shown(backend)
        self._under_way: dict[RunId, asyncio.Task[Tried | None]] = {}
        self._failures = 0
        self._answers_again = False
        self._not_before = monotonic()

    async def run(self) -> None:
        """Send what is due, as long as the lease is held."""
        while True:
            await self._begin()
            if self._under_way:
                await asyncio.wait(
                    self._under_way.values(), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                await self._keep()
            else:
                await asyncio.sleep(LOOK_S)

    async def close(self, within_s: float) -> None:
        """Let what is under way end, keep what became of it, and close the connections.

        What takes longer than `within_s` seconds is cancelled.
        """
        try:
            async with asyncio.timeout(within_s):
                if self._under_way:
                    await asyncio.wait(self._under_way.values())
                    await self._keep()
        except TimeoutError:
            log.warning(
                "webhooks to %s: %d messages were still under way after %g s; they may be sent once more",
                self._target.name, len(self._under_way), within_s,
            )  # fmt: skip
        finally:
            late = list(self._under_way.values())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            await self._posts.close()

    async def _begin(self) -> None:
        if self._answers_again:
            self._answers_again = False
            await self._backend.write_outbox(lambda box: box.wake(self.lease))
        now = self._monotonic()
        room = (1 if self._is_failing else AT_ONCE) - len(self._under_way)
        if room <= 0 or now >= self.valid_until or now < self._not_before:
            return
        most = room + len(self._under_way)
        due = await self._backend.read_outbox(lambda box: box.due(self.lease, limit=most))
        for message in due:
            if message.run not in self._under_way and room > 0 and self._monotonic() < self.valid_until:
                room -= 1
                self._under_way[message.run] = asyncio.create_task(self._send(message))

    @property
    def _is_failing(self) -> bool:
        return self._failures >= FAILING_FROM

    async def _send(self, message: OutgoingMessage) -> Tried | None:
        """Send a message once; None if it was not tried, as the lease ended before.

        Whatever goes wrong with a message does not stop the others.
        """
        try:
            wanted = self._target.settings
            content = await content_of(self._shown.afresh(), message, wanted.subscription, wanted.format)
            if self._monotonic() >= self.valid_until:
                return None  # the store kept it waiting, and another process may send now
            answer = Posted(200) if content is None else await self._post(content)
        except Exception as error:
            log.exception("webhooks to %s: the message of %s cannot be made", self._target.name, message.run)
            answer = Posted(0, f"the message cannot be made ({type(error).__name__})")
        now = await self._backend.now()
        if not answer.trouble:
            return Tried(message, True, now)
        if answer.status == GONE:
            await self._stop(answer)
        next_at = next_try(
            message.attempts + 1, message.first_at or now, now, asked_s=answer.asked_s, random=random.random
        )
        return Tried(message, False, now, next_at, answer.trouble)

    async def _post(self, content: Content) -> Posted:
        answer = await self._posts.post(headers_of(self._target, content), content.body)
        self._note(answer)
        return answer

    def _note(self, answer: Posted) -> None:
        """Note whether the endpoint answers."""
        name = self._target.name
        if not answer.trouble:
            if self._is_failing:
                log.info("webhooks to %s: it answers again", name)
                self._not_before, self._answers_again = self._monotonic(), True
            self._failures = 0
            return
        self._failures += 1
        if self._failures == FAILING_FROM:
            log.warning(
                "webhooks to %s: %d attempts in a row have failed, the last one with: %s; they are repeated for three "
                "days; `opord webhooks show %s`",
                name, self._failures, answer.trouble, name,
            )  # fmt: skip
        if self._is_failing:
            pause_s = min(2.0 ** min(self._failures - FAILING_FROM, 10), FAILING_PAUSE_S_MOST)
            self._not_before = self._monotonic() + pause_s

    async def _stop(self, answer: Posted) -> None:
        name = self._target.name
        log.warning(
            "webhooks to %s: %s: it wants no more, and gets none; what waits is kept; `opord webhooks resume %s`",
            name, answer.trouble, name,
        )  # fmt: skip
        self.valid_until = self._monotonic()
        await self._backend.write_outbox(lambda box: box.stop(self.lease, answer.trouble))

    async def _keep(self) -> None:
        """Keep what became of messages."""
        done = [run for run, task in self._under_way.items() if task.done()]
        ended = [tried for run in done if (tried := self._result(self._under_way[run])) is not None]
        if ended and not await self._backend.write_outbox(lambda box: box.sent(self.lease, ended)):
            self.valid_until = self._monotonic()  # somebody else sends now, and sends these again
        for run in done:
            del self._under_way[run]
        for one in ended:
            if not one.done and one.next_at is None:
                log.warning(
                    "webhooks to %s: a message of %s is given up after %d attempts: %s; `opord webhooks retry %s %d` "
                    "sends it after all",
                    self._target.name, one.message.run, one.message.attempts + 1, one.trouble, self._target.name,
                    one.message.id,
                )  # fmt: skip

    def _result(self, task: asyncio.Task[Tried | None]) -> Tried | None:
        """Return what became of a message; None if it is unknown, and sent again."""
        if task.cancelled():
            return None
        error = task.exception()
        if error is None:
            return task.result()
        log.error(
            "webhooks to %s: it is unknown whether a message was received; it is sent again in %g s",
            self._target.name, RENEW_S, exc_info=error,
        )  # fmt: skip
        self._not_before = self._monotonic() + RENEW_S
        return None


def headers_of(target: Target, content: Content) -> dict[str, str]:
    """Return the headers of a message that is sent now."""
    return {
        "content-type": content.media_type,
        "user-agent": "opord",
        **signed(target.keys, content.id, int(time.time()), content.body),
    }


def poster_of(target: Target) -> Poster:
    """Return what posts to an endpoint."""
    wanted = target.settings
    return Poster(wanted.url, allow_private=wanted.allow_private, connections=AT_ONCE)


def own_name() -> str:
    """Return a name for this process that no other has."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
