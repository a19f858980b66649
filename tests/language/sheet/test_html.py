"""The sheet as a page: valid HTML that runs and fetches nothing, and shows every text as text."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest

from opord.language.sheet import render_html
from tests.language.sheet.kit import GOOD, ODD, ORDER, Page, sheet_of

ALL = pytest.mark.parametrize("contract", [ORDER, ODD, *GOOD], ids=lambda path: path.stem)

MEANT = {
    "html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "article", "h1", "h2",
    "h3", "p", "dl", "div", "dt", "dd", "ul", "ol", "li", "a", "code", "span", "table", "thead", "tbody", "tr",
    "th", "td",
}  # fmt: skip


@ALL
def test_elements_close_in_order_and_are_allowed(contract: Path) -> None:
    page = Page(render_html(sheet_of(contract)))
    assert page.unclosed == []
    assert page.declarations == ["doctype html"]
    assert page.comments == []
    assert {tag for tag, _ in page.elements} <= MEANT


@ALL
def test_nothing_is_run_or_fetched(contract: Path) -> None:
    for tag, attributes in Page(render_html(sheet_of(contract))).elements:
        assert not any(name.startswith("on") or name in ("src", "style", "srcdoc") for name in attributes)
        assert str(attributes.get("href", "#")).startswith("#"), f"<{tag}> leads out of the page"


@ALL
def test_every_anchor_is_unique_and_every_link_has_one(contract: Path) -> None:
    page = Page(render_html(sheet_of(contract)))
    assert len(page.anchors) == len(set(page.anchors))
    assert {link.removeprefix("#") for link in page.links} <= set(page.anchors)


def test_each_state_end_and_action_has_an_anchor() -> None:
    anchors = set(Page(render_html(sheet_of(ORDER))).anchors)
    assert {
        "state-Charging",
        "state-Delivered",
        "action-charge_card",
        "event-approve",
        "phase-Checking",
    } <= anchors


@pytest.mark.parametrize(
    "text",
    [
        'Pays out a claim, <script>alert("doc")</script> & all | of it, `quietly`.',
        "Before money moves, <i>nothing</i> is final.",
        "<b>bold</b>",
        "a|b`c</code><script>alert(2)</script>",
    ],
)
def test_text_that_looks_like_markup_is_shown_as_text(text: str) -> None:
    words = "".join(Page(render_html(sheet_of(ODD))).words)
    assert text in words


def test_signs_that_hide_or_turn_a_text_are_made_visible(tmp_path: Path) -> None:
    contract = tmp_path / "turned.opord"
    contract.write_text(ORDER.read_text().replace("## Takes", "## Takes \u202eevil\u2066"))
    html = render_html(sheet_of(contract))
    assert "Takes \\u202eevil\\u2066" in html
    assert "\u202e" not in html


def test_a_diagram_is_embedded_as_an_image_that_cannot_run_anything() -> None:
    svg = "<svg><script>alert(1)</script></svg>"
    page = Page(render_html(sheet_of(ORDER), svg))
    (picture,) = [attributes for tag, attributes in page.elements if tag == "img"]
    kind, data = str(picture["src"]).split(",", 1)
    assert (kind, b64decode(data).decode()) == ("data:image/svg+xml;base64", svg)
    assert picture["alt"]
    assert "<figure>" not in render_html(sheet_of(ORDER))


def test_the_page_is_made_for_light_dark_and_paper() -> None:
    html = render_html(sheet_of(ORDER))
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media print" in html
