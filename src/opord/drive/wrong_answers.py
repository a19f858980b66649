"""Say in words which answers of handlers a contract does not allow, and why.

An exception that a handler raised by mistake speaks for itself. What needs words is a result of
another type, an `await` that was forgotten, and a failure that the contract does not declare.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, assert_never

import msgspec

from opord.contract import (
    ListOf,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
)
from opord.drive.frames import causes_of, frame_of, frames_of, home_of
from opord.kernel.program import CallProgram, Program
from opord.kernel.trouble import describe, error_text
from opord.values.failure import Failure
from opord.values.guard import BadValue, member

_VARIANTS: Final = 8
"""How many declared failures are listed at most."""

_HUGE: Final = 10**29
"""Whole numbers from this one on are not written out."""

_VALUES: Final = 10_000
"""How many values of a result are looked at for a forgotten `await`."""

_NOT_AWAITED: Final = re.compile(
    r"""['"](coroutine|async_generator|Task|Future)['"]|\bof type (coroutine|async_generator|Task|Future)\b"""
)
"""How Python and libraries name the type of a value that they cannot use."""


class WrongAnswer(Exception):
    """A handler returned something that its contract does not allow, or raised it wrongly."""


class ForgottenAwait(WrongAnswer):
    """A handler used or returned an awaitable in place of the value that it would have given."""


class UndeclaredFailure(WrongAnswer):
    """A handler raised a failure that its contract does not declare for the call."""


def wrong_result(call: CallProgram, value: Any, error: BaseException) -> WrongAnswer:
    """Say that a handler returned a value that does not fit. `error` is why.

    If code of the user raised it, such as a mapping that reads when it is asked, it is kept as the
    cause.
    """
    words = _wrong_result(call, value, error)
    words.__suppress_context__ = True
    if not isinstance(error, BadValue) and any(one["own"] for one in frames_of(error, None)):
        words.__cause__ = error
    return words


def _wrong_result(call: CallProgram, value: Any, error: BaseException) -> WrongAnswer:
    name, declared = call.declaration.name, call.declaration.result
    waiting = next(_awaitables(value, ""), None)
    if waiting is not None:
        path, awaitable = waiting
        if inspect.iscoroutine(awaitable):
            awaitable.close()  # or Python warns of it, at some later time
        where = f", in `{path}`" if path else ""
        return ForgottenAwait(
            f"`{name}` returned {_seen(awaitable)}{where}; an `await` is missing, and "
            f"the contract says {type_text(declared)}"
        )
    failure = value if isinstance(value, type) else type(value)
    if issubclass(failure, Failure):
        return WrongAnswer(f"`{name}` returned the failure {_failure_name(failure)}; raise it instead")
    path, why = (error.path, error.message) if isinstance(error, BadValue) else ("", error_text(error))
    if isinstance(declared, Nothing) or (not path and why.startswith("expected ")):
        return WrongAnswer(f"`{name}` returned {_seen(value)}; the contract says {type_text(declared)}")
    detail = f"{path} {why}" if path and why.startswith("is ") else f"{path}: {why}" if path else why
    return WrongAnswer(f"`{name}` returned {_seen(value)} that does not fit {type_text(declared)}: {detail}")


def wrong_failure(program: Program, call: CallProgram, failure: Failure, error: BaseException) -> WrongAnswer:
    """Say that a handler raised a declared failure that cannot be recorded. `error` is why."""
    name, raised = call.declaration.name, _failure_name(type(failure))
    module = type(failure).__module__
    if module != program.workflow.__module__:
        raised += f" of the module {module}"
    variants = {
        f"{union.name}.{variant.name}" for union in program.contract.failures for variant in union.variants
    }
    if _failure_name(type(failure)) not in variants:
        return UndeclaredFailure(
            f"`{name}` raised {raised}; {program.name} version {program.version} has no such variant: {_declared(program, call)}"
        ).with_traceback(failure.__traceback__)
    kind = WrongAnswer if module == program.workflow.__module__ else UndeclaredFailure
    return kind(f"`{name}` raised {raised}, whose content does not fit: {error}").with_traceback(
        failure.__traceback__
    )


def wrong_error(program: Program, call: CallProgram, error: BaseException) -> BaseException:
    """Return what a handler raised, or what explains it if it is a known mistake."""
    name, kind = call.declaration.name, type(error)
    if issubclass(kind, Failure):
        return UndeclaredFailure(
            f"`{name}` raised {_failure_name(kind)}, which its contract does not declare; {_declared(program, call)}"
        ).with_traceback(error.__traceback__)
    if issubclass(kind, BaseExceptionGroup):
        grouped = _failure_in(error)
        if grouped is not None:
            alone = WrongAnswer(
                f"`{name}` raised the failure {_failure_name(type(grouped))} in a group of exceptions; raise the failure alone"
            )
            alone.__cause__ = error
            return alone
    if issubclass(kind, Exception) and _NOT_AWAITED.search(error_text(error)):
        return ForgottenAwait(f"{error_text(error)}; an `await` is missing").with_traceback(
            error.__traceback__
        )
    return error


