"""Fake handlers: one for each call of a contract. They answer by a script and keep a ledger."""

from __future__ import annotations

import asyncio
import copy
import difflib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Protocol, assert_never

from opord.contract import BOOL, Action, Nothing
from opord.generated.handlers import handler_names
from opord.kernel.program import CallProgram, Program
from opord.kernel.requests import Call
from opord.testing.plausible import Plausible
from opord.testing.script import Scripted, ScriptedAnswer, type_text
from opord.values.duration import format_instant
from opord.values.failure import Failure

_SILENCE_S = 10.0**9


class Unscripted(AssertionError):
    """A call was made whose fake has no script."""


class Surroundings(Protocol):
    """What a fake needs from its world."""

    @property
    def now(self) -> datetime:
        """The present instant."""
        ...

    def complain(self, error: Exception) -> None:
        """Let the test fail with an error, at the verb that is under way."""
        ...


@dataclass(eq=False)
class Made:
    """A call as its fake saw it.

    `args` has the arguments by their names in the contract. `key`, `attempt` and `run` are those of
    the call, empty and 0 for a `pure`. `outcome` says how it ended: `ok`, a failure such as
    `PaymentError.Declined`, the name of an exception, `lost` or `silence`. `happened` says whether
    it took effect; `again` that an earlier call of the same key was answered once more. `result` is
    what it had as its result.
    """

    name: str
    args: Mapping[str, Any]
    at: datetime
    key: str = ""
    attempt: int = 0
    run: str = ""
    outcome: str = ""
    happened: bool = False
    again: bool = False
    result: Any = None

    def __repr__(self) -> str:
        args = ", ".join(f"{name}={value!r}" for name, value in self.args.items())
        return f"<{self.name}({args}) → {self.outcome or '…'}>"


