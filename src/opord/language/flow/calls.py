"""Know how a call can end: its declared failures, the built-in ones, and what each proves."""

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

CallEnding: TypeAlias = Literal["ok", "maybe", "failed"]
"""How a call ended: its effect happened, may have happened, or did not happen.

`maybe` is for `InDoubt` and for an action with `in doubt skip`.
"""

TIMED_OUT = VariantRef("", "TimedOut")
IN_DOUBT = VariantRef("", "InDoubt")


class DeclaredCalls:
    """The declared calls by name, and how each can end."""

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
        """Return the action `name`, or None if no action has this name."""
        call = self._by_name.get(name)
        return call if isinstance(call, Action) else None

    def variants(self, name: str) -> Iterator[tuple[VariantRef, Variant]]:
        """Yield the declared variants with which a call can fail, in the order of its `fails`."""
        call = self._by_name.get(name)
        if isinstance(call, Effect | Action):
            for failure in call.fails:
                for variant in self._variants.get(failure, ()):
                    yield VariantRef(failure, variant.name), variant

    def failures(self, name: str) -> tuple[VariantRef, ...]:
        """List every variant with which a call can fail: the declared ones, then the built-in one.

        An effect with a time limit can fail with `TimedOut`. An action can fail with `InDoubt` if
        its doubts are reported, at once or after nobody answered.
        """
        if name not in self._failures:
            refs = [ref for ref, _ in self.variants(name)]
            refs += self._built_in(name)
            self._failures[name] = tuple(refs)
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

    def answer(self, site: CallSite) -> CallEnding:
        """Return what `ok` proves: the call took effect, or with `in doubt skip`, it may have.

        An action with a result cannot be skipped; another finding reports that.
        """
        action = self.action(site.name)
        skips = action is not None and isinstance(action.doubt, Skip) and isinstance(action.result, Nothing)
        return "maybe" if skips else "ok"

    def outcomes(self, site: CallSite, pattern: Pattern | None) -> tuple[CallEnding, ...]:
        """List how a call can have ended when an arm with this pattern takes the outcome.

        Without a pattern: how it can have ended when it gave a result.
        """
        return (self.answer(site),) if pattern is None else tuple(self.endings(site, pattern))

    def endings(self, site: CallSite, pattern: Pattern) -> set[CallEnding]:
        """Return how a call can have ended when an arm with this pattern takes the outcome."""
        match pattern:
            case OkPattern():
                return {self.answer(site)}
            case VariantPattern(variants=variants):
                # An `InDoubt` that is not reported cannot occur; another finding reports that.
                action = self.action(site.name)
                reports = action is not None and reports_doubt(action)
                return {"maybe" if variant == IN_DOUBT and reports else "failed" for variant in variants}
            case ElsePattern():
                return {"failed"}  # `else` never covers `InDoubt`
            case SomePattern() | NonePattern() | ConstantPattern():
                return set()  # patterns for values; over a call they have been reported
            case _:
                assert_never(pattern)


def reports_doubt(action: Action) -> bool:
    """Say whether an action can fail with `InDoubt`: at once, or after nobody answered."""
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
