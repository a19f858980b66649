"""The answers of a fake, one call after another. Each is checked against the contract at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, TypeAlias

from opord.contract import Action, Effect, Nothing, Type
from opord.kernel.program import CallProgram
from opord.kernel.step import dump_failure
from opord.language.types import show
from opord.values.duration import parse_duration
from opord.values.failure import Failure
from opord.values.guard import BadValue

TimeSpan: TypeAlias = str | timedelta
"""A duration: `"48h"`, as in a contract, or a `timedelta`."""


class ScriptError(Exception):
    """A test asks a fake for something that its call cannot do; the message says what it can do."""


@dataclass(frozen=True)
class ScriptedAnswer:
    """One answer of a script.

    `value` is a result, a failure, an exception or a function, by its kind; `lost` and `silence`
    are the two ways in which nobody learns the outcome. `happened` says whether the other side did
    it. `after` is how long it takes. `times` is how often it is given; None for once, and on and on
    if it is the last. `before_key`: the other side answers so before it looks at the key.
    """

    kind: Literal["ok", "fails", "raises", "lost", "silence", "does", "looks up", "auto"]
    value: Any = None
    happened: bool = False
    after: timedelta = timedelta()
    times: int | None = None
    before_key: bool = False


class Script:
    """The latest answer of a fake's script; `times` says how often it is given, `then` goes on."""

    def __init__(self, fake: Scripted) -> None:
        self._fake = fake

    def times(self, count: int) -> Script:
        """Give that answer so many times; a further call needs another."""
        if not isinstance(count, int) or count < 1:
            raise ScriptError(f"expected a number of times of at least 1, got: {count!r}")
        script = self._fake._script
        script[-1] = replace(script[-1], times=count)
        return self

    @property
    def then(self) -> Then:
        """Say how the next call is answered."""
        return Then(self._fake)


