"""Plausible values of deep types: they can be made, and stay small enough to send."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from opord.contract import (
    STR,
    Contract,
    Enum,
    Field,
    ListOf,
    MapOf,
    Named,
    OptionalOf,
    RecordType,
    Type,
    Variant,
)
from opord.simulate.values import Chosen, Constants
from opord.testing.plausible import PARTS_MOST, Plausible, ValueTooLarge


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


def parts(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(parts, inner))


@pytest.mark.parametrize("make", [Plausible, None], ids=["plausible", "drawn"])
def test_a_value_that_no_run_can_carry_is_refused_before_it_is_made(make: Any) -> None:
    contract = doubled(lambda item: item, lambda item: item)
    values = Plausible(contract, str) if make else Chosen(contract, Constants(contract), lambda: 0, Random(1))
    with pytest.raises(ValueTooLarge) as refused:
        values.value(Named("R0"), "top")
    assert (refused.value.name, refused.value.parts) == ("R0", 2**61 - 1 + 2**60)
    assert values.value(OptionalOf(Named("R0")), "top") is None
    assert values.value(ListOf(Named("R0")), "top") == []
    assert values.value(MapOf(Named("R0")), "top") == {}


def test_a_value_of_many_parts_stays_near_the_most() -> None:
    """Four levels of lists of 200, as a condition on their lengths asks for."""
    records = [RecordType(f"R{n}", (Field("items", ListOf(Named(f"R{n + 1}"))),)) for n in range(4)]
    contract = Contract("Wide", 1, (), None, records=(*records, RecordType("R4", (Field("text", STR),))))
    constants = Constants(contract)
    constants.lengths["items"] = [200]
    for seed in range(10):
        made = Chosen(contract, constants, lambda: 0, Random(seed)).value(Named("R0"), "top")
        assert parts(made) < 2 * PARTS_MOST


def test_an_enum_in_itself_ends_with_its_smallest_variant() -> None:
    tree = Enum(
        "Tree",
        (Variant("Node", (Field("left", Named("Tree")), Field("right", Named("Tree")))), Variant("Leaf", ())),
    )
    contract = Contract("Grown", 1, (), None, enums=(tree,))
    assert Plausible(contract, str).value(Named("Tree"), "top") == {
        "type": "Node",
        "left": "Leaf",
        "right": "Leaf",
    }
