"""Compute the known part of a value, whether a condition on it holds, and what that proves.

The known part, the *worth*, of a value is a literal, a variant, or the known fields of a record.
What is known of values that cannot be computed, such as fields, comes in as a table by value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias, assert_never

from opord.contract import (
    ConstantPattern,
    ElsePattern,
    NonePattern,
    OkPattern,
    Pattern,
    SomePattern,
    VariantPattern,
    VariantRef,
)
from opord.language.flow.value_flow import (
    CopiedField,
    KnownValue,
    MadeValue,
    OutsideValue,
    Requirement,
    Value,
)


class WorthMark:
    """What stands for a worth that is not known as a literal."""


UNSAID: Final = WorthMark()
"""Nothing is known of the value."""
SOMETHING: Final = WorthMark()
"""The value is not `none`; nothing more is known."""


COUNT_MAX = 10
"""A counter is computed up to this number, and down to the same below zero."""


class Beyond(WorthMark):
    """A number above `COUNT_MAX`, or below `-COUNT_MAX`: no more is computed of a counter."""

    def __init__(self, sign: str) -> None:
        self.bound: float = float(f"{sign}inf")


@dataclass(frozen=True, slots=True)
class NamedVariant:
    """A variant with fields; only its name is known."""

    ref: VariantRef


Worths: TypeAlias = Mapping[Value, Any]
"""The worth of values."""


def holds(requirement: Requirement, known: Worths) -> bool | None:
    """Say whether a condition holds; None if that is not known."""
    worth = worth_of(requirement.of, known)
    if worth is UNSAID:
        return None
    if requirement.pattern is None:
        return bool(worth) is requirement.holds
    if isinstance(requirement.pattern, ElsePattern):
        answers = [takes(pattern, worth) for pattern in requirement.before]
        return False if True in answers else None if None in answers else True
    return takes(requirement.pattern, worth)


def takes(pattern: Pattern, worth: Any) -> bool | None:
    """Say whether a pattern takes a value; None if that is not known."""
    match pattern:
        case NonePattern():
            return worth is None
        case SomePattern():
            return worth is not None
        case ConstantPattern(values=values):
            return None if isinstance(worth, WorthMark) else worth in values
        case VariantPattern(variants=variants):
            ref = worth.ref if isinstance(worth, NamedVariant) else worth
            return ref in variants if isinstance(ref, VariantRef) else None
        case ElsePattern() | OkPattern():
            return None  # the rest of the cases is not known, and `ok` takes no value
        case _:
            assert_never(pattern)


def worth_of(value: Value, known: Worths) -> Any:
    """Return the known part of a value; `UNSAID` if nothing is known."""
    if known and value in known:
        return known[value]
    match value:
        case KnownValue(value=worth):
            return worth
        case MadeValue(how="attribute", parts=(of,), names=(name,)):
            record = worth_of(of, known)
            return record.get(name, UNSAID) if isinstance(record, dict) else UNSAID
        case MadeValue(how="beyond", names=(sign,)):
            return Beyond(sign)
        case MadeValue(how="wrap", parts=(of,)):
            worth = worth_of(of, known)
            return SOMETHING if worth is UNSAID else worth
        case MadeValue(how="unwrap", parts=(of,)):
            worth = worth_of(of, known)
            return UNSAID if worth is SOMETHING else worth
        case MadeValue(how="variant", names=(type, name, *_)):
            return NamedVariant(VariantRef(type, name))
        case MadeValue(how="record", parts=parts, names=names):
            return _record({}, names, parts, known)
        case MadeValue(how="with", parts=(of, *changes), names=names):
            record = worth_of(of, known)
            return _record(record if isinstance(record, dict) else {}, names, changes, known)
        case MadeValue(how=how, parts=parts) if how in _OPERATORS:
            return operate(how, [worth_of(part, known) for part in parts])
        case CopiedField() | MadeValue() | OutsideValue():
            return UNSAID
        case _:
            assert_never(value)


def _record(base: dict[str, Any], names: tuple[str, ...], parts: Any, known: Worths) -> dict[str, Any]:
    worths = {name: worth_of(part, known) for name, part in zip(names, parts, strict=True)}
    return {name: worth for name, worth in (base | worths).items() if worth is not UNSAID}


_OPERATORS = frozenset({"not", "and", "or", "==", "!=", "<", "<=", ">", ">="})
_ORDERED = (int, float, Decimal, timedelta, str)


def operate(op: str, worth: list[Any]) -> Any:
    """Compute a condition from known operands; `UNSAID` if they do not decide it."""
    match op, worth:
        case "and", _:
            return False if False in worth else UNSAID if UNSAID in worth else True
        case "or", _:
            return True if True in worth else UNSAID if UNSAID in worth else False
        case "==" | "!=", [left, right] if _is_none(left, right) is not None:
            return _is_none(left, right) is (op == "==")
        case _, [Beyond() as left, int() as right] if abs(right) <= COUNT_MAX:
            return operate(op, [left.bound, right])
        case _, [int() as left, Beyond() as right] if abs(left) <= COUNT_MAX:
            return operate(op, [left, right.bound])
        case _ if any(isinstance(each, WorthMark | dict | NamedVariant) for each in worth):
            return UNSAID
        case "not", [of]:
            return not of
        case "==", [left, right]:
            return left == right
        case "!=", [left, right]:
            return left != right
        case _, [left, right] if isinstance(left, _ORDERED) and isinstance(right, _ORDERED):
            return _compared(op, left, right)
        case _:  # open: what cannot be computed here stays unknown
            return UNSAID


def _is_none(left: Any, right: Any) -> bool | None:
    """Compare two values, one of which is `none`; return None if the result is not known."""
    if left is UNSAID or right is UNSAID or (left is not None and right is not None):
        return None
    return left is right


def _compared(op: str, left: Any, right: Any) -> Any:
    try:
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]
    except TypeError:
        return UNSAID


# --- What a condition proves ----------------------------------------------------------------------


def proved(requirement: Requirement) -> Iterator[tuple[Value, Any]]:
    """Yield each value that a condition proves something about, with its known part."""
    of, pattern = requirement.of, requirement.pattern
    match pattern:
        case None:
            yield from _proved_by_test(of, requirement.holds)
        case NonePattern():
            yield of, None
        case SomePattern():
            yield of, SOMETHING
        case ConstantPattern(values=(value,)):
            yield of, value
        case VariantPattern(variants=(ref,)):
            yield of, NamedVariant(ref)
        case ElsePattern():
            yield from _proved_by_else(of, requirement.before)
        case ConstantPattern() | VariantPattern() | OkPattern():
            pass  # one of several values, or no value
        case _:
            assert_never(pattern)


def _proved_by_test(of: Value, result: bool) -> Iterator[tuple[Value, Any]]:
    yield of, result
    match of:
        case MadeValue(how="not", parts=(part,)):
            yield from _proved_by_test(part, not result)
        case MadeValue(how="and" | "or" as how, parts=parts) if result is (how == "and"):
            for part in parts:
                yield from _proved_by_test(part, result)
        case MadeValue(how="==" | "!=" as how, parts=(left, right)):
            for part, other in ((left, right), (right, left)):
                if isinstance(other, KnownValue) and result is (how == "=="):
                    yield part, other.value
                elif other == KnownValue(None):
                    yield part, SOMETHING
        case KnownValue() | CopiedField() | MadeValue() | OutsideValue():
            pass
        case _:
            assert_never(of)


def _proved_by_else(of: Value, before: tuple[Pattern, ...]) -> Iterator[tuple[Value, Any]]:
    for pattern in before:
        match pattern:
            case NonePattern():
                yield of, SOMETHING
            case SomePattern():
                yield of, None
            case ConstantPattern(values=(bool() as value,)):
                yield of, not value
            case ConstantPattern() | VariantPattern() | ElsePattern() | OkPattern():
                pass  # what is left has several values
            case _:
                assert_never(pattern)
