"""Arithmetic of the language: it gives the exact answer, or stops the step and says why.

Integers have 64 bits; an overflow is a fault, never a wrap. Floats never become NaN or infinite.
`//` and `%` floor, as in Python, for decimals too. Sums and products of decimals are exact;
quotients have 28 digits, rounded half to even.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TypeVar, overload

from opord.values.guard import INT_MAX, INT_MIN

T = TypeVar("T")
NumberT = TypeVar("NumberT", int, float, Decimal)
SignedT = TypeVar("SignedT", int, float, Decimal, timedelta)
K = TypeVar("K", bound=Any)

EXPONENT_MAX: Final = 1000
"""A decimal lies between 1E-1000 and 1E1001, and has no digit below 1E-1000."""

_RANGE: Final = "the result leaves the range of its type"
# Sums and products of two decimals in that range have at most 4,004 digits: never inexact.
_EXACT: Final = Context(prec=4100, rounding=ROUND_HALF_EVEN)
_DIVIDE: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)


class CannotCompute(ArithmeticError):
    """An expression has no value. The run stalls at the expression's place in the contract."""


class Overflow(CannotCompute):
    """A result lies outside the range of its type."""


class DivisionByZero(CannotCompute):
    """A division by zero."""


class NotANumber(CannotCompute):
    """A text that `int`, `float` or `decimal` cannot read."""


class EmptyList(CannotCompute):
    """The least or greatest item of an empty list."""


def fits(value: Any) -> Any:
    """Return a computed number that is in the range of its type; raise Overflow for any other."""
    if type(value) is int:
        if not INT_MIN <= value <= INT_MAX:
            raise Overflow("the integer leaves the 64-bit range")
    elif type(value) is float:
        if not math.isfinite(value):
            raise Overflow("the float leaves its range")
    elif type(value) is Decimal and not decimal_fits(value):
        raise Overflow(f"the decimal leaves the range of 1E-{EXPONENT_MAX} to 1E{EXPONENT_MAX}")
    return value


def decimal_fits(value: Decimal) -> bool:
    """Say whether a decimal is finite and neither too large nor too fine."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -EXPONENT_MAX and value.adjusted() <= EXPONENT_MAX


@overload
def add(left: datetime, right: timedelta) -> datetime: ...
@overload
def add(left: timedelta, right: datetime) -> datetime: ...
@overload
def add(left: NumberT, right: NumberT) -> NumberT: ...
@overload
def add(left: timedelta, right: timedelta) -> timedelta: ...
def add(left: Any, right: Any) -> Any:
    """Add numbers, durations, or a duration to an instant."""
    if type(left) is Decimal:
        return fits(_EXACT.add(left, right))
    try:
        return fits(left + right)
    except OverflowError:
        raise Overflow(_RANGE) from None


@overload
def sub(left: datetime, right: datetime) -> timedelta: ...
@overload
def sub(left: datetime, right: timedelta) -> datetime: ...
@overload
def sub(left: NumberT, right: NumberT) -> NumberT: ...
@overload
def sub(left: timedelta, right: timedelta) -> timedelta: ...
def sub(left: Any, right: Any) -> Any:
    """Subtract numbers, durations, instants, or a duration from an instant."""
    if type(left) is Decimal:
        return fits(_EXACT.subtract(left, right))
    try:
        return fits(left - right)
    except OverflowError:
        raise Overflow(_RANGE) from None


@overload
def mul(left: timedelta, right: int) -> timedelta: ...
@overload
def mul(left: int, right: timedelta) -> timedelta: ...
@overload
def mul(left: NumberT, right: NumberT) -> NumberT: ...
def mul(left: Any, right: Any) -> Any:
    """Multiply numbers, or a duration by an integer."""
    if type(left) is Decimal:
        return fits(_EXACT.multiply(left, right))
    try:
        return fits(left * right)
    except OverflowError:
        raise Overflow(_RANGE) from None


@overload
def div(left: Decimal, right: Decimal) -> Decimal: ...
@overload
def div(left: float, right: float) -> float: ...
def div(left: Any, right: Any) -> Any:
    """Divide. The result is a decimal of 28 digits for decimals, and a float for all else."""
    if not right:
        raise DivisionByZero("division by zero")
    if type(left) is Decimal:
        return fits(_DIVIDE.divide(left, right))
    return fits(_ranged(lambda: left / right))


def floor_div(left: NumberT, right: NumberT) -> NumberT:
    """Divide and round down."""
    quotient: NumberT = _floored(left, right)[0]
    return quotient


def mod(left: NumberT, right: NumberT) -> NumberT:
    """Return the remainder of floor division; it has the sign of `right`."""
    rest: NumberT = _floored(left, right)[1]
    return rest


def neg(value: SignedT) -> SignedT:
    """Negate."""
    result: SignedT = fits(_EXACT.minus(value) if type(value) is Decimal else _ranged(lambda: -value))
    return result


def absolute(value: SignedT) -> SignedT:
    """Return the absolute value."""
    result: SignedT = fits(_EXACT.abs(value) if type(value) is Decimal else _ranged(lambda: abs(value)))
    return result


def round_to_int(value: float | Decimal) -> int:
    """Round to the nearest integer, halves to the even one."""
    return _int(round(value))


def round_to(value: NumberT, digits: int) -> NumberT:
    """Round to `digits` after the point, halves to even; negative digits count before the point."""
    if type(value) is Decimal:
        if digits > EXPONENT_MAX:
            return value
        exponent = Decimal((0, (1,), -max(digits, -EXPONENT_MAX - 2)))
        return _decimal(value.quantize(exponent, context=_EXACT))
    result: NumberT = fits(round(value, digits))
    return result


def to_int(value: bool | int | float | Decimal | str) -> int:
    """Read an integer from a text of digits, or truncate a number towards zero."""
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]{1,40}", value):
            raise NotANumber(f"not the text of an int: {_quoted(value)}")
    return _int(int(value))


def to_float(value: int | float | Decimal | str) -> float:
    """Read a float from a text such as `2.5` or `1e3`, or convert a number."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise NotANumber(f"not the text of a float: {_quoted(value)}")
    result: float = fits(_ranged(lambda: float(value)))
    return result


