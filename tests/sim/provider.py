"""The outside world: a ledger that no crash touches, and calls that answer by seed, often badly."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter, defaultdict
from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

from opord.contract import BOOL, Action, Check, Effect, Named, OptionalOf, Type, Var
from opord.generated.handlers import handler_names
from opord.kernel.instants import text
from opord.kernel.program import CallProgram
from opord.kernel.requests import Call, TransactionCall
from opord.kernel.step import load_failure
from opord.testing.clock import VirtualClock
from opord.testing.plausible import Plausible
from opord.values.failure import Failure
from tests.sim.contracts import Subject, check_of
from tests.sim.table import Table

SILENCE_S = 10.0**6
BEHAVIOURS = (
    "ok", "slow", "drop before", "drop after", "silence before", "silence after",
    "transient", "final", "cached error", "lands late",
)  # fmt: skip
WEIGHTS = (44, 8, 7, 9, 4, 6, 9, 5, 4, 4)
REFUSED_FIRST = 0.12
"""How often a call is refused, for good, before anybody looks at its key."""


class Chosen(Plausible):
    """Plausible values that differ.

    A bool is either, an enum any of its variants, and an optional may be absent.
    """

    def __init__(self, subject: Subject, clock: VirtualClock, rng: Random) -> None:
        super().__init__(subject.contract, lambda: _instant(clock.now_us))
        self.rng = rng

    def value(self, type_: Type, name: str, *, within: tuple[str, ...] = ()) -> Any:
        if type_ == BOOL:
            return self.rng.random() < 0.5
        if isinstance(type_, OptionalOf) and self.rng.random() < 0.3:
            return None
        if isinstance(type_, Named) and type_.name in self._enums:
            variant = self.rng.choice(self._enums[type_.name])
            if not variant.fields:
                return variant.name
            return {"type": variant.name, **self._object(variant.fields, (*within, type_.name))}
        return super().value(type_, name, within=within)


def _instant(now_us: int) -> str:
    return text(now_us)


class Provider:
    """Everything that a contract calls. `ledger` lists the effects: plain data, in order.

    `table` is what actions in transaction write, in the store's database.

    A key is honoured for its window, over all runs, and so is a failure that settles or an internal
    error under it. A final failure that does not settle may come before the key is checked, and so
    even for an action that took effect under it. What a check can see of an effect may lag behind
    by up to the check's own delay.
    """

    def __init__(self, subject: Subject, clock: VirtualClock, rng: Random, tell: Callable[..., None]) -> None:
        self.subject, self.clock, self.rng, self.tell = subject, clock, rng, tell
        self.ledger: list[dict[str, Any]] = []
        self.table = Table()
        self.behaved: Counter[str] = Counter()
        self.calm = False
        self._results: list[Any] = []
        self._cached: dict[tuple[str, str], tuple[int, Any]] = {}
        self._last: dict[tuple[str, str], str] = {}
        self._pending: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._values = Chosen(subject, clock, rng)
        self._checks = check_of(subject.contract)

    def handlers(
        self,
        called: Callable[[str, Call], Callable[[], None]],
        asked: Callable[[str, Call], None] = lambda effect, call: None,
    ) -> SimpleNamespace:
        """Return handlers for one engine.

        `called` gets each call of an action as it is made. It returns a function that is called
        when the call has its final answer. `asked` gets each call of an effect.
        """
        program = self.subject.program
        return SimpleNamespace(
            **{
                form: _noted(self._handler(program.calls[name], called), program.calls[name], asked)
                for name, form in handler_names(program).items()
            }
        )

    def happened(self, action: str, key: str) -> dict[str, Any] | None:
        """Return the first effect under a key."""
        return next((one for one in self.ledger if (one["action"], one["key"]) == (action, key)), None)

    def result_of(self, entry: dict[str, Any]) -> Any:
        """Return the result of an effect."""
        return self._results[entry["n"]]

    def may_still_land(self, action: str, key: str) -> bool:
        """Say whether something may still take effect under a key, whatever the engine does."""
        return self._pending[action, key] > 0

    def _handler(
        self, program: CallProgram, called: Callable[[str, Call], Callable[[], None]]
    ) -> Callable[..., Any]:
        kind = program.kind
        if kind == "pure":
            return lambda *args: self._invented(program)
        if is_in_transaction(program):
            return lambda *args, call: self._in_transaction(program, call)

        async def perform(*args: Any, call: Call) -> Any:
            return await self._effect(program, program.declaration.name, args, call)

        async def commit(*args: Any, call: Call) -> Any:
            answered = called(program.declaration.name, call)
            try:
                result = await self._action(program, program.declaration.name, call)
            except Failure as failure:
                if not failure.opord_transient:
                    answered()
                raise
            answered()
            return result

        return perform if kind == "effect" else commit

    def _invented(self, call: CallProgram) -> Any:
        if call.result is None:
            return None
        return call.result.accept(self._values.value(call.declaration.result, call.declaration.name))

    def _draw(self, call: CallProgram, kinds: tuple[str, ...]) -> str:
        if self.calm:
            return "ok"
        (drawn,) = self.rng.choices(BEHAVIOURS, WEIGHTS)
        return drawn if drawn in kinds else "ok"

    # --- effects ---------------------------------------------------------------------------------

    async def _effect(self, program: CallProgram, name: str, args: tuple[Any, ...], call: Call) -> Any:
        drawn = self._draw(program, ("ok", "slow", "drop before", "silence before", "transient", "final"))
        self._note(drawn, name, call)
        await self._latency(drawn, program)
        if drawn == "drop before":
            raise ConnectionError("the answer was lost")
        if drawn == "silence before":
            await asyncio.sleep(SILENCE_S)
        failure = self._failure(program, drawn)
        if failure is not None:
            raise failure
        checked = self._checks.get(name)
        if checked is None:
            return self._invented(program)
        key = self._key_asked_for(checked, args, call)
        if key is None:
            return False if self._tells(program) else None
        return self._looked_up(program, checked, key)

    def _key_asked_for(self, checked: Action, args: tuple[Any, ...], call: Call) -> str | None:
        """Return the key that a check asks about: the one it was given, else the latest of the run.

        None if the action was never called in the run.
        """
        assert isinstance(checked.doubt, Check)
        for argument, value in zip(checked.doubt.args, args, strict=True):
            if isinstance(argument, Var) and argument.origin == "call_key":
                return str(value)
        return self._last.get((checked.name, call.run_id))

    def _tells(self, program: CallProgram) -> bool:
        return program.declaration.result == BOOL

    def _looked_up(self, program: CallProgram, action: Action, key: str) -> Any:
        entry = self.happened(action.name, key)
        seen = entry is not None and entry["seen_from"] <= self.clock.now_us
        self.tell("looked up", action=action.name, key=key, seen=seen)
        if self._tells(program):
            return seen
        return self.result_of(entry) if seen and entry is not None else None

    # --- actions ---------------------------------------------------------------------------------

    async def _action(self, program: CallProgram, name: str, call: Call) -> Any:
        action = program.declaration
        assert isinstance(action, Action)
        self._last[name, call.run_id] = call.key
        refusal = self._refusal(program)
        if refusal is not None:
            self._note("refused first", name, call)
            raise refusal
        if action.key is not None:
            known = self._remembered(action, call.key)
            if known is not None:
                self._note("same key", name, call)
                return self._again(known)
        drawn = self._draw(program, BEHAVIOURS)
        listed_after_s = action.doubt.after.total_seconds() if isinstance(action.doubt, Check) else 0.0
        if drawn == "lands late" and listed_after_s == 0:
            drawn = "drop after"
        if drawn == "cached error" and action.key is None:
            drawn = "drop before"
        failure = self._failure(program, drawn)
        if failure is None and drawn in ("transient", "final"):
            drawn = "ok"
        self._note(drawn, name, call)
        if failure is not None:
            if failure.opord_settles:
                self._remember(action, call.key, failure)
            raise failure
        if drawn == "cached error":
            self._remember(action, call.key, ConnectionError("500, and for this key for good"))
            raise ConnectionError("500")
        if drawn == "drop before":
            raise ConnectionError("reset before it was sent, as nobody can know")
        if drawn == "silence before":
            await asyncio.sleep(SILENCE_S)
        if drawn == "lands late":
            self._land_late(program, call, listed_after_s * self.rng.random() * 0.9)
            raise ConnectionError("reset while it was on its way")
        result = self._take_effect(program, call, listed_after_s * self.rng.random())
        if drawn == "drop after":
            raise ConnectionError("reset after it had happened")
        if drawn == "silence after":
            await asyncio.sleep(SILENCE_S)
        await self._latency(drawn, program)
        return result

    def _refusal(self, program: CallProgram) -> Failure | None:
        """Draw whether a call is refused before its key is looked at, as one without a valid token
        is.
        """
        if self.calm or self.rng.random() >= REFUSED_FIRST:
            return None
        return self._failure(program, "refused first")

    def _remembered(self, action: Action, key: str) -> Any:
        found = self._cached.get((action.name, key))
        if found is None:
            return None
        window = action.key.window if action.key is not None else None
        if window is not None and self.clock.now_us >= found[0] + window.total_seconds() * 1e6:
            return None
        return found

    def _remember(self, action: Action, key: str, answer: Any) -> None:
        self._cached[action.name, key] = (self.clock.now_us, answer)

    def _again(self, known: tuple[int, Any]) -> Any:
        if isinstance(known[1], BaseException):
            raise copy.copy(known[1])
        return known[1]

    def _take_effect(self, program: CallProgram, call: Call, lag_s: float) -> Any:
        action = program.declaration
        assert isinstance(action, Action)
        result = self._invented(program)
        now = self.clock.now_us
        self.ledger.append(
            {
                "n": len(self.ledger), "action": action.name, "key": call.key, "run": call.run_id,
                "attempt": call.attempt, "at": now, "seen_from": now + int(lag_s * 1e6),
            }
        )  # fmt: skip
        self._results.append(result)
        self.tell("took effect", action=action.name, key=call.key, run=call.run_id)
        if action.key is not None:
            self._remember(action, call.key, result)
        return result

    def _land_late(self, program: CallProgram, call: Call, after_s: float) -> None:
        place = (program.declaration.name, call.key)
        self._pending[place] += 1
        action = program.declaration
        assert isinstance(action, Action)

        def land() -> None:
            self._pending[place] -= 1
            if action.key is None or self._remembered(action, call.key) is None:
                self._take_effect(program, call, 0.0)

        asyncio.get_running_loop().call_later(after_s, land)

    # --- actions in transaction ------------------------------------------------------------------

    def _in_transaction(self, program: CallProgram, call: TransactionCall) -> Any:
        """Write a row. Whether it stays is not known here."""
        name = program.declaration.name
        drawn = self._draw(program, ("ok", "drop before", "drop after", "transient", "final"))
        self._note(drawn, name, call)
        if drawn == "drop before":
            raise ConnectionError("before anything was written")
        self.table.write(call.connection, name, call)
        if drawn == "drop after":
            raise ConnectionError("after the row was written")
        failure = self._failure(program, drawn)
        if failure is not None:
            raise failure
        return self._invented(program)

    # --- both ------------------------------------------------------------------------------------

    def _note(self, drawn: str, name: str, call: Call) -> None:
        self.behaved[drawn] += 1
        self.tell("call", call=name, run=call.run_id, attempt=call.attempt, answer=drawn)

    async def _latency(self, drawn: str, program: CallProgram) -> None:
        declaration = program.declaration
        assert isinstance(declaration, Effect | Action)
        limit = declaration.timeout.total_seconds() if declaration.timeout is not None else 20.0
        if drawn == "slow":
            await asyncio.sleep(limit * self.rng.random() * 1.2)
        elif self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.random() * 0.2)

    def _failure(self, program: CallProgram, drawn: str) -> Failure | None:
        if drawn not in ("transient", "final", "refused first"):
            return None
        wanted = [
            (failure.name, variant)
            for failure in self.subject.contract.failures
            if failure.name in getattr(program.declaration, "fails", ())
            for variant in failure.variants
            if variant.transient == (drawn == "transient")
            and not (variant.settles and drawn == "refused first")
        ]
        if not wanted or program.failure is None:
            return None
        type_, variant = self.rng.choice(wanted)
        fields = self._values._object(variant.fields, ()) if variant.fields else {}
        if variant.wait is not None:
            fields[variant.wait.field] = self.rng.choice(ASKED)
        return load_failure(program, {"type": f"{type_}.{variant.name}", **fields})


ASKED = ("0s", "-3s", "700ms", "5s", "40s", "3m")
"""How long the other side asks to wait. Where a contract limits it, some of these are longer."""


def is_in_transaction(program: CallProgram) -> bool:
    """Say whether a call is an action in transaction."""
    return isinstance(program.declaration, Action) and program.declaration.transaction


def _noted(
    handler: Callable[..., Any], program: CallProgram, asked: Callable[[str, Call], None]
) -> Callable[..., Any]:
    """Return the handler of an effect so that each call of it is told; others stay as they are."""
    if program.kind != "effect":
        return handler

    async def perform(*args: Any, call: Call) -> Any:
        asked(program.declaration.name, call)
        return await handler(*args, call=call)

    return perform
