"""How long a call and a step can take at most: timeouts, retries, and the pauses between attempts.

A call without a `timeout` is given up at the worker's call limit, five minutes unless set. A person who is asked
without a limit, and a handler that has to be mended, take no time here: that they settle is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, assert_never

from opord.contract import (
    Action,
    Ask,
    Block,
    CallSite,
    Check,
    Effect,
    Goto,
    Pattern,
    Pure,
    Repeat,
    Report,
    Retry,
    Skip,
)
from opord.language.flow.calls import Calls
from opord.language.flow.walk import PathWalk

CALL_LIMIT = timedelta(minutes=5)
"""The worker's call limit where nothing else is set (`call_limit_s` of the engine)."""

ZERO = timedelta()
LONGEST = timedelta(days=999_999)
"""More than any run takes: sums stop here, for a `timedelta` has an end."""


def plus(*times: timedelta) -> timedelta:
    """Add times up to `LONGEST`."""
    total = ZERO
    for time in times:
        total = min(total + min(time, LONGEST), LONGEST)
    return total


def _repeated(time: timedelta, times: int) -> timedelta:
    return LONGEST if times and time > LONGEST / times else time * times


def call_time(calls: Calls, name: str) -> timedelta:
    """Return the longest time of a `perform` or `commit`, up to its last outcome."""
    call = calls.get(name)
    match call:
        case Effect():
            return _attempts(call.retry, call.timeout or CALL_LIMIT)
        case Action():
            return plus(_action_attempts(calls, call), _settling(call))
        case Pure() | None:
            return ZERO
        case _:
            assert_never(call)


def _action_attempts(calls: Calls, action: Action) -> timedelta:
    each = action.timeout or CALL_LIMIT
    if isinstance(action.doubt, Check):
        # Each attempt may be in doubt, and be asked about before the next one.
        each = plus(each, action.doubt.after, call_time_of_check(calls, action.doubt))
    return _attempts(action.retry, each)


def call_time_of_check(calls: Calls, check: Check) -> timedelta:
    """Return the longest time of asking an effect once whether an action happened."""
    effect = calls.get(check.effect)
    return (effect.timeout or CALL_LIMIT) if isinstance(effect, Effect) else ZERO


def _settling(action: Action) -> timedelta:
    """Return the time that a doubt of the last attempt may take, as far as the contract limits it."""
    doubt = action.doubt
    match doubt:
        case Repeat():
            # Without a `retry` it is repeated for as long as the key holds.
            window = action.key.window if action.key is not None else None
            return window if action.retry is None and window is not None else ZERO
        case Ask(within=within):
            return within if within is not None else ZERO
        case Check() | Skip() | Report():
            return ZERO
        case _:
            assert_never(doubt)


def _attempts(retry: Retry | None, each: timedelta) -> timedelta:
    if retry is None:
        return each
    return plus(_repeated(each, retry.times + 1), _pauses(retry))


def _pauses(retry: Retry) -> timedelta:
    """Add up the pauses between attempts: they double from `base` up to `cap` (full jitter makes them shorter)."""
    total, pause, left = ZERO, min(retry.base, retry.cap), retry.times
    while left and pause < retry.cap and pause:
        total = plus(total, pause)
        pause = min(pause * 2, retry.cap)
        left -= 1
    return plus(total, _repeated(pause, left))


class StepTimes(NamedTuple):
    """The longest times of a step, from its begin to its `goto` of each state, and to where a phase's handler can take it."""

    to: dict[str, timedelta]
    taken: timedelta


def step_times(calls: Calls, block: Block) -> StepTimes:
    """Return the longest times of a step."""
    walk = _Walk(calls)
    walk.block(block, ZERO)
    return StepTimes(walk.to, walk.taken)


class _Walk(PathWalk[timedelta]):
    """Carries how long a step has taken at most."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: dict[str, timedelta] = {}
        self.to: dict[str, timedelta] = {}
        self.taken = ZERO

    def called(self, site: CallSite, pattern: Pattern | None, at: timedelta) -> timedelta:
        time = self._known.get(site.name)
        if time is None:
            time = self._known[site.name] = call_time(self._calls, site.name)
        after = plus(at, time)
        self.taken = max(self.taken, after if site.verb == "perform" else plus(at, self._between(site.name)))
        return after

    def went(self, goto: Goto, at: timedelta) -> None:
        self.to[goto.state] = max(self.to.get(goto.state, ZERO), at)

    def join(self, ways: Sequence[timedelta], before: timedelta) -> timedelta:
        return max(ways)

    def _between(self, name: str) -> timedelta:
        """Return how long a commit may go on with nothing in doubt: while its attempts fail and are made again."""
        action = self._calls.action(name)
        if action is None or action.retry is None:
            return ZERO
        return _attempts(action.retry, action.timeout or CALL_LIMIT)
