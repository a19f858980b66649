"""Arithmetic gives the exact answer, or stops the step and says why; printing has one form."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opord.values import arith
from opord.values.arith import CannotCompute, DivisionByZero, EmptyList, NotANumber, Overflow
from opord.values.duration import format_duration, format_instant, parse_duration, parse_instant
from opord.values.failure import Failure, variant
from opord.values.guard import INT_MAX, INT_MIN, BadValue
from opord.values.names import member_names, python_names
from opord.values.printing import text

ints = st.integers(INT_MIN, INT_MAX)
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6)
exact: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floor_div": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
}


@pytest.mark.parametrize("name", exact)
@given(left=ints, right=ints)
def test_integers_are_exact_or_overflow(name: str, left: int, right: int) -> None:
    assume(right != 0 or name in ("add", "sub", "mul"))
    answer = exact[name](left, right)
    if INT_MIN <= answer <= INT_MAX:
        assert getattr(arith, name)(left, right) == answer
    else:
        with pytest.raises(Overflow, match="64-bit"):
            getattr(arith, name)(left, right)


@pytest.mark.parametrize("name", exact)
@given(left=decimals, right=decimals)
def test_decimals_are_exact_and_floor_as_integers_do(name: str, left: Decimal, right: Decimal) -> None:
    assume(right != 0 or name in ("add", "sub", "mul"))
    answer = exact[name](Fraction(left), Fraction(right))
    assert Fraction(getattr(arith, name)(left, right)) == answer


@given(decimals, decimals.filter(bool))
def test_decimals_divide_with_28_digits(left: Decimal, right: Decimal) -> None:
    quotient = arith.div(left, right)
    assert len(quotient.as_tuple().digits) <= 28
    error = abs(Fraction(left) / Fraction(right) - Fraction(quotient))
    assert error <= abs(Fraction(left) / Fraction(right)) * Fraction(1, 10**27)


FAULTS = [
    # computation                                           fault            what is told
    (lambda: arith.add(INT_MAX, 1), Overflow, "64-bit"),
    (lambda: arith.neg(INT_MIN), Overflow, "64-bit"),
    (lambda: arith.absolute(INT_MIN), Overflow, "64-bit"),
    (lambda: arith.floor_div(INT_MIN, -1), Overflow, "64-bit"),
    (lambda: arith.mul(1e308, 10.0), Overflow, "float"),
    (lambda: arith.sub(-1e308, 1e308), Overflow, "float"),
    (lambda: arith.mul(Decimal("1e900"), Decimal("1e900")), Overflow, "decimal"),
    (lambda: arith.mul(Decimal("1e-900"), Decimal("1e-900")), Overflow, "decimal"),
    (lambda: arith.add(datetime.max.replace(tzinfo=UTC), timedelta(1)), Overflow, "range"),
    (lambda: arith.add(timedelta.max, timedelta(1)), Overflow, "range"),
    (lambda: arith.mul(timedelta(days=1), 10**10), Overflow, "range"),
    (lambda: arith.div(1, 0), DivisionByZero, "zero"),
    (lambda: arith.div(Decimal(1), Decimal(0)), DivisionByZero, "zero"),
    (lambda: arith.mod(1, 0), DivisionByZero, "zero"),
    (lambda: arith.floor_div(1.0, 0.0), DivisionByZero, "zero"),
    (lambda: arith.least([]), EmptyList, "empty"),
    (lambda: arith.greatest([]), EmptyList, "empty"),
    (lambda: arith.to_int("1.5"), NotANumber, '"1.5"'),
    (lambda: arith.to_int(" 1"), NotANumber, '" 1"'),
    (lambda: arith.to_int("1_000"), NotANumber, '"1_000"'),
    (lambda: arith.to_int("٣"), NotANumber, "int"),
    (lambda: arith.to_int("9" * 5000), NotANumber, "…"),
    (lambda: arith.to_int("9223372036854775808"), Overflow, "64-bit"),
    (lambda: arith.to_int(1e300), Overflow, "64-bit"),
    (lambda: arith.to_int(Decimal("1e900")), Overflow, "64-bit"),
    (lambda: arith.to_float("nan"), NotANumber, '"nan"'),
    (lambda: arith.to_float("1e400"), Overflow, "float"),
    (lambda: arith.to_float(Decimal("1e900")), Overflow, "range"),
    (lambda: arith.to_decimal("Infinity"), NotANumber, "Infinity"),
    (lambda: arith.to_decimal("1e99999"), Overflow, "decimal"),
    (lambda: arith.round_to_int(1e300), Overflow, "64-bit"),
]


@pytest.mark.parametrize(("compute", "fault", "told"), FAULTS)
def test_a_computation_without_a_result_is_a_fault(
    compute: Callable[[], Any], fault: type[CannotCompute], told: str
) -> None:
    with pytest.raises(fault, match=told):
        compute()


ANSWERS = [
    (arith.floor_div(-7, 2), -4),
    (arith.mod(-7, 2), 1),
    (arith.floor_div(Decimal("-7.5"), Decimal(2)), Decimal(-4)),
    (arith.mod(Decimal("-7.5"), Decimal(2)), Decimal("0.5")),
    (arith.mod(Decimal("7.5"), Decimal(-2)), Decimal("-0.5")),
    (arith.div(7, 2), 3.5),
    (arith.div(Decimal(1), Decimal(3)), Decimal("0.3333333333333333333333333333")),
    (arith.sub(parse_instant("2026-01-02T00:00:00Z"), parse_instant("2026-01-01T00:00:00Z")), timedelta(1)),
    (arith.mul(3, timedelta(hours=1)), timedelta(hours=3)),
    (arith.round_to_int(2.5), 2),
    (arith.round_to_int(Decimal("3.5")), 4),
    (arith.round_to(Decimal("2.345"), 2), Decimal("2.34")),
    (arith.round_to(2.675, 2), 2.67),
    (arith.round_to(1250, -2), 1200),
    (arith.to_int("-007"), -7),
    (arith.to_int(-2.9), -2),
    (arith.to_float("1e3"), 1000.0),
    (arith.to_decimal(0.1), Decimal("0.1")),
    (arith.to_decimal("1.10"), Decimal("1.10")),
    (arith.item([1, 2, 3], -1), 3),
    (arith.item([1, 2, 3], 3), None),
    (arith.item([1, 2, 3], -4), None),
    (arith.least([3, 1, 2]), 1),
    (arith.greatest(["a", "c", "b"]), "c"),
]


@pytest.mark.parametrize(("answer", "expected"), ANSWERS)
def test_answers(answer: Any, expected: Any) -> None:
    assert (answer, type(answer)) == (expected, type(expected))


class Color(enum.Enum):
    red = "red"


class Problem(Failure):
    pass


@variant("Declined")
class Problem_Declined(Problem):  # noqa: N801 - as generated
    reason: str


PRINTED = [
    ("as it is", "as it is"),
    (True, "true"),
    (-3, "-3"),
    (2.0, "2.0"),
    (Decimal("2.50"), "2.50"),
    (datetime(2026, 1, 31, 14, 30, tzinfo=timezone(timedelta(hours=2))), "2026-01-31T12:30:00Z"),
    (date(2026, 1, 31), "2026-01-31"),
    (timedelta(days=2), "48h"),
    (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
    (b"\0\1", "AAE="),
    (Color.red, "red"),
    (Problem_Declined("x"), "Declined"),
]


@pytest.mark.parametrize(("value", "printed"), PRINTED)
def test_values_are_printed_as_the_language_prints_them(value: Any, printed: str) -> None:
    assert text(value) == printed


def test_values_without_a_printed_form_are_refused() -> None:
    with pytest.raises(TypeError, match="no printed form"):
        text([])


@pytest.mark.parametrize(
    ("read", "written"),
    [
        ("7d", "168h"),
        ("90m", "1h30m"),
        ("1500ms", "1s500ms"),
        ("-5m", "-5m"),
        ("0s", "0s"),
        ("1d1us", "24h1us"),
    ],
)
def test_a_duration_has_one_canonical_text(read: str, written: str) -> None:
    assert format_duration(parse_duration(read)) == written


@pytest.mark.parametrize("wrong", ["", "5", "-", "1.5h", "1h1h", "30m1h", "1h 30m", "1H", "٣h", "+1h"])
def test_an_invalid_duration_is_refused(wrong: str) -> None:
    with pytest.raises(BadValue, match="expected a duration"):
        parse_duration(wrong)


@given(st.timedeltas())
def test_every_duration_reads_back(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_reads_back(value: datetime) -> None:
    assert parse_instant(format_instant(value)) == value


def test_python_names_stay_distinct() -> None:
    assert python_names(["class", "class_", "id", "call"], {"call"}) == {
        "class": "class__",
        "class_": "class_",
        "id": "id",
        "call": "call_",
    }
    assert member_names(["type", "type_", "x"]) == {"type": "type__", "type_": "type_", "x": "x"}
