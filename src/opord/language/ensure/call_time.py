"""The longest time of a call and of a step: timeouts, retries, and the pauses between attempts.

A call without a `timeout` is given up at the worker's call limit, five minutes unless it is set,
and an action in transaction after `TRANSACTION_LIMIT`.
Where the other side can ask to wait (`transient wait`), a pause is as long as the contract lets it
be; without a limit, no longest time exists.
Two waits count as zero time: a person who is asked without a limit, and a handler that has to be
mended. The analysis assumes that both come to an end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple, assert_never

from opord.contract import (
    TRANSACTION_LIMIT,
    Action,
    Ask,
    AskedWait,
    Block,
    CallSite,
    Check,
    Contract,
    Effect,
    Goto,
    Pattern,
    Pure,
    Repeat,
    Report,
    Retry,
    Skip,
    Variant,
    VariantRef,
)
from opord.language.flow.calls import DeclaredCalls
from opord.language.flow.walk import PathWalk

CALL_LIMIT = timedelta(minutes=5)
"""The worker's call limit if nothing else is set (`call_limit_s` of the engine)."""


def calls_without_timeout(contract: Contract) -> tuple[str, ...]:
    """Return the effects and actions without a time limit: the worker's call limit ends them."""
    outside = [action for action in contract.actions if not action.transaction]
    calls: tuple[Effect | Action, ...] = (*contract.effects, *outside)
    return tuple(call.name for call in calls if call.timeout is None)


ZERO = timedelta()
LONGEST = timedelta(days=999_999)
"""More than any run takes. Sums stop here, because a `timedelta` has a largest value."""


def plus(*times: timedelta) -> timedelta:
    """Return the sum of times, at most `LONGEST`."""
    total = ZERO
    for time in times:
        total = min(total + min(time, LONGEST), LONGEST)
    return total


def _repeated(time: timedelta, times: int) -> timedelta:
    return LONGEST if times and time > LONGEST / times else time * times


def call_time(calls: DeclaredCalls, name: str) -> timedelta:
    """Return the longest time of a `perform` or `commit`, up to its last outcome."""
    call = calls.get(name)
    match call:
        case Effect():
            return _attempts(call.retry, call.timeout or CALL_LIMIT, longest_wait(calls, name))
        case Action(transaction=True):
            # Attempts after time-outs do not count: the run stalls on them until a person acts.
            return _attempts(call.retry, call.timeout or TRANSACTION_LIMIT, longest_wait(calls, name))
        case Action():
            return plus(_action_attempts(calls, call), _time_in_doubt(call))
        case Pure() | None:
            return ZERO
        case _:
            assert_never(call)


def _action_attempts(calls: DeclaredCalls, action: Action) -> timedelta:
    each = action.timeout or CALL_LIMIT
    if isinstance(action.doubt, Check):
        # Each attempt may be in doubt. The check then asks about it before the next attempt.
        each = plus(each, action.doubt.after, call_time_of_check(calls, action.doubt))
    return plus(_attempts(action.retry, each), _late_waits(calls, action))


def _late_waits(calls: DeclaredCalls, action: Action) -> timedelta:
    """Return how long the attempts of an action can let it rest because its other side asked.

    An attempt that was given up can answer later, in the pause before the next one, and ask to wait
    from then on. So waits and pauses add up.
    """
    return _repeated(longest_wait(calls, action.name), action.retry.times if action.retry is not None else 0)


def asked_waits(calls: DeclaredCalls, name: str) -> list[tuple[VariantRef, Variant, AskedWait]]:
    """List the failures by which the other side of a call can ask to wait."""
    return [(ref, variant, variant.wait) for ref, variant in calls.variants(name) if variant.wait is not None]


def longest_wait(calls: DeclaredCalls, name: str) -> timedelta:
    """Return the longest wait that the other side of a call can ask for; zero if it cannot."""
    waits = [wait.at_most for _, _, wait in asked_waits(calls, name)]
    return max((LONGEST if at_most is None else min(at_most, LONGEST) for at_most in waits), default=ZERO)


def call_time_of_check(calls: DeclaredCalls, check: Check) -> timedelta:
    """Return the longest time of one call of the effect that checks whether an action happened."""
    effect = calls.get(check.effect)
    return (effect.timeout or CALL_LIMIT) if isinstance(effect, Effect) else ZERO


