"""All that is wrong with a value is found, in the order in which the codec meets it."""

from __future__ import annotations

from typing import Any

import pytest

from opord.loading import load, program_of
from opord.values.guard import BadValue

CONTRACT = """\
contract Shape(id: str, part: Part, parts: list[Part], by: map[str, decimal], kind: Kind?, key: secret int?) key id version 1
record Part { n: int, next: Part?, note: str = "" }
enum Kind { Round(r: float, s: int), Flat }
initial state A -> B { goto B }
final state B success
"""

GOOD: dict[str, Any] = {"id": "1", "part": {"n": 1}, "parts": [{"n": 1}], "by": {"a": "1.5"}, "kind": "Flat"}


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("shape") / "shape.opord"
    path.write_text(CONTRACT)
    return program_of(load(path).Shape).input


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({}, []),
        (
            {"id": 1, "part": {"n": "x", "next": {"note": 2}}},
            ["id", "part.n", "part.next.n", "part.next.note"],
        ),
        ({"parts": [{"n": "a"}, 3, {}]}, ["parts[0].n", "parts[1]", "parts[2].n"]),
        ({"by": {"a": "x", "b b": True, "c": "1"}}, ["by.a", 'by["b b"]']),
        ({"kind": {"type": "Round", "r": "x", "t": 1}}, ["kind.r", "kind.s", "kind"]),
        ({"kind": "Rond", "key": "words"}, ["kind", "key"]),
        ({"kind": {"type": "Rond"}, "x": 1, "y": 2}, ["kind", "", ""]),
        ({"part": None, "parts": {}}, ["part", "parts"]),
    ],
)
def test_every_problem_has_its_path_and_the_first_is_the_refusal(
    codec: Any, change: dict[str, Any], paths: list[str]
) -> None:
    wire = GOOD | change
    found = list(codec.problems(wire))
    assert [bad.path for bad in found] == paths
    if not paths:
        codec.accept(wire)
        return
    with pytest.raises(BadValue) as refused:
        codec.accept(wire)
    assert (refused.value.path, refused.value.message) == (found[0].path, found[0].message)
    assert "words" not in "".join(bad.message for bad in found)