def describe_error(call: CallProgram, function: Callable[..., Any], error: BaseException) -> dict[str, Any]:
    """Describe what a handler did wrong, for a record.

    If nothing of the user's own code was running when it was noticed, the line is that of the
    handler's `def`.
    """
    name = call.declaration.name
    frames: list[dict[str, Any]] = []
    causes: list[dict[str, Any]] = []
    try:
        home = home_of(function, name)
        frames = frames_of(error, home)
        causes = causes_of(error, home)
        if not any(one["own"] for part in (frames, *(one["frames"] for one in causes)) for one in part):
            at = frame_of(function, home, name)
            frames = [*([] if isinstance(error, WrongAnswer) else frames), *([at] if at is not None else [])]
    except BaseException:  # noqa: S110 - exceptions and handlers can be hostile; the traceback is left
        pass
    sentence = str(error) if issubclass(type(error), WrongAnswer) else None
    return describe(error, call=name, frames=frames, causes=causes, sentence=sentence)


def hung_at(function: Callable[..., Any], cut_off: BaseException | None) -> list[dict[str, Any]]:
    """Return the frames that a cancelled handler was in, if some are the user's own code."""
    if cut_off is None:
        return []
    try:
        frames = frames_of(cut_off, home_of(function))
    except Exception:  # exceptions and handlers can be hostile
        return []
    return frames if any(one["own"] for one in frames) else []


def type_text(type_: Type) -> str:
    """Write a type as a contract does."""
    match type_:
        case Primitive(name) | Named(name):
            return name
        case ListOf(item):
            return f"list[{type_text(item)}]"
        case MapOf(value):
            return f"map[str, {type_text(value)}]"
        case OptionalOf(item):
            return f"{type_text(item)}?"
        case SecretOf(item):
            return f"secret {type_text(item)}"
        case Nothing():
            return "that it returns nothing"
        case ProblemOf() | RunInfo() | Unknown():
            return "another type"
        case _:
            assert_never(type_)


def _failure_in(group: BaseException) -> Failure | None:
    """Return the first failure in a group, such as one of the tasks of a `TaskGroup`."""
    waiting = [group]
    for _ in range(_VALUES):
        if not waiting:
            return None
        one = waiting.pop()
        if isinstance(one, Failure):
            return one
        if isinstance(one, BaseExceptionGroup):
            waiting += reversed(one.exceptions)
    return None


def _declared(program: Program, call: CallProgram) -> str:
    """List the failures that a contract declares for a call."""
    if call.kind == "pure":
        return "a pure has no failures"
    names = [
        f"{failure.name}.{variant.name}"
        for failure in program.contract.failures
        if failure.name in call.fails
        for variant in failure.variants
    ]
    if not names:
        return f"the contract declares no failure for `{call.declaration.name}`"
    more = f" and {len(names) - _VARIANTS} more" if len(names) > _VARIANTS else ""
    return f"the contract declares {', '.join(names[:_VARIANTS])}{more}"


def _failure_name(failure: type[Failure]) -> str:
    return ".".join(part for part in (failure.opord_type, failure.opord_variant) if part) or failure.__name__


def _seen(value: Any) -> str:
    """Name a value by its kind. Its content may be a secret."""
    kind = type(value)
    if kind is int and not -_HUGE < value < _HUGE:
        return "a huge number"  # Python refuses to write some of them
    if value is None or kind in (bool, int, float):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    if kind.__name__ in ("coroutine", "generator", "async_generator"):
        return f"{'an' if kind.__name__.startswith('a') else 'a'} {kind.__name__.replace('_', ' ')}"
    name = kind.__qualname__.rpartition("<locals>.")[2]
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _awaitables(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the awaitables in a value, with their paths."""
    waiting: list[tuple[str, Any]] = [(path, value)]
    for _ in range(_VALUES):
        if not waiting:
            return
        where, one = waiting.pop()
        kind = type(one)
        if hasattr(kind, "__await__") or kind.__name__ == "async_generator":
            yield where, one
        elif kind is dict:
            waiting += [(_path(where, str(name)), item) for name, item in one.items()]
        elif kind in (list, tuple):
            waiting += [(_path(where, index), item) for index, item in enumerate(one)]
        elif issubclass(kind, msgspec.Struct):
            waiting += [(_path(where, name), getattr(one, name, None)) for name in kind.__struct_fields__]


def _path(where: str, step: str | int) -> str:
    head = member(step)
    return f"{where}{head}" if not where or head.startswith("[") else f"{where}.{head}"
