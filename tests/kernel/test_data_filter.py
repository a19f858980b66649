"""Runs are found by their data, and no store leaves out a run that fits."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opord.kernel.data_filter import DataIs, data_is, data_reads, fits, texts_of
from opord.kernel.rows import Head, RunRow
from opord.values.canonical import dumps
from opord.values.types import Digest, Instant, RunId

ORDER = {
    "id": "o1",
    "customer": {"name": "ann", "vip": True},
    "cents": 900,
    "rate": 0.5,
    "total": "9.00",
    "lines": [{"sku": "cup"}, {"sku": "pot"}],
    "note": None,
    "at": "2026-01-01T00:00:00Z",
    "day": "2026-01-01",
    "wait": "48h",
    "card": {"$secret": "tok"},
    "by": "00000000-0000-0000-0000-000000000001",
}


def row(given: Any = None, data: Any = None, **body: Any) -> RunRow:
    head = Head("S", "waiting", None, Instant(0), None, None, None, dumps({"data": data or {}, **body}))
    return RunRow(RunId("O/1"), Digest("0" * 64), "O", 1, Instant(0), dumps(given or {}), 1, 1, "", 0, head)


def holds_a_text(condition: DataIs, one: RunRow) -> bool:
    texts = texts_of(condition)
    return not texts or any(text in one.input or text in one.head.body for text in texts)


def asks(condition: DataIs, one: RunRow) -> bool:
    answer = fits(condition, one, {})
    assert isinstance(answer, bool)
    if answer:
        assert holds_a_text(condition, one), "a store would have left out a run that fits"
    return answer


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("order.id", "o1"),
        ("order.customer.name", "ann"),
        ("order.customer.vip", True),
        ("order.cents", 900),
        ("order.cents", 900.0),
        ("order.cents", Decimal("9E+2")),
        ("order.rate", 0.5),
        ("order.rate", Decimal("0.50")),
        ("order.total", "9.00"),
        ("order.total", Decimal(9)),
        ("order.lines.1.sku", "pot"),
        ("order.note", None),
        ("order.nothing.there", None),
        ("order.lines.7.sku", None),
        ("order.at", datetime(2026, 1, 1, tzinfo=UTC)),
        ("order.day", date(2026, 1, 1)),
        ("order.wait", timedelta(days=2)),
        ("order.by", UUID(int=1)),
    ],
)
def test_a_value_is_found_in_the_input_and_in_the_state(path: str, value: object) -> None:
    assert asks(data_is(path, value), row({"order": ORDER}))
    assert asks(data_is(path, value), row({}, {"order": ORDER}))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("order.id", "O1"),
        ("order.cents", "900"),
        ("order.cents", True),
        ("order.customer.vip", 1),
        ("order.customer.vip", "true"),
        ("order.customer", "ann"),
        ("order.total", 9),
        ("order.lines", "cup"),
        ("order.lines.-1.sku", "pot"),
        ("order.note", "None"),
        ("order.card", "tok"),
        ("order.id", None),
        ("order", None),
    ],
)
def test_another_value_is_not(path: str, value: object) -> None:
    assert not asks(data_is(path, value), row({"order": ORDER}))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("order.id", "o1"),
        ("order.cents", "900"),
        ("order.cents", "900.0"),
        ("order.rate", ".5"),
        ("order.total", "9"),
        ("order.total", "9.00"),
        ("order.customer.vip", "true"),
        ("order.note", "none"),
        ("order.note", "null"),
        ("order.at", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_text_is_read_as_what_stands_there(path: str, text: str) -> None:
    assert asks(data_reads(path, text), row({"order": ORDER}))


def test_the_field_of_a_state_hides_the_input_of_its_name() -> None:
    one = row({"n": 1, "m": 1}, {"n": 2})
    assert asks(data_is("n", 2), one)
    assert not asks(data_is("n", 1), one)
    assert asks(data_is("m", 1), one)


def test_a_large_value_is_asked_for_only_if_it_matters() -> None:
    digest = "a" * 64
    one = row({"$values": {"order.note": digest}, "order": {"id": "o1"}}, values={"data.items": "b" * 64})
    assert fits(data_is("order.id", "o1"), one, {}) is True
    assert fits(data_is("order.note", "long"), one, {}) == digest
    assert holds_a_text(data_is("order.note", "long"), one)
    assert fits(data_is("order.note", "long"), one, {digest: "long"}) is True
    assert fits(data_is("items.0.sku", "cup"), one, {}) == "b" * 64
    assert fits(data_is("items.0.sku", "cup"), one, {"b" * 64: [{"sku": "cup"}]}) is True
    assert fits(data_is("items", None), one, {"b" * 64: [{"sku": "cup"}]}) is False


@pytest.mark.parametrize("path", ["", ".", "order.", ".id", "order..id"])
def test_a_path_without_a_name_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="expected names joined by points"):
        data_is(path, 1)


@pytest.mark.parametrize("value", [[1], {"a": 1}, float("nan"), float("inf"), Decimal("NaN"), object()])
def test_what_cannot_be_compared_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        data_is("order.id", value)


numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.decimals(allow_nan=False, allow_infinity=False),
)


@given(numbers | st.text() | st.booleans(), st.sampled_from(["plain", "text"]))
def test_no_store_leaves_out_a_run_that_fits(value: Any, form: str) -> None:
    stored = str(value) if isinstance(value, Decimal) else value
    one = row({"x": stored})
    if isinstance(value, str):
        assert asks(data_is("x", value), one)
        assert asks(data_reads("x", value), one)
    elif form == "plain":
        assert asks(data_is("x", value), one)
    else:
        assert asks(data_reads("x", json.dumps(stored) if not isinstance(stored, str) else stored), one)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 5))
def test_a_decimal_is_found_whatever_its_scale(value: Decimal, zeros: int) -> None:
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scaled = Decimal((sign, (*digits, *[0] * zeros), exponent - zeros))
    if str(value) != "-0" and value:
        assert asks(data_is("x", value), row({"x": str(scaled)}))
        assert asks(data_reads("x", str(value)), row({"x": str(scaled)}))
