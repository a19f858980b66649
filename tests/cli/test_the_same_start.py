"""The same start is the same by value; another one is told with the fields that differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.kit import Said, Shop

CONTRACT = """\
contract Eq(
  ref: str, d: decimal = 1.0, f: float = 1, t: duration = 1h, all: list[decimal] = [], part: Part?, card: secret str?,
  price: secret decimal?, j: json?, long: str = ""
) key ref version 1
record Part { by: map[str, decimal], kind: Kind? }
enum Kind { Fixed(type: decimal), Free }
initial state A -> B { goto B }
final state B success
"""

FIRST: dict[str, Any] = {
    "ref": "1", "d": "10.00", "t": "48h", "all": ["1", "2.50"], "card": "4242", "price": "9.90", "j": {"n": 1.0},
    "part": {"by": {"a": "100"}, "kind": {"type": "Fixed", "type_": "0.00"}},
}  # fmt: skip


@pytest.fixture
def eq(shop: Shop) -> Shop:
    (shop.folder / "eq.opord").write_text(CONTRACT)
    assert started(shop).out == "Eq/1 started\n"
    return shop


def started(shop: Shop, **change: Any) -> Said:
    return shop.opord("runs", "start", "eq.opord", "--input", json.dumps(FIRST | change))


@pytest.mark.parametrize(
    "change",
    [
        {"d": "10.0"},
        {"d": "10"},
        {"d": "1e1"},
        {"t": "2d"},
        {"all": ["1.000", "2.5"]},
        {"price": "9.9"},
        {"part": {"by": {"a": "1e2"}, "kind": {"type": "Fixed", "type_": "-0"}}},
    ],
)
def test_equal_values_are_the_same_start(eq: Shop, change: dict[str, Any]) -> None:
    assert started(eq, **change).out == "Eq/1 exists already, with the same input\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"d": "10.01"}, 'd was "10" and is "10.01"'),
        ({"f": 2}, "f was 1.0 and is 2.0"),
        ({"card": "4243"}, "card"),
        ({"price": "9.91"}, "price"),
        ({"j": {"n": 1}}, "j.n was 1.0 and is 1"),
        ({"all": ["1", "3"]}, 'all[1] was "2.5" and is "3"'),
        ({"all": ["1"]}, "all"),
        ({"long": "x" * 100}, "long"),
        ({"part": {"by": {"b": "1"}, "kind": "Free"}}, "part.by.a; part.by.b; part.kind"),
        ({"d": "1", "f": 3, "t": "1h", "all": [], "long": "x", "j": 3}, "; 1 more"),
    ],
)
def test_a_conflict_names_the_fields_that_differ(eq: Shop, change: dict[str, Any], told: str) -> None:
    said = started(eq, **change)
    assert (said.status, said.out) == (1, "")
    assert f"{told}); that run is unchanged" in said.err
    assert "4242" not in said.err
    assert "4243" not in said.err


def test_the_texts_of_keys_stay_as_they_are(shop: Shop) -> None:
    (shop.folder / "eq.opord").write_text(CONTRACT.replace("key ref", 'key "{d}"'))
    assert started(shop).out == "Eq/10.00 started\n"
    assert started(shop, d="10.0").out == "Eq/10.0 started\n"
