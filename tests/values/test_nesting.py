"""What types contain is found as by trying every path, without trying every path."""

from __future__ import annotations

from random import Random

import pytest

from opord.contract import (
    INT,
    JSON,
    STR,
    Contract,
    Field,
    ListOf,
    MapOf,
    Named,
    OptionalOf,
    RecordType,
    SecretOf,
    Type,
)
from opord.values.codec import Codecs
from opord.values.nesting import Inside, insides, layers

LEAVES: tuple[Type, ...] = (
    STR,
    STR,
    INT,
    JSON,
    SecretOf(STR),
    ListOf(INT),
    MapOf(STR),
    OptionalOf(SecretOf(INT)),
)


def random_parts(rng: Random) -> dict[str, list[Type]]:
    """Return some types that are made of each other, some in a cycle."""
    names = [f"R{number}" for number in range(rng.randrange(1, 7))]

    def part() -> Type:
        inner: Type = Named(rng.choice(names)) if rng.random() < 0.5 else rng.choice(LEAVES)
        return rng.choice((lambda t: t, lambda t: t, OptionalOf, ListOf))(inner)

    return {name: [part() for _ in range(rng.randrange(3))] for name in names}


def by_every_path(parts: dict[str, list[Type]], name: str, above: tuple[str, ...] = ()) -> set[Inside]:
    """Search along every path."""
    if name in above:
        return {"endless"}
    found: set[Inside] = set()
    for type_ in parts[name]:
        around, inner = layers(type_)
        found |= around
        if inner is not None:
            found |= by_every_path(parts, inner, (*above, name))
    return found


def test_the_result_equals_a_search_along_every_path() -> None:
    seen: set[frozenset[Inside]] = set()
    for seed in range(2000):
        parts = random_parts(Random(seed))
        found = insides(parts)
        assert found == {name: by_every_path(parts, name) for name in parts}, seed
        seen |= set(found.values())
    assert len(seen) == 2**3


@pytest.mark.parametrize(
    ("type_", "inside", "name"),
    [
        (STR, set(), None),
        (JSON, {"changeable", "endless"}, None),
        (OptionalOf(SecretOf(STR)), {"secret"}, None),
        (ListOf(OptionalOf(Named("R"))), {"changeable"}, "R"),
        (SecretOf(MapOf(STR)), {"secret", "changeable"}, None),
    ],
)
def test_layers_of_a_type_down_to_the_innermost_one(
    type_: Type, inside: set[Inside], name: str | None
) -> None:
    assert layers(type_) == (inside, name)


def test_records_that_contain_each_other_twice_have_codecs() -> None:
    """There are 2 ** 60 paths, so a search along every path would never end."""
    records = [
        RecordType(f"R{number}", (Field("left", OptionalOf(Named(f"R{number + 1}"))), Field("right", ListOf(Named(f"R{number + 1}")))))
        for number in range(60)
    ]  # fmt: skip
    records.append(RecordType("R60", (Field("pin", SecretOf(STR)),)))
    classes = {record.name: type(record.name, (), {}) for record in records}
    codecs = Codecs(Contract("Deep", 1, (), None, records=tuple(records)), classes, lambda _: None)
    codec = codecs.of(Named("R0"))
    assert not codec.fixed
    assert codec.show({"left": {"right": [], "left": None}, "right": []}) == {
        "left": {"right": [], "left": None},
        "right": [],
    }
