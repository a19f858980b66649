"""Plausible values of deep types: they can be made, and stay small enough to send."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from opord.contract import STR, Contract, Field, ListOf, MapOf, Named, OptionalOf, RecordType, Type
from opord.simulate.values import Chosen, Constants
from opord.testing.plausible import Plausible


def doubled(*holds: Any) -> Contract:
    """Return a contract of sixty records that each contain the next one twice.

    If all are present, a value has 2 ** 60 of the last one.
    """
    records = [
        RecordType(f"R{number}", tuple(Field(f"f{n}", hold(Named(f"R{number + 1}"))) for n, hold in enumerate(holds)))
        for number in range(60)
    ]  # fmt: skip
    return Contract("Deep", 1, (), None, records=(*records, RecordType("R60", (Field("text", STR),))))


def optional_list(item: Type) -> Type:
    return OptionalOf(ListOf(item))


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0)


@pytest.mark.parametrize(
    "holds",
    [(OptionalOf, OptionalOf), (OptionalOf, ListOf), (ListOf, MapOf), (optional_list, optional_list)],
    ids=["optional", "list", "map", "optional list"],
)
@pytest.mark.parametrize("drawn", [False, True])
def test_deep_optional_values_are_left_out(holds: tuple[Any, ...], drawn: bool) -> None:
    contract = doubled(*holds)
    values = [Plausible(contract, lambda: "2026-01-01T00:00:00Z")]
    if drawn:
        values = [Chosen(contract, Constants(contract), lambda: 0, Random(seed)) for seed in range(20)]
    made = [each.value(Named("R0"), "top") for each in values]
    assert 3 < max(map(depth, made)) < 25


def test_required_values_are_present_at_any_depth() -> None:
    made = Plausible(doubled(lambda item: item), lambda: "").value(Named("R0"), "top")
    assert depth(made) == 62
