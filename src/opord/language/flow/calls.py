"""What a call can end in: its declared failures, the built-in ones, and what each outcome proves of its effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias, assert_never

from opord.contract import (
    Action,
    Ask,
    CallSite,
    Check,
    ConstantPattern,
    Contract,
    Effect,
    ElsePattern,
    NonePattern,
    Nothing,
    OkPattern,
    Pattern,
    Pure,
    Repeat,
    Report,
    Skip,
    SomePattern,
    Variant,
    VariantPattern,
    VariantRef,
)

Ending: TypeAlias = Literal["ok", "maybe", "failed"]
"""How a call ended: it has taken effect; it may have (`InDoubt`, or an action that is skipped); it did not."""

TIMED_OUT = VariantRef("", "TimedOut")
IN_DOUBT = VariantRef("", "InDoubt")


class Calls:
    """The declared calls by name, and what each can end in."""

    def __init__(self, contract: Contract) -> None:
        self._by_name: dict[str, Pure | Effect | Action] = {}
        for declared in (contract.pures, contract.effects, contract.actions):
            self._by_name |= {call.name: call for call in declared}
        self._variants = {failure.name: failure.variants for failure in contract.failures}
        self._failures: dict[str, tuple[VariantRef, ...]] = {}

    def get(self, name: str) -> Pure | Effect | Action | None:
        """Return the declaration of `name`, or None if there is none."""
        return self._by_name.get(name)

    def action(self, name: str) -> Action | None:
        """Return the action `name`, or None if there is none, or something else has that name."""
        call = self._by_name.get(name)
        return call if isinstance(call, Action) else None

    def variants(self, name: str) -> Iterator[tuple[VariantRef, Variant]]:
        """Yield the declared variants that a call can fail with, in the order of its `fails`."""
        call = self._by_name.get(name)
        if isinstance(call, Effect | Action):
            for failure in call.fails:
                for variant in self._variants.get(failure, ()):
                    yield VariantRef(failure, variant.name), variant

    def failures(self, name: str) -> tuple[VariantRef, ...]:
        """List all that a call can fail with: its declared variants, then the built-in one that joins them.

        `TimedOut` joins the failures of an effect with a time limit, `InDoubt` those of an action whose
        doubts are reported, be it at once or after nobody answered.
        """
        if name not in self._failures:
            found = [ref for ref, _ in self.variants(name)]
            found += self._built_in(name)
            self._failures[name] = tuple(found)
        return self._failures[name]

    def _built_in(self, name: str) -> tuple[VariantRef, ...]:
        call = self._by_name.get(name)
        match call:
            case Effect(timeout=timeout):
                return (TIMED_OUT,) if timeout is not None else ()
            case Action():
                return (IN_DOUBT,) if reports_doubt(call) else ()
            case Pure() | None:
                return ()
            case _:
                assert_never(call)

    def answer(self, site: CallSite) -> Ending:
        """Say what `ok` proves: that the call took effect, or, with `in doubt skip`, only that it may have.

        An action with a result cannot be skipped, which is said elsewhere.
        """
        action = self.action(site.name)
        skips = action is not None and isinstance(action.doubt, Skip) and isinstance(action.result, Nothing)
        return "maybe" if skips else "ok"

    def outcomes(self, site: CallSite, pattern: Pattern | None) -> tuple[Ending, ...]:
        """List how the call can have ended where an arm with this pattern is taken, or, with no pattern, where it answered."""
        return (self.answer(site),) if pattern is None else tuple(self.endings(site, pattern))

    def endings(self, site: CallSite, pattern: Pattern) -> set[Ending]:
        """Say how the call can have ended where an arm with this pattern is taken."""
        match pattern:
            case OkPattern():
                return {self.answer(site)}
            case VariantPattern(variants=variants):
                # An `InDoubt` that is not reported cannot come, which is said elsewhere.
                action = self.action(site.name)
                reports = action is not None and reports_doubt(action)
                return {"maybe" if variant == IN_DOUBT and reports else "failed" for variant in variants}
            case ElsePattern():
                return {"failed"}  # `else` never covers `InDoubt`
            case SomePattern() | NonePattern() | ConstantPattern():
                return set()  # these take values; over a call they have their finding
            case _:
                assert_never(pattern)


def reports_doubt(action: Action) -> bool:
    """Say whether `InDoubt` joins the failures of an action: at once, or after nobody answered."""
    doubt = action.doubt
    match doubt:
        case Report():
            return True
        case Ask(within=within):
            return within is not None
        case Repeat() | Check() | Skip():
            return False
        case _:
            assert_never(doubt)
