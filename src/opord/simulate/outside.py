"""The outside world of one run.

It answers calls by seed in all declared ways, and keeps a ledger of the actions that took effect.
`drawn` has the answers of each `pure` without a real handler, in their order.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, assert_never

from opord.contract import BOOL, TRANSACTION_LIMIT, Action, AskedWait, Check, Effect, Nothing, Pure
from opord.generated.handlers import handler_names
from opord.kernel.program import CallProgram, Program
from opord.kernel.requests import Call
from opord.kernel.step import load_failure
from opord.simulate.targets import TIMED_OUT, UNKNOWN
from opord.simulate.values import Chosen
from opord.testing.clock import VirtualClock
from opord.values.duration import format_duration, parse_duration
from opord.values.failure import Failure


class Effected(NamedTuple):
    """An action that took effect, with its key, the number of its intent, and its result."""

    action: str
    key: str
    intent: int
    result: Any


_ASKED: Final = tuple(map(parse_duration, ("0s", "0s", "1s", "2s", "30s", "1m", "15m", "1h", "24h", "-5s")))
"""How long other sides ask to wait. One that is late asks for a time that is over."""


class AnswerLost(Exception):
    """The answer of a call was lost."""


class Outside:
    """Answers the calls of all runs, one run at a time; `begin` prepares for the next run."""

    def __init__(self, program: Program, pures: Mapping[str, Callable[..., Any]]) -> None:
        self.program = program
        self._pures = pures
        self.drawn: dict[str, list[Any]] = {}
        contract = program.contract
        self._checks = {one.doubt.effect: one for one in contract.actions if isinstance(one.doubt, Check)}
        self._ways = {name: self._ways_of(call) for name, call in program.calls.items()}
        self.handlers: SimpleNamespace = SimpleNamespace(
            **{form: self._handler(program.calls[name]) for name, form in handler_names(program).items()}
        )
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.ledger: list[Effected] = []
        self.intent_now: Callable[[], int] = lambda: 0

    def begin(self, values: Chosen, clock: VirtualClock, rng: Random, *, calm: bool) -> None:
        """Forget the last run. In a calm run every call succeeds."""
        self._values, self._clock, self._rng = values, clock, rng
        self.ledger = []
        self.drawn = {}
        self._cached: dict[tuple[str, str], tuple[int, Any]] = {}
        self._keys: dict[str, str] = {}
        self._moods = {name: self._mood(ways, calm) for name, ways in self._ways.items()}

    # --- what is drawn ---------------------------------------------------------------------------

    def _ways_of(self, call: CallProgram) -> tuple[str, ...]:
        """List the ways in which a call may end."""
        declared = call.declaration
        if isinstance(declared, Pure):
            return ("ok",)
        variants = [
            f"{failure.name}.{variant.name}"
            for failure in self.program.contract.failures
            if failure.name in declared.fails
            for variant in failure.variants
        ]
        match declared:
            case Action(transaction=True):
                return ("ok", *variants)
            case Action():
                silent = ("silence", "silence, done") if declared.timeout is not None else ()
                return ("ok", *variants, "lost", "lost, done", *silent)
            case Effect():
                return ("ok", *variants, *((TIMED_OUT,) if declared.timeout is not None else ()))
            case _:
                assert_never(declared)

    def _mood(self, ways: tuple[str, ...], calm: bool) -> list[float]:
        """Weigh the ways of a call for this run.

        The run has mostly success, all ways alike, or one failure often.
        """
        if calm or len(ways) == 1:
            return [1.0] + [0.0] * (len(ways) - 1)
        drawn = self._rng.random()
        if drawn < 0.5:
            return [8.0] + [1.5 / (len(ways) - 1)] * (len(ways) - 1)
        if drawn < 0.7:
            return [2.0] + [1.0] * (len(ways) - 1)
        often = self._rng.randrange(1, len(ways))
        return [1.0 if place == 0 else 12.0 if place == often else 0.05 for place in range(len(ways))]

    # --- handlers --------------------------------------------------------------------------------

    def _handler(self, call: CallProgram) -> Callable[..., Any]:
        match call.kind:
            case "pure":
                real = self._pures.get(call.declaration.name)
                return real if real is not None else lambda *_: self._drawn(call)
            case "effect":
                about = self._effect
            case "action":
                about = self._action
            case _:
                assert_never(call.kind)

        async def handle(*args: Any, call_: Call) -> Any:
            return await about(call, call_)

        async def wanted(*args: Any, call: Call) -> Any:
            return await handle(*args, call_=call)

        return wanted

    def _drawn(self, call: CallProgram) -> Any:
        """Answer for a `pure` that has no real handler."""
        answer = self._invented(call)
        self.drawn.setdefault(call.declaration.name, []).append(answer)
        return answer

    def _invented(self, call: CallProgram) -> Any:
        if call.result is None or isinstance(call.declaration.result, Nothing):
            return None
        return call.result.accept(self._values.value(call.declaration.result, call.declaration.name))

    async def _effect(self, call: CallProgram, about: Call) -> Any:
        name = call.declaration.name
        (way,) = self._rng.choices(self._ways[name], self._moods[name])
        self.outcomes[name, way] += 1
        if way == TIMED_OUT:
            await _silence()
        if way != "ok":
            raise self._failure(call, way)
        await self._latency(call)
        checked = self._checks.get(name)
        if checked is None or checked.name not in self._keys:
            return self._invented(call)
        done = self.happened(checked.name, self._keys[checked.name])
        if call.declaration.result == BOOL:
            return done is not None
        return done.result if done is not None else None

    async def _action(self, call: CallProgram, about: Call) -> Any:
        action = call.declaration
        assert isinstance(action, Action)
        name = action.name
        if action.transaction:
            return await self._in_transaction(call)
        self._keys[name] = about.key
        (way,) = self._rng.choices(self._ways[name], self._moods[name])
        earlier = self._remembered(action, about.key)
        if earlier is not None and not self._refuses_first(way):
            self.outcomes[name, "ok" if not isinstance(earlier, Failure) else known_name(earlier)] += 1
            if isinstance(earlier, Failure):
                raise copy.copy(earlier)
            return earlier[0]
        result = None
        if way in ("ok", "lost, done", "silence, done"):
            result = self._take_effect(call, about.key)
        elif way not in ("lost", "silence"):
            failure = self._failure(call, way)
            self.outcomes[name, way] += 1
            if action.key is not None and failure.opord_settles:
                self._cached[name, about.key] = (self._clock.now_us, failure)
            raise failure
        self.outcomes[name, "ok" if way == "ok" else UNKNOWN] += 1
        if way.startswith("lost"):
            raise AnswerLost("the answer was lost")
        if way.startswith("silence"):
            await _silence()
        await self._latency(call)
        return result

    async def _in_transaction(self, call: CallProgram) -> Any:
        """Answer for an action in a transaction, which leaves nothing behind unless it succeeds."""
        name = call.declaration.name
        (way,) = self._rng.choices(self._ways[name], self._moods[name])
        self.outcomes[name, way] += 1
        if way != "ok":
            raise self._failure(call, way)
        await self._latency(call)
        return self._invented(call)

    async def _latency(self, call: CallProgram) -> None:
        """Let a call take no time, or some time well within its timeout."""
        declared = call.declaration
        assert isinstance(declared, Effect | Action)
        limit = declared.timeout.total_seconds() if declared.timeout is not None else 20.0
        if isinstance(declared, Action) and declared.transaction:
            limit = min(limit, TRANSACTION_LIMIT.total_seconds())
        if self._rng.random() < 0.4:
            await asyncio.sleep(limit * 0.9 * self._rng.random() ** 4)

    def _refuses_first(self, way: str) -> bool:
        """Whether a call ends before its key is looked at, by a failure that settles nothing."""
        type_, _, variant = way.partition(".")
        return any(
            not (declared_variant.transient or declared_variant.settles)
            for failure in self.program.contract.failures
            if failure.name == type_
            for declared_variant in failure.variants
            if declared_variant.name == variant
        )

    def _remembered(self, action: Action, key: str) -> Any:
        """Return what the other side remembers under a key: a result in a list, or a failure.

        None if it remembers nothing.
        """
        remembered = self._cached.get((action.name, key))
        if remembered is None or action.key is None:
            return None
        window = action.key.window
        if window is not None and self._clock.now_us >= remembered[0] + window.total_seconds() * 1e6:
            return None
        return remembered[1]

    def _take_effect(self, call: CallProgram, key: str) -> Any:
        name, result = call.declaration.name, self._invented(call)
        self.ledger.append(Effected(name, key, self.intent_now(), result))
        self._cached[name, key] = (self._clock.now_us, [result])
        return result

    def _failure(self, call: CallProgram, way: str) -> Failure:
        type_, _, variant = way.partition(".")
        (declared,) = (one for one in self.program.contract.failures if one.name == type_)
        (declared_variant,) = (one for one in declared.variants if one.name == variant)
        fields = {one.name: self._values.value(one.type, one.name) for one in declared_variant.fields}
        if declared_variant.wait is not None:
            fields[declared_variant.wait.field] = self._asked(declared_variant.wait)
        failure = load_failure(call, {"type": way, **fields})
        assert isinstance(failure, Failure)
        return failure

    def _asked(self, wait: AskedWait) -> str:
        """Draw how long the other side asks to wait: as such servers do, and around the limit."""
        drawn = self._rng.choice(_ASKED)
        if wait.at_most is not None and self._rng.random() < 0.3:
            drawn = wait.at_most + self._rng.choice((timedelta(), timedelta(seconds=1), timedelta(days=1)))
        return format_duration(drawn)

    # --- what is known afterwards ----------------------------------------------------------------

    def happened(self, action: str, key: str) -> Effected | None:
        """Return the latest effect of an action under a key."""
        return next((one for one in reversed(self.ledger) if (one.action, one.key) == (action, key)), None)

    def twice(self) -> list[Effected]:
        """Return the effects that repeat an earlier effect of the same intent."""
        seen: set[tuple[str, int]] = set()
        again = []
        for one in self.ledger:
            if (one.action, one.intent) in seen:
                again.append(one)
            seen.add((one.action, one.intent))
        return again


def known_name(failure: Failure) -> str:
    """Return the name of a failure as outcomes write it."""
    return f"{failure.opord_type}.{type(failure).__name__}"


async def _silence() -> None:
    """Answer nothing, until the call is given up."""
    await asyncio.get_running_loop().create_future()
