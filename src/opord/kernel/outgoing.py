"""Messages that tell other programs of runs: what is subscribed to, and what waits to be sent."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from opord.kernel.rows import Row
from opord.values.types import START_OF_TIME, Instant, RunId

What: TypeAlias = Literal["move", "alarm", "doubt", "stalled", "collision"]
"""What a message tells of: that a run moved, its start and end included, or a need that began."""

_WHATS: Final[dict[str, What]] = {what: what for what in get_args(What)}

NEEDS_TOLD: Final = ("doubt", "stalled", "collision")
"""The needs that the column of a run says. Of an alarm there is a record, and each is told."""

MOVES: Final = ("started", "transition", "terminated")
"""The kinds of records by which a run enters a state or ends."""


def known_what(word: object) -> What | None:
    """Return what a stored message tells of; None if this version does not know it."""
    return _WHATS.get(word) if isinstance(word, str) else None


class Subscription(Row, frozen=True):
    """What an endpoint is told of.

    - `contracts` are names; empty means all.
    - `moves`, `ends`, `needs`: whether each move of a run is told, its end, and what it needs from
      a person.
    """

    endpoint: str
    contracts: tuple[str, ...] = ()
    moves: bool = True
    ends: bool = True
    needs: bool = True


class Endpoint(Row, frozen=True):
    """A subscription as stored.

    - `id` is its number, and `since` when it was made.
    - `stopped` is why nothing is sent to it until somebody says so; empty otherwise.
    - `sender` is the process that sends to it, until `leased_until`.
    - `waiting` counts its messages that wait, of which the oldest was written at `oldest`.
    - `given_up` counts those that are not sent again.
    """

    id: int
    subscription: Subscription
    since: Instant
    stopped: str = ""
    sender: str = ""
    leased_until: Instant = START_OF_TIME
    waiting: int = 0
    oldest: Instant | None = None
    given_up: int = 0

    @property
    def name(self) -> str:
        """The name of the endpoint."""
        return self.subscription.endpoint


class SendingLease(Row, frozen=True):
    """The right of one process to send to an endpoint. `epoch` grows with each new holder."""

    endpoint: int
    name: str
    sender: str
    epoch: int


class OutgoingMessage(Row, frozen=True):
    """A message that waits, or that was given up.

    It refers to the record `seq` of its run, or to a need that began with it.

    - `at` is when it was written, and `first_at` when it was first tried.
    - `next_at` is when it is tried next; None if it was given up.
    - `trouble` is how the last attempt failed.
    """

    id: int
    endpoint: int
    run: RunId
    seq: int
    what: str
    at: Instant
    attempts: int
    first_at: Instant | None
    next_at: Instant | None
    trouble: str


class Tried(Row, frozen=True):
    """What became of an attempt to send a message.

    - `done`: it was received, or there is nothing to send. Otherwise:
    - `next_at` is when it is tried again; None gives it up.
    - `trouble` says how it failed.
    """

    message: OutgoingMessage
    done: bool
    at: Instant
    next_at: Instant | None = None
    trouble: str = ""