class Fake(Scripted):
    """The fake of one call.

    It is scripted with `returns`, `fails` and the like, and read with `calls`, `args`, `happened`.
    """

    def __init__(
        self, call: CallProgram, world: Surroundings, plausible: Plausible, ledger: list[Made], real: Any
    ) -> None:
        super().__init__(call)
        self._world = world
        self._plausible = plausible
        self._ledger = ledger
        self._real = real
        self.calls: list[Made] = []

    def __repr__(self) -> str:
        return f"<fake {self._program.kind} {self._name}, called {len(self.calls)} times>"

    # --- what it was asked -----------------------------------------------------------------------

    @property
    def args(self) -> list[dict[str, Any]]:
        """The arguments of each call, by their names."""
        return [dict(fake_call.args) for fake_call in self.calls]

    @property
    def keys(self) -> list[str]:
        """The idempotency key of each call."""
        return [fake_call.key for fake_call in self.calls]

    @property
    def effects(self) -> list[Made]:
        """The calls that took effect; one whose key had taken effect before is left out."""
        return [fake_call for fake_call in self.calls if fake_call.happened and not fake_call.again]

    @property
    def happened(self) -> int:
        """How often the call took effect."""
        return len(self.effects)

    # --- how it answers --------------------------------------------------------------------------

    def __call__(self, *args: Any, call: Call | None = None) -> Any:
        """Answer a call, as the engine makes it."""
        fake_call = self._note(args, call)
        return (
            self._at_once(fake_call, args)
            if self._program.kind == "pure"
            else self._answer(fake_call, args, call)
        )

    def _note(self, args: tuple[Any, ...], call: Call | None) -> Made:
        fake_call = Made(self._name, dict(zip(self._program.params, args, strict=True)), self._world.now)
        if call is not None:
            fake_call.key, fake_call.attempt, fake_call.run = call.key, call.attempt, call.run_id
        self.calls.append(fake_call)
        self._ledger.append(fake_call)
        return fake_call

    def _at_once(self, fake_call: Made, args: tuple[Any, ...]) -> Any:
        answer = self._next()
        if answer is None and self._real is not None:
            return self._ended(fake_call, self._real(*args))
        if answer is None:
            error = self._unscripted(fake_call)
            self._world.complain(error)
            raise error
        return self._outcome_of(fake_call, answer, args)

    async def _answer(self, fake_call: Made, args: tuple[Any, ...], call: Call | None) -> Any:
        try:
            earlier = self._call_under_key(fake_call)
            if earlier is not None and not self._refuses_first():
                return self._once_more(fake_call, earlier)
            answer = self._next()
            if answer is None and self._real is not None:
                return self._ended(fake_call, await self._by_the_real_one(args, call))
            if answer is None:
                self._world.complain(self._unscripted(fake_call))
                await asyncio.sleep(_SILENCE_S)
            assert answer is not None
            if answer.after:
                await asyncio.sleep(answer.after / timedelta(seconds=1))
            if answer.kind in ("lost", "silence"):
                return await self._without_answer(fake_call, answer)
            outcome = self._outcome_of(fake_call, answer, args)
            return self._ended(fake_call, await outcome) if inspect.isawaitable(outcome) else outcome
        except Failure as failure:
            fake_call.outcome = f"{failure.opord_type}.{failure.opord_variant}"
            fake_call.result = failure
            raise
        except Exception as error:
            fake_call.outcome = fake_call.outcome or type(error).__name__
            raise

    def _refuses_first(self) -> bool:
        """Say whether the next answer of the script comes before the key is looked at."""
        return bool(self._script) and self._script[0].before_key and self._script[0].times != 0

    def _next(self) -> ScriptedAnswer | None:
        """Take the next answer of the script.

        The last one is repeated for all further calls, unless it is counted.
        """
        if not self._script:
            return None
        answer = self._script[0]
        if answer.times is None:
            if len(self._script) > 1:
                self._script.pop(0)
        elif answer.times > 1:
            self._script[0] = ScriptedAnswer(**{**vars(answer), "times": answer.times - 1})
        elif len(self._script) > 1:
            self._script.pop(0)
        elif answer.times == 1:
            self._script[0] = ScriptedAnswer(**{**vars(answer), "times": 0})
        else:
            return None
        return answer

    def _outcome_of(self, fake_call: Made, answer: ScriptedAnswer, args: tuple[Any, ...]) -> Any:
        match answer.kind:
            case "ok":
                return self._ended(fake_call, answer.value)
            case "auto":
                return self._ended(fake_call, self._invented())
            case "fails" | "raises":
                # A fresh one each time, as handlers raise them.
                raise copy.copy(answer.value)
            case "looks up":
                return self._ended(fake_call, self._looked_up(fake_call, answer.value))
            case "does":
                outcome = answer.value(*args)
                return outcome if inspect.isawaitable(outcome) else self._ended(fake_call, outcome)
            case "lost" | "silence":
                raise AssertionError(f"`{answer.kind}` is no answer")
            case _:
                assert_never(answer.kind)

    def _ended(self, fake_call: Made, value: Any) -> Any:
        fake_call.outcome, fake_call.happened, fake_call.result = "ok", True, value
        return value

    async def _by_the_real_one(self, args: tuple[Any, ...], call: Call | None) -> Any:
        wants = "call" in inspect.signature(self._real).parameters
        result = self._real(*args, call=call) if wants else self._real(*args)
        return await result if inspect.isawaitable(result) else result

    async def _without_answer(self, fake_call: Made, answer: ScriptedAnswer) -> Any:
        fake_call.outcome, fake_call.happened = answer.kind, answer.happened
        if answer.happened:
            fake_call.result = self._invented() if answer.value is None else answer.value
        if answer.kind == "silence":
            await asyncio.sleep(_SILENCE_S)
        raise ConnectionError("the answer was lost")

    def _invented(self) -> Any:
        codec, declaration = self._program.result, self._program.declaration
        if codec is None:
            return None
        return codec.accept(self._plausible.value(declaration.result, declaration.name))

    # --- what it remembers -----------------------------------------------------------------------

    def _call_under_key(self, fake_call: Made) -> Made | None:
        """Return the call of the same key that has a final outcome.

        None if the other side does not honour keys.
        """
        declaration = self._program.declaration
        if not isinstance(declaration, Action) or declaration.key is None or self._real is not None:
            return None
        if declaration.transaction:
            return None  # what is rolled back is forgotten, and what is not is on record
        window = declaration.key.window
        for earlier in self.calls[:-1]:
            if earlier.key == fake_call.key and (window is None or fake_call.at < earlier.at + window):
                failure = earlier.result if isinstance(earlier.result, Failure) else None
                if earlier.happened or (failure is not None and failure.opord_settles):
                    return earlier
        return None

    def _once_more(self, fake_call: Made, earlier: Made) -> Any:
        fake_call.again = True
        if isinstance(earlier.result, Failure):
            raise copy.copy(earlier.result)
        return self._ended(fake_call, earlier.result)

    def _looked_up(self, fake_call: Made, action: Fake) -> Any:
        mine = [one for one in action.calls if one.run == fake_call.run]
        match = (
            next((one for one in mine if one.key == mine[-1].key and one.happened), None) if mine else None
        )
        if self._program.declaration.result == BOOL:
            return match is not None
        return match.result if match is not None else None

    # --- what is missing -------------------------------------------------------------------------

    def _unscripted(self, fake_call: Made) -> Unscripted:
        declaration = self._program.declaration
        where = f" in {fake_call.run}" if fake_call.run else ""
        used_up = "; its script has no more answers" if self._script else ""
        answers = "" if isinstance(declaration.result, Nothing) else type_text(declaration.result)
        fails = [f"    fakes.{self._name}.fails({name}.…)" for name in getattr(declaration, "fails", ())]
        return Unscripted(
            "\n".join(
                [
                    f"{self._name} was called{where}, and its fake has no answer{used_up}:",
                    f"    {fake_call!r}",
                    "give it one before the call, for example:",
                    f"    fakes.{self._name}.returns({f'… a {answers}' if answers else ''})",
                    *fails,
                    f"or let it make up a plausible answer: fakes.{self._name}.auto(), or fakes.auto() for all",
                ]
            )
        )


class Fakes:
    """A fake for each call of a contract: `fakes.charge_card`, or `fakes["charge_card"]`.

    `ledger` has all calls, in the order in which they were made.
    """

    def __init__(self, program: Program, world: Surroundings, real: Any = None) -> None:
        self._contract = program.name
        self.ledger: list[Made] = []
        self._plausible = plausible = Plausible(program.contract, lambda: format_instant(world.now))
        self._by_form = {
            form: Fake(program.calls[name], world, plausible, self.ledger, getattr(real, form, None))
            for name, form in handler_names(program).items()
        }

    def __getattr__(self, name: str) -> Fake:
        if name.startswith("__"):
            raise AttributeError(name)
        fake = self._by_form.get(name)
        if fake is None:
            near = difflib.get_close_matches(name, self._by_form, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(self._by_form) or 'none'}"
            raise AttributeError(f"{self._contract} has no call {name}; {hint}")
        return fake

    def __getitem__(self, name: str) -> Fake:
        return self.__getattr__(name)

    def __iter__(self) -> Iterator[Fake]:
        return iter(self._by_form.values())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._by_form]

    def auto(self) -> None:
        """Let every fake without a script or a real handler answer with plausible values."""
        for fake in self:
            if not fake._script and fake._real is None:
                fake.auto()

    def _handlers(self) -> object:
        """Return the object that an engine takes as handlers."""
        return SimpleNamespace(**self._by_form)
