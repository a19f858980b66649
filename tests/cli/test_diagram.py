"""`opord diagram`: its formats, where they are written, and what it refuses."""

from __future__ import annotations

import sys

import pytest

from opord.codegen.diagram import graphviz
from tests.cli.kit import DESK, Shop


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ((), "<svg "),
        (("--format", "dot"), 'digraph "Desk" {'),
        (("--format", "mermaid"), '---\ntitle: "Desk, version 1"'),
    ],
)
def test_a_diagram_goes_to_the_standard_output(shop: Shop, arguments: tuple[str, ...], start: str) -> None:
    said = shop.opord("diagram", *arguments, "desk.opord")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(start)


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.svg", "<svg "), ("a.dot", "digraph"), ("a.gv", "digraph"), ("a.mmd", "---"), ("a", "<svg ")],
)
def test_the_suffix_of_the_output_sets_the_format(shop: Shop, name: str, start: str) -> None:
    path = shop.folder / name
    said = shop.opord("diagram", "desk.opord", "-o", str(path))
    assert (said.status, said.out) == (0, f"{path} written\n")
    assert path.read_text(encoding="utf-8").startswith(start)


def test_theme_legend_and_highlight_are_passed_on(shop: Shop) -> None:
    said = shop.opord(
        "diagram", "--theme", "dark", "--legend", "--highlight", "Received, Review", "desk.opord"
    )
    assert "prefers-color-scheme" not in said.out
    assert 'class="legend"' in said.out
    assert 'class="state waiting lit here"' in said.out


def test_an_unknown_state_cannot_be_highlighted(shop: Shop) -> None:
    said = shop.opord("diagram", "--highlight", "Recieved", "desk.opord")
    assert said.status == 2
    assert said.err == "error[usage]: the contract has no state `Recieved`; did you mean `Received`?\n"


def test_a_broken_contract_sends_to_check(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(DESK.replace("goto Done(receipt)", "goto Dome(receipt)"))
    said = shop.opord("diagram", "desk.opord", "-o", "desk.svg")
    assert (said.status, said.out) == (1, "")
    assert "opord check desk.opord" in said.err
    assert not (shop.folder / "desk.svg").exists()


def test_a_file_with_only_types_has_no_diagram(shop: Shop) -> None:
    (shop.folder / "types.opord").write_text("record Money { cents: int }\n")
    said = shop.opord("diagram", "types.opord")
    assert (said.status, "nothing to draw" in said.err) == (1, True)


def test_without_graphviz_the_error_says_how_to_install_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphviz._machine.cache_clear()
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    said = shop.opord("diagram", "desk.opord")
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("error[diagram_needs_graphviz]: SVG is laid out by Graphviz")
    assert "pip install 'opord[diagram]'" in said.err


def test_a_form_that_is_not_drawn_is_refused(shop: Shop) -> None:
    said = shop.opord("diagram", "desk.opord", "-o", "a.gif")
    assert said.status == 2
    assert "a.gif: no drawing ends in .gif; give a name that ends in .svg, .dot" in said.err
    assert not (shop.folder / "a.gif").exists()
    assert shop.opord("diagram", "desk.opord", "--format", "dot", "-o", "a.txt").status == 0
