"""The outbox: messages to other programs, written in the transaction of what they tell of.

A store's own triggers write them, so every process that moves a run does, whatever its settings
say. They are made with the first endpoint and removed with the last one. All else is here, over the
statements of `outbox.sql`, and so the same in each store.

Messages of a run are sent to an endpoint in the order of its records: a queue for each run and
endpoint says when the first of them is tried next. One process sends to an endpoint, under a lease;
what a process writes that lost it is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from opord.kernel.outgoing import Endpoint, OutgoingMessage, SendingLease, Subscription, Tried
from opord.stores.permits import Executes, Ground, statements_of
from opord.values.types import START_OF_TIME, Duration, Instant, RunId


class Outbox(Protocol):
    """What a store does for messages to other programs. Every verb happens as a whole."""

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints by name, with what waits for each. It counts their messages."""
        ...

    def subscribe(self, wanted: Sequence[Subscription]) -> list[str]:
        """Keep subscriptions in place of those of the same endpoints.

        Return the endpoints that are new or changed. A new one is told what is written by
        transactions that begin after this.
        """
        ...

    def unsubscribe(self, endpoint: str) -> int | None:
        """Forget an endpoint with its messages, and return their number.

        The result is None if there is no such endpoint.
        """
        ...

    def lease(self, sender: str, endpoints: Collection[str], *, ttl_us: Duration) -> list[SendingLease]:
        """Take or keep the right to send to these endpoints until now + `ttl_us`.

        Those that another sender has, and those that are stopped, are left out.
        """
        ...

    def give_back(self, sender: str) -> None:
        """Give all leases of a sender back."""
        ...

    def due(self, lease: SendingLease, *, limit: int) -> list[OutgoingMessage]:
        """Return the first message of each of up to `limit` runs whose turn has come.

        The longest due comes first.
        """
        ...

    def next_due(self, lease: SendingLease) -> Instant | None:
        """Return from when on a message is due; None if none waits."""
        ...

    def sent(self, lease: SendingLease, results: Sequence[Tried]) -> bool:
        """Keep what became of messages. Return False, and keep nothing, if the lease was lost.

        Repeating a call does no harm.
        """
        ...

    def wake(self, lease: SendingLease) -> None:
        """Make all messages of an endpoint due, as it answers again."""
        ...

    def stop(self, lease: SendingLease, reason: str) -> None:
        """Send nothing to an endpoint until `resume`. Messages are still written."""
        ...

    def resume(self, endpoint: str) -> bool:
        """Send to a stopped endpoint again. Return False if there is no such endpoint."""
        ...

    def messages(self, endpoint: str, *, given_up: bool, after: int = 0, limit: int) -> list[OutgoingMessage]:
        """Return messages of an endpoint that wait, or that were given up, oldest first."""
        ...

    def message(self, endpoint: str, id: int) -> OutgoingMessage | None:
        """Return a message; None if it was sent or never was."""
        ...

    def retry(self, endpoint: str, ids: Collection[int]) -> int:
        """Let messages that were given up be sent after all, and return their number."""
        ...

    def drop(self, endpoint: str, ids: Collection[int]) -> int:
        """Forget messages unsent, and return their number."""
        ...


