"""Any text of an editor is drawn as well as possible: broken contracts, half-written ones, none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opord.codegen.diagram import to_dot, to_mermaid, to_svg
from opord.language import check_file
from tests.codegen.diagram.kit import ENDS, HEAD, ORDER, ROOT, by_id, classes, model_of, read

BROKEN = sorted((ROOT / "tests" / "language" / "cases" / "broken").glob("*.opord"))
ORDER_TEXT = ORDER.read_text(encoding="utf-8")


@pytest.mark.parametrize("start", range(0, len(BROKEN), 40))
def test_every_broken_contract_is_drawn_as_text(start: int) -> None:
    for path in BROKEN[start : start + 40]:
        model = check_file(path).model
        assert to_dot(model).startswith("digraph "), path.name
        assert "flowchart TB" in to_mermaid(model), path.name


@pytest.mark.parametrize("path", BROKEN[::12], ids=lambda path: path.stem)
def test_broken_contracts_are_drawn_as_svg(path: Path) -> None:
    model = check_file(path).model
    drawn = [each for each in read(to_svg(model)).iter() if "state" in classes(each)]
    assert {state.name for state in model.states if state.name} <= {each.get("data-state") for each in drawn}


@settings(max_examples=60)
@given(
    st.integers(0, len(ORDER_TEXT)),
    st.integers(0, 400),
    st.sampled_from(["", "{", "}", "goto", "state X", "\n"]),
)
def test_a_contract_with_a_piece_cut_out_is_drawn(start: int, length: int, instead: str) -> None:
    model = model_of(ORDER_TEXT[:start] + instead + ORDER_TEXT[start + length :])
    assert to_dot(model).endswith("}\n")
    assert "flowchart TB" in to_mermaid(model)
    read(to_svg(model))


def test_an_undeclared_state_is_drawn_as_missing() -> None:
    root = read(to_svg(model_of(f"{HEAD}initial state First -> Elsewhere {{ goto Elsewhere }}{ENDS}")))
    assert "missing" in classes(by_id(root, "state-Elsewhere"))
    assert by_id(root, "edge-First-Elsewhere").get("data-to") == "Elsewhere"


@pytest.mark.parametrize("text", ["", "contract", "record A { b: int }", "contract A()\nphase B { }"])
def test_a_contract_without_states_has_an_empty_picture(text: str) -> None:
    model = model_of(text)
    assert to_dot(model).startswith("digraph ")
    assert read(to_svg(model, legend=True)).get("role") == "img"
