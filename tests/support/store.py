"""One store that can be given faults at each of its verbs.

store = FaultyStore(kit.store, Fault(StoreUnavailable("io", "…"), "apply", nth=2, lasts_s=30))
async with kit.engine(store=store) as engine: ...
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from opord.stores.base import Store
from opord.testing.crashing import CrashPlan, Killed, MortalStore

When: TypeAlias = Literal["before", "after"]
"""Whether the fault occurs before or after the store has carried out the verb."""


@dataclass
class Fault:
    """A fault at a verb: `error` is raised, or for `Killed` the process of the store dies.

    `verb` is the verb at which it occurs; any, if none is named. It occurs at the `nth` of the
    matching calls, and at `times` calls from there on. `lasts_s` is how long the store then fails
    at every verb, in seconds.
    """

    error: BaseException | type[Killed]
    verb: str = ""
    nth: int = 1
    times: float = 1
    when: When = "before"
    lasts_s: float = 0.0
    fits: Callable[[str, tuple[Any, ...]], bool] = lambda verb, args: True

    def is_due(self, verb: str, args: tuple[Any, ...], when: When) -> bool:
        """Count a call of a verb; say whether the fault occurs at it."""
        if self.when != when or self.verb not in ("", verb) or not self.fits(verb, args):
            return False
        self.nth -= 1
        return -self.times < self.nth <= 0


def has_record(kind: str) -> Callable[[str, tuple[Any, ...]], bool]:
    """Return a condition that says whether a call writes a record of a kind."""
    return lambda verb, args: (
        verb == "apply" and any(one.kind == kind for change in args[0] for one in change.records)
    )


class FaultyStore(MortalStore):
    """A store as one process sees it.

    Faults occur at its verbs. After the process is dead, no verb works.

    The clock can always be read. `asked` counts the calls of each verb, `failed` those that raised
    an error. A test that has to see or change the calls overrides `before` and `after`.
    """

    free: ClassVar[tuple[str, ...]] = ("now", "bell", "at_once")
    """The verbs that work whatever has happened: to hear notices is a hint, that never fails."""

    def __init__(self, store: Store, *faults: Fault, crash_plan: CrashPlan | None = None) -> None:
        super().__init__(store, crash_plan or CrashPlan())
        self.faults = list(faults)
        self.asked: Counter[str] = Counter()
        self.failed = 0
        self.died = asyncio.Event()
        self._error: BaseException | None = None
        self.fails_until_us: float = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name) if name in self.free else super().__getattr__(name)

    def call(self, name: str, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a verb, with the faults before and after it. Only the hook has crash points."""
        self.asked[name] += 1
        self.reach()
        self.before(name, args)
        answer = verb(*args, **kwargs)
        return self.after(name, args, answer)

    def reach(self) -> None:
        """Raise the error of a dead or failing store."""
        if self.dead:
            raise Killed
        if self._error is not None and self.now_us() < self.fails_until_us:
            self.failed += 1
            raise self._error

    def before(self, name: str, args: tuple[Any, ...]) -> None:
        """Raise the faults that are due before a verb."""
        self._feel(name, args, "before")

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        """Raise the faults that are due after a verb; return its answer."""
        self._feel(name, args, "after")
        return answer

    def fail(self, error: BaseException, seconds: float) -> None:
        """Fail at every verb for some time, by the store's clock."""
        self._error, self.fails_until_us = error, self.now_us() + seconds * 1e6

    def now_us(self) -> int:
        """Read the clock by which a failure ends."""
        return self._store.now()

    def die(self) -> None:
        """Be dead from now on, and set `died`."""
        super().die()
        self.died.set()

    def _feel(self, name: str, args: tuple[Any, ...], when: When) -> None:
        for fault in self.faults:
            if not fault.is_due(name, args, when):
                continue
            if fault.error is Killed:
                self.die()
                raise Killed
            assert isinstance(fault.error, BaseException)
            if fault.lasts_s:
                self.fail(fault.error, fault.lasts_s)
            self.failed += 1
            raise fault.error


FOR_EVER = math.inf
"""The duration, or the number of times, of a fault that does not end."""