class OutboxDesk:
    """Implements `Outbox` over the ground of a store."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    # --- endpoints -------------------------------------------------------------------------------

    def endpoints(self) -> list[Endpoint]:
        with self._ground.reads() as executes:
            return [
                Endpoint(id, _subscription(*subscription), *rest)
                for id, *columns in executes("endpoints", ())
                for subscription, rest in [(columns[:5], columns[5:])]
            ]

    def subscribe(self, wanted: Sequence[Subscription]) -> list[str]:
        with self._ground.reads() as executes:
            known = subscriptions(executes).values()
        new = [one for one in wanted if one not in known]
        if not new:
            return []

        def subscribe(executes: Executes, now: Instant) -> None:
            executes("begin_telling", ())
            for one in sorted(new, key=lambda one: one.endpoint):
                contracts = f" {' '.join(one.contracts)} " if one.contracts else ""
                told = (int(one.moves), int(one.ends), int(one.needs))
                executes("subscribe", (one.endpoint, contracts, *told, now))

        self._ground.writes(subscribe)
        return [one.endpoint for one in new]

    def unsubscribe(self, endpoint: str) -> int | None:
        def unsubscribe(executes: Executes, now: Instant) -> int | None:
            for (number,) in executes("unsubscribe", (endpoint,)):
                ((dropped,),) = executes("count_messages", (number,))
                _drop_messages(executes, number)
                if not executes("any_endpoint", ()):
                    executes("end_telling", ())
                _drop_left_over(executes)
                return int(dropped)
            return None

        return self._ground.writes(unsubscribe)

    def resume(self, endpoint: str) -> bool:
        def resume(executes: Executes, now: Instant) -> bool:
            executes("resume_endpoint", (endpoint,))
            return bool(executes("endpoint_named", (endpoint,)))

        return self._ground.writes(resume)

    # --- leases ----------------------------------------------------------------------------------

    def lease(self, sender: str, endpoints: Collection[str], *, ttl_us: Duration) -> list[SendingLease]:
        def lease(executes: Executes, now: Instant) -> list[SendingLease]:
            _drop_left_over(executes)
            leases = []
            for number, name, epoch, holder in executes("free_endpoints", (_json(endpoints), sender, now)):
                epoch += holder != sender
                executes("lease_endpoint", (number, sender, epoch, now + ttl_us))
                leases.append(SendingLease(number, name, sender, epoch))
            return leases

        return self._ground.writes(lease) if endpoints else []

    def give_back(self, sender: str) -> None:
        self._ground.writes(lambda executes, now: executes("give_endpoints_back", (sender,)))

    # --- sending ---------------------------------------------------------------------------------

    def due(self, lease: SendingLease, *, limit: int) -> list[OutgoingMessage]:
        with self._ground.reads() as executes:
            return [
                OutgoingMessage(*row)
                for row in executes("due_messages", (lease.endpoint, self._ground.now(), limit))
            ]

    def next_due(self, lease: SendingLease) -> Instant | None:
        with self._ground.reads() as executes:
            ((instant,),) = executes("next_message", (lease.endpoint,))
        return None if instant is None else Instant(instant)

    def sent(self, lease: SendingLease, results: Sequence[Tried]) -> bool:
        def sent(executes: Executes, now: Instant) -> bool:
            if not _holds(executes, lease):
                return False
            for one in sorted(results, key=lambda one: one.message.run):
                _keep(executes, one)
            return True

        return self._ground.writes(sent)

    def wake(self, lease: SendingLease) -> None:
        def wake(executes: Executes, now: Instant) -> None:
            if _holds(executes, lease):
                executes("wake_messages", (lease.endpoint, now))

        self._ground.writes(wake)

    def stop(self, lease: SendingLease, reason: str) -> None:
        def stop(executes: Executes, now: Instant) -> None:
            if _holds(executes, lease):
                executes("stop_endpoint", (lease.endpoint, reason))

        self._ground.writes(stop)

    # --- what a person sees and does --------------------------------------------------------------

    def messages(self, endpoint: str, *, given_up: bool, after: int = 0, limit: int) -> list[OutgoingMessage]:
        with self._ground.reads() as executes:
            return [
                OutgoingMessage(*row)
                for (number,) in executes("endpoint_named", (endpoint,))
                for row in executes("messages_of", (number, int(given_up), after, limit))
            ]

    def message(self, endpoint: str, id: int) -> OutgoingMessage | None:
        with self._ground.reads() as executes:
            for (number,) in executes("endpoint_named", (endpoint,)):
                for row in executes("message", (number, id)):
                    return OutgoingMessage(*row)
        return None

    def retry(self, endpoint: str, ids: Collection[int]) -> int:
        def retry(executes: Executes, now: Instant) -> int:
            retried = [
                row
                for (number,) in executes("endpoint_named", (endpoint,))
                for id in sorted(ids)
                for row in executes("retry_message", (number, id))
            ]
            for number, run in sorted(retried):
                executes("one_more", (number, run))
            return len(retried)

        return self._ground.writes(retry)

    def drop(self, endpoint: str, ids: Collection[int]) -> int:
        def drop(executes: Executes, now: Instant) -> int:
            dropped = [
                row
                for (number,) in executes("endpoint_named", (endpoint,))
                for id in sorted(ids)
                for row in executes("drop_message", (number, id))
            ]
            for number, run, given_up in sorted(dropped):
                if not given_up:
                    _one_less(executes, number, run)
            return len(dropped)

        return self._ground.writes(drop)


def subscriptions(executes: Executes) -> dict[int, Subscription]:
    """Return the subscriptions by the numbers of their endpoints."""
    return {number: _subscription(*columns) for number, *columns in executes("subscribed", ())}


def kept_back(executes: Executes, runs: Collection[RunId]) -> set[RunId]:
    """Return those of these runs that a message tells of. They must not be pruned."""
    return {RunId(run) for (run,) in executes("kept_back", (_json(runs),))}


def _subscription(name: str, contracts: str, moves: int, ends: int, needs: int) -> Subscription:
    return Subscription(name, tuple(contracts.split()), bool(moves), bool(ends), bool(needs))


def _drop_messages(executes: Executes, endpoint: int) -> None:
    executes("drop_messages", (endpoint,))
    executes("drop_queue", (endpoint,))


def _drop_left_over(executes: Executes) -> None:
    """Drop messages of endpoints that are gone: a transaction that was open then wrote them."""
    for (number,) in executes("gone_endpoints", ()):
        _drop_messages(executes, number)


def _holds(executes: Executes, lease: SendingLease) -> bool:
    """Lock the endpoint, and say whether the lease is still the sender's."""
    return bool(executes("holds_endpoint", (lease.endpoint, lease.sender, lease.epoch)))


def _keep(executes: Executes, tried: Tried) -> None:
    message = tried.message
    if tried.done:
        if executes("message_done", (message.id,)):
            _one_less(executes, message.endpoint, message.run)
        return
    given_up = tried.next_at is None
    if executes("message_failed", (message.id, tried.at, tried.trouble, int(given_up), message.attempts + 1)):
        if given_up:
            _one_less(executes, message.endpoint, message.run)
        else:
            executes("put_off", (message.endpoint, message.run, tried.next_at))


def _one_less(executes: Executes, endpoint: int, run: str) -> None:
    """Take a message out of the queue of its run. The next one is due at once."""
    executes("one_less", (endpoint, run, START_OF_TIME))
    executes("end_queued", (endpoint, run))


@cache
def statements() -> dict[str, str]:
    """Return the statements of `outbox.sql` by name."""
    return statements_of(Path(__file__).parent / "outbox.sql")


def _json(items: Any) -> str:
    return msgspec.json.encode(list(items)).decode()