def to_decimal(value: int | float | Decimal | str) -> Decimal:
    """Read a decimal from a text such as `2.50`, or convert a number.

    A float is converted by its shortest text.
    """
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise NotANumber(f"not the text of a decimal: {_quoted(value)}")
    try:
        return _decimal(Decimal(repr(value) if isinstance(value, float) else value))
    except InvalidOperation:
        raise Overflow("the decimal leaves its range") from None


def item(items: Sequence[T], index: int) -> T | None:
    """Return `items[index]`, or None outside the list. A negative index counts from the end."""
    return items[index] if -len(items) <= index < len(items) else None


def entry(entries: Mapping[str, T], key: str) -> T | None:
    """Return the value at `key` of a map, or None."""
    return entries.get(key)


def least(items: Iterable[K]) -> K:
    """Return the least of the items; raise EmptyList if there are none."""
    return _first(min, items)


def greatest(items: Iterable[K]) -> K:
    """Return the greatest of the items; raise EmptyList if there are none."""
    return _first(max, items)


def count(items: Iterable[Any], variant: object) -> int:
    """Count the items that are one variant: a class, or a member of an enum without fields."""
    if isinstance(variant, type):
        return sum(1 for one in items if isinstance(one, variant))
    return sum(1 for one in items if one is variant)


def unreachable(value: object) -> NoReturn:
    """Raise for a value that the checker proved impossible in a `match`."""
    raise AssertionError(f"no arm takes {type(value).__qualname__}: a bug in Opord")


_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,2200}(\.[0-9]{1,2200})?([eE][+-]?[0-9]{1,6})?")


def _int(value: int) -> int:
    fits(value)
    return value


def _decimal(value: Decimal) -> Decimal:
    fits(value)
    return value


def _ranged(compute: Callable[[], T]) -> T:
    try:
        return compute()
    except OverflowError:
        raise Overflow(_RANGE) from None


def _floored(left: Any, right: Any) -> tuple[Any, Any]:
    if not right:
        raise DivisionByZero("division by zero")
    if type(left) is not Decimal:
        return fits(_ranged(lambda: left // right)), fits(_ranged(lambda: left % right))
    try:
        quotient, rest = _EXACT.divmod(left, right)
    except InvalidOperation:
        raise Overflow("the quotient has too many digits") from None
    if rest and (rest < 0) != (right < 0):
        quotient, rest = _EXACT.subtract(quotient, Decimal(1)), _EXACT.add(rest, right)
    return fits(quotient), fits(rest)


def _first(choose: Callable[[Iterable[K]], K], items: Iterable[K]) -> K:
    try:
        return choose(items)
    except ValueError:
        raise EmptyList("an empty list has no least or greatest item") from None


def _quoted(value: str) -> str:
    return f'"{value}"' if len(value) <= 40 else f'"{value[:37]}…"'