class Answers:
    """The answers that can be scripted; each is checked against the declaration of the call."""

    @property
    @abstractmethod
    def _call(self) -> CallProgram: ...

    @abstractmethod
    def _say(self, answer: ScriptedAnswer) -> Script: ...

    def returns(self, *value: Any, after: TimeSpan = "0s", **fields: Any) -> Script:
        """Answer with a result: typed, as plain data, or as the fields of a record by their names.

        `after` is how long the answer takes.
        """
        return self._say(ScriptedAnswer("ok", self._result(value, fields, "returns"), True, _span(after)))

    def fails(
        self, failure: Failure | type[Failure], *, after: TimeSpan = "0s", before_key: bool | None = None
    ) -> Script:
        """Answer with a declared failure: `fails(PaymentError.Declined(reason="no funds"))`.

        With `before_key` the other side refuses the call before it looks at its key, though it may
        have done what was asked under it; without, a key that it knows is answered as before.
        Unless said, a final failure that does not settle comes before the key, and any other one
        does not.
        """
        if not isinstance(failure, Failure) and not (
            isinstance(failure, type) and issubclass(failure, Failure)
        ):
            raise ScriptError(
                f"expected a failure of the contract, as in fails(PaymentError.Declined), got: {failure!r}"
            )
        variant = failure() if isinstance(failure, type) else failure
        declared = getattr(self._call.declaration, "fails", ())
        if variant.opord_type not in declared:
            can = f"it fails with {' or '.join(declared)}" if declared else "it declares no failure"
            raise ScriptError(
                f"{self._name} cannot fail with {variant}: {can}; for anything else there is raises(…)"
            )
        try:
            dump_failure(self._call, variant)
        except BadValue as error:
            raise ScriptError(f"{self._name} cannot fail with {variant}: {error}") from None
        if before_key is None:
            before_key = not (variant.opord_transient or variant.opord_settles)
        return self._say(ScriptedAnswer("fails", variant, False, _span(after), before_key=before_key))

    def raises(self, error: BaseException, *, after: TimeSpan = "0s") -> Script:
        """Raise something undeclared.

        An effect is tried again and then stalls its run; an action is in doubt.
        """
        return self._say(ScriptedAnswer("raises", error, False, _span(after)))

    def unknown(self, *result: Any, happened: bool = False, after: TimeSpan = "0s", **fields: Any) -> Script:
        """Lose the answer of an action, so that it is in doubt.

        With `happened` the other side did it, with that result (something plausible unless it is
        given).
        """
        self._only((Action,), "unknown")
        self._not_in_transaction("is never in doubt; raises(…) is an attempt that is rolled back")
        return self._say(
            ScriptedAnswer("lost", self._lost_result(result, fields, happened), happened, _span(after))
        )

    def times_out(self, *result: Any, happened: bool = False, **fields: Any) -> Script:
        """Never answer: the call is given up after its time-out. For `happened` see `unknown`."""
        self._only((Action,) if happened else (Effect, Action), "times_out")
        if happened:
            self._not_in_transaction("is rolled back if it takes too long, so it cannot have happened")
        return self._say(ScriptedAnswer("silence", self._lost_result(result, fields, happened), happened))

    def does(self, function: Callable[..., Any]) -> Script:
        """Answer with the result of a function of the arguments, or the failure that it raises."""
        return self._say(ScriptedAnswer("does", function, True))

    def looks_up(self, action: Scripted) -> Script:
        """Answer as one who knows what became of the run's latest commit of an action.

        For the effect of `in doubt check`: the result that the action had (or true) if it happened,
        else none (or false).
        """
        self._only((Effect,), "looks_up")
        if not isinstance(action, Scripted) or not isinstance(action._call.declaration, Action):
            raise ScriptError(
                f"expected the fake of an action, as in {self._name}.looks_up(fakes.pay), got: {action!r}"
            )
        return self._say(ScriptedAnswer("looks up", action, True))

    def auto(self) -> Script:
        """Answer with something plausible of the declared type."""
        return self._say(ScriptedAnswer("auto", None, True))

    # --- what fits -------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._call.declaration.name

    def _not_in_transaction(self, why: str) -> None:
        declaration = self._call.declaration
        if isinstance(declaration, Action) and declaration.transaction:
            raise ScriptError(f"{self._name} is carried out in a transaction, and {why}")

    def _only(self, kinds: tuple[type, ...], verb: str) -> None:
        if not isinstance(self._call.declaration, kinds):
            wanted = " and ".join(f"{kind.__name__.lower()}s" for kind in kinds)
            article = "a" if self._call.kind == "pure" else "an"
            raise ScriptError(
                f"{self._name} is {article} {self._call.kind}, and {verb}(…) is only for {wanted}"
            )

    def _lost_result(self, result: tuple[Any, ...], fields: Mapping[str, Any], happened: bool) -> Any:
        if not result and not fields:
            return None
        if not happened:
            raise ScriptError(f"{self._name} has a result only if it happened; add happened=True")
        return self._result(result, fields, "unknown")

    def _result(self, value: tuple[Any, ...], fields: Mapping[str, Any], verb: str) -> Any:
        codec = self._call.result
        if codec is None:
            if fields or value not in ((), (None,)):
                raise ScriptError(f"{self._name} has no result; call {verb}() without a value")
            return None
        if len(value) > 1 or (value and fields) or (not value and not fields):
            raise ScriptError(
                f"{self._name} answers {type_text(self._call.declaration.result)}; "
                f"give {verb}(…) one value, or the fields of a record by name"
            )
        try:
            return codec.accept(value[0] if value else dict(fields))
        except BadValue as error:
            where = f"{error.path}: " if error.path else ""
            raise ScriptError(
                f"{self._name} answers {type_text(self._call.declaration.result)}; this value does not fit: "
                f"{where}{error.message}"
            ) from None


class Scripted(Answers):
    """Answers the calls of one declaration by a script: the part of a fake that a test uses."""

    def __init__(self, call: CallProgram) -> None:
        self._program = call
        self._script: list[ScriptedAnswer] = []

    @property
    def _call(self) -> CallProgram:
        return self._program

    def _say(self, answer: ScriptedAnswer) -> Script:
        self._script = [answer]
        return Script(self)


class Then(Answers):
    """Says how a further call is answered."""

    def __init__(self, fake: Scripted) -> None:
        self._fake = fake

    @property
    def _call(self) -> CallProgram:
        return self._fake._call

    def _say(self, answer: ScriptedAnswer) -> Script:
        self._fake._script.append(answer)
        return Script(self._fake)


def type_text(type_: Type) -> str:
    """Write a type as a contract does."""
    return "nothing" if isinstance(type_, Nothing) else show(type_)


def span_us(span: TimeSpan) -> int:
    """Return a duration in microseconds."""
    return _span(span) // timedelta(microseconds=1)


def _span(span: TimeSpan) -> timedelta:
    if isinstance(span, timedelta):
        length = span
    elif not isinstance(span, str):
        raise ScriptError(_no_span(span))
    else:
        try:
            length = parse_duration(span)
        except BadValue:
            raise ScriptError(_no_span(span)) from None
    if length < timedelta():
        raise ScriptError(f"time does not go back: {span!r}")
    return length


def _no_span(span: object) -> str:
    return f'expected a length of time such as "48h" or "1h30m", or a timedelta, got: {span!r}'
