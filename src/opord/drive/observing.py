"""The one seam for those who measure what a process does with runs. Without one it costs nothing.

An observer hears of what has happened, on the thread of the event loop, and returns at once. It
decides nothing. What it raises is logged once and changes nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias

from opord.kernel.answers import Result
from opord.kernel.rows import Start, Write
from opord.values.types import Duration

log: logging.Logger = logging.getLogger("opord.observer")

CallEnd: TypeAlias = Literal["ok", "failed", "timed_out", "error", "cancelled"]
"""How an attempt of a call ended.

- "failed": with a failure that the contract declares.
- "timed_out": it was given up after its time limit.
- "error": with an exception that the contract does not declare, or a wrong answer.
- "cancelled": a timer of its phase was due first, or the worker stopped.
"""


class Observer(Protocol):
    """Hears what a process does with runs."""

    def begins(self) -> None:
        """Note that a process over a store has begun, on the event loop that runs now."""
        ...

    def ends(self) -> None:
        """Note that the process is over."""
        ...

    def written(
        self, changes: Sequence[Start | Write], results: Sequence[Result], took_s: float | None
    ) -> None:
        """Hear of a batch that is durable, each change with its result.

        `took_s` is how long the store took, in seconds; None if they became durable with a
        transaction of a program.
        """
        ...

    def called(self, contract: str, call: str, end: CallEnd, took_s: float) -> None:
        """Hear of an attempt of an effect or an action, and of its duration in seconds."""
        ...

    def timer_fired(self, contract: str, late_us: Duration) -> None:
        """Hear of a timer that a worker has fired, and how late, in microseconds."""
        ...


class Guarded:
    """Tells an observer, whatever it raises: a mistake in it must not end what it listens to."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._told = False

    def begins(self) -> None:
        """See `Observer.begins`."""
        self._tell(self._observer.begins)

    def ends(self) -> None:
        """See `Observer.ends`."""
        self._tell(self._observer.ends)

    def written(
        self, changes: Sequence[Start | Write], results: Sequence[Result], took_s: float | None
    ) -> None:
        """See `Observer.written`."""
        self._tell(lambda: self._observer.written(changes, results, took_s))

    def called(self, contract: str, call: str, end: CallEnd, took_s: float) -> None:
        """See `Observer.called`."""
        self._tell(lambda: self._observer.called(contract, call, end, took_s))

    def timer_fired(self, contract: str, late_us: Duration) -> None:
        """See `Observer.timer_fired`."""
        self._tell(lambda: self._observer.timer_fired(contract, late_us))

    def _tell(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception:
            if not self._told:
                self._told = True
                log.exception(
                    "the observer %s raised an exception; runs go on, and what it measures may be wrong. "
                    "Later ones are not logged",
                    type(self._observer).__name__,
                )
