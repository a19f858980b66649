"""The provider of a story: it answers as the story says, keeps the ledger, and has faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from opord.contract import Action
from opord.kernel.program import CallProgram
from opord.kernel.requests import Call
from opord.testing.crashing import Killed
from opord.values.failure import Failure
from tests.faults.kinds import BEHAVIOURS
from tests.sim.provider import Provider, is_in_transaction

if TYPE_CHECKING:
    from tests.faults.bench import Bench

FORGOTTEN_US = 86_400_000_000
"""How long a provider remembers an error under a key: a day.

This holds even where it remembers effects for longer.
"""

RAISED: dict[str, Callable[[], BaseException]] = {
    "cancelled before": asyncio.CancelledError,
    "cancelled after": asyncio.CancelledError,
    "interrupted after": KeyboardInterrupt,
    "exit after": lambda: SystemExit(1),
}
"""What makes the exception of a fault, each time anew: raised again, it keeps its old frames."""


SPOILT = ("crash after", "down 25 h after", "crash with reply", "wrong answer", *RAISED)


class Called(NamedTuple):
    """A call as its handler saw it: the caller, the key, the arguments, and the time."""

    name: str
    key: str
    attempt: int
    args: str
    at: int
    by: str


class Outside(Provider):
    """Answers `ok` to every call, except for the story's own answers and the one fault."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._drawn = "ok"
        self.calls: list[Called] = []
        super().__init__(bench.subject, bench.clock, Random("outside"), bench.tell)

    def _handler(
        self, program: CallProgram, called: Callable[[str, Call], Callable[[], None]]
    ) -> Callable[..., Any]:
        plain = super()._handler(program, called)
        name = program.declaration.name
        if program.kind == "pure":
            return lambda *args: self._pure(name, plain, args)
        if is_in_transaction(program):
            return lambda *args, call: self._suffer_within(name, plain, args, call)

        async def handle(*args: Any, call: Call) -> Any:
            kind = self.bench.passes(f"{program.kind} {name}")
            self._called(name, args, call)
            try:
                return await self._suffer(kind, plain, args, call)
            finally:
                self._drawn = "ok"

        return handle

    def _pure(self, name: str, plain: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        kind = self.bench.passes(f"pure {name}")
        if kind == "crash before":
            self.bench.caller().die()
            raise Killed
        if kind == "drop before":
            raise ArithmeticError("nobody foresaw this")
        return object() if kind == "wrong answer" else plain(*args)

    async def _suffer(self, kind: str, plain: Callable[..., Any], args: tuple[Any, ...], call: Call) -> Any:
        life = self.bench.caller()
        if kind in ("crash before", "down 25 h before"):
            life.die(hours=25 if "25" in kind else 0)
            raise Killed
        if kind == "cancelled before":
            raise RAISED[kind]()
        self._drawn = kind if kind in BEHAVIOURS else "ok"
        answer = await plain(*args, call=call)
        if kind in SPOILT and self.bench.answers and self.bench.answers[-1][2] is call:
            # The engine never receives this answer: the fault comes in its place.
            self.bench.answers.pop()
        if kind in ("crash after", "down 25 h after"):
            life.die(hours=25 if "25" in kind else 0)
            raise Killed
        if kind == "crash with reply":
            life.die()
        if kind == "zombie":
            life.cut_off()
        if kind in RAISED:
            raise RAISED[kind]()
        return object() if kind == "wrong answer" else answer

    def _suffer_within(self, name: str, plain: Callable[..., Any], args: tuple[Any, ...], call: Call) -> Any:
        """Answer for an action in transaction, which never waits."""
        kind, life = self.bench.passes(f"transaction {name}"), self.bench.caller()
        self._called(name, args, call)
        if kind == "crash before":
            life.die()
            raise Killed
        if kind == "cancelled before":
            raise RAISED[kind]()
        self._drawn = kind if kind in BEHAVIOURS else "ok"
        try:
            answer = plain(*args, call=call)
        finally:
            self._drawn = "ok"
        if kind in ("crash after", "down 25 h after"):
            life.die(hours=25 if "25" in kind else 0)
            raise Killed
        if kind == "zombie":
            life.cut_off()
        if kind in RAISED:
            raise RAISED[kind]()
        return object() if kind == "wrong answer" else answer

    def _called(self, name: str, args: tuple[Any, ...], call: Call) -> None:
        self.calls.append(
            Called(name, call.key, call.attempt, repr(args), self.clock.now_us, self.bench.caller().name)
        )

    def _refusal(self, program: CallProgram) -> Failure | None:
        return None  # the kinds of faults decide what happens, never chance

    def _draw(self, call: CallProgram, kinds: tuple[str, ...]) -> str:
        drawn, self._drawn = self._drawn, "ok"
        if drawn == "ok" and call.declaration.name in self.bench.story.fails:
            return "final"
        return drawn if drawn in kinds else "ok"

    def _invented(self, call: CallProgram) -> Any:
        known = self.bench.story.answers.get(call.declaration.name)
        return super()._invented(call) if known is None or call.result is None else call.result.accept(known)

    def _remembered(self, action: Action, key: str) -> Any:
        known = super()._remembered(action, key)
        if known is not None and isinstance(known[1], ConnectionError):
            return known if self.clock.now_us < known[0] + FORGOTTEN_US else None
        return known

    def errs_for_good(self, action: str, key: str) -> bool:
        """Say whether the provider repeats its first error for this key.

        It does so until it forgets the key.
        """
        known = self._cached.get((action, key))
        error = known is not None and isinstance(known[1], ConnectionError)
        return error and known is not None and self.clock.now_us < known[0] + FORGOTTEN_US