def _time_in_doubt(action: Action) -> timedelta:
    """Return how long a doubt of the last attempt can take, where the contract sets a limit."""
    doubt = action.doubt
    match doubt:
        case Repeat():
            # Without a `retry` the action is repeated as long as its key is valid.
            window = action.key.window if action.key is not None else None
            return window if action.retry is None and window is not None else ZERO
        case Ask(within=within):
            return within if within is not None else ZERO
        case Check() | Skip() | Report():
            return ZERO
        case _:
            assert_never(doubt)


def _attempts(retry: Retry | None, each: timedelta, wait: timedelta = ZERO) -> timedelta:
    """Return the longest time of all attempts; each pause is the longer of backoff and `wait`."""
    if retry is None:
        return each
    return plus(_repeated(each, retry.times + 1), _pauses(retry, wait))


def _pauses(retry: Retry, wait: timedelta) -> timedelta:
    """Add up the longest pauses between attempts.

    They double from `base` up to `cap`. Full jitter only makes them shorter.
    """
    total, pause, repeats = ZERO, min(retry.base, retry.cap), retry.times
    while repeats and pause < retry.cap and pause:
        total = plus(total, max(pause, wait))
        pause = min(pause * 2, retry.cap)
        repeats -= 1
    return plus(total, _repeated(max(pause, wait), repeats))


class StepTimes(NamedTuple):
    """The longest times of a step.

    `to` has the time from its start to its `goto` of each state. `held` has the part of it that
    nothing can break off: from the intent of a commit to the `goto`. `taken` is the time after
    which a phase's handler can still interrupt the step.
    """

    to: dict[str, timedelta]
    held: dict[str, timedelta]
    taken: timedelta


def step_times(calls: DeclaredCalls, block: Block, resting: Collection[str] = ()) -> StepTimes:
    """Return the longest times of a step.

    `resting` are the calls whose other side may have asked another step of the state to wait: the
    first attempt here rests as well.
    """
    walk = _Walk(calls, resting)
    walk.block(block, _At(ZERO, None))
    return StepTimes(walk.to, walk.held, walk.taken)


class _At(NamedTuple):
    """The longest time so far, and how much of it is since an intent; None before any commit."""

    time: timedelta
    held: timedelta | None


class _Walk(PathWalk[_At]):
    """Carries the longest time that a step has taken so far."""

    def __init__(self, calls: DeclaredCalls, resting: Collection[str]) -> None:
        self._calls = calls
        self._resting = resting
        self._times: dict[str, timedelta] = {}
        self.to: dict[str, timedelta] = {}
        self.held: dict[str, timedelta] = {}
        self.taken = ZERO

    def called(self, site: CallSite, pattern: Pattern | None, at: _At) -> _At:
        time = self._times.get(site.name)
        if time is None:
            rest = longest_wait(self._calls, site.name) if site.name in self._resting else ZERO
            time = self._times[site.name] = plus(rest, call_time(self._calls, site.name))
        after = plus(at.time, time)
        commits = site.verb == "commit"
        self.taken = max(self.taken, plus(at.time, self._between(site.name)) if commits else after)
        return _At(after, plus(at.held or ZERO, time) if commits or at.held is not None else None)

    def went(self, goto: Goto, at: _At) -> None:
        self.to[goto.state] = max(self.to.get(goto.state, ZERO), at.time)
        self.held[goto.state] = max(self.held.get(goto.state, ZERO), at.held or ZERO)

    def join(self, ways: Sequence[_At], before: _At) -> _At:
        held = [way.held for way in ways if way.held is not None]
        return _At(max(way.time for way in ways), max(held, default=None))

    def _between(self, name: str) -> timedelta:
        """Return how long a commit can stay free of doubt: its attempts fail and are made again.

        In transaction, that is its whole time.
        """
        action = self._calls.action(name)
        if action is not None and action.transaction:
            return call_time(self._calls, name)
        if action is None or action.retry is None:
            return ZERO
        late = _late_waits(self._calls, action)
        return plus(_attempts(action.retry, action.timeout or CALL_LIMIT), late)
