"""The drawing: what it contains, what it says without colour, and whether it can be read."""

from __future__ import annotations

import re

import pytest

from opord.codegen.diagram import THEMES, Theme, to_dot, to_svg
from opord.codegen.diagram.measure import width
from opord.codegen.diagram.style import COLOURS, style_sheet
from opord.contract import Contract
from tests.codegen.diagram.kit import (
    CLAIM,
    HOSTILE,
    ORDER,
    SVG,
    by_id,
    classes,
    contract_of,
    model_of,
    read,
    texts,
    tooltip,
)
from tests.codegen.diagram.made import made_contract


@pytest.fixture(scope="module")
def order() -> Contract:
    return contract_of(ORDER)


def test_states_moves_and_phases_have_stable_ids_and_say_what_they_are(order: Contract) -> None:
    root = read(to_svg(order))
    charging = by_id(root, "state-Charging")
    assert (charging.get("data-state"), charging.get("data-line")) == ("Charging", "61")
    edge = by_id(root, "edge-Charging-Charged")
    assert (edge.get("data-from"), edge.get("data-to"), edge.get("data-line")) == (
        "Charging",
        "Charged",
        "63",
    )
    assert by_id(root, "phase-Checking").get("data-phase") == "Checking"
    assert by_id(root, "state-Review").get("data-phase") == "Checking"
    shared = by_id(root, "edge-Checking-Cancelled")
    assert shared.get("data-states") == "Received Review"


def test_no_id_occurs_twice() -> None:
    ids = [found for each in read(to_svg(contract_of(CLAIM))).iter() if (found := each.get("id"))]
    assert len(ids) == len(set(ids))


def test_a_picture_has_a_role_a_title_and_a_description(order: Contract) -> None:
    root = read(to_svg(order))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "OrderFulfilment, version 1"
    told = root.findtext(f"{SVG}desc") or ""
    assert "It starts in Received." in told
    assert "Charging to Rejected: Declined; RateLimited | Unavailable." in told
    assert "Cancelled is final: cancelled." in told


def test_kinds_differ_in_shape_and_outcomes_in_their_sign(order: Contract) -> None:
    root = read(to_svg(order))

    def form(state: str) -> tuple[str, ...]:
        parts = [each for each in by_id(root, f"state-{state}").iter() if "box" in classes(each)]
        return tuple(each.tag.removeprefix(SVG) for each in parts)

    def signs(state: str) -> list[str | None]:
        return [each.get("d") for each in by_id(root, f"state-{state}").iter() if "sign" in classes(each)]

    assert [form(state) for state in ("Charging", "Review", "Delivered")] == [
        ("rect",), ("polygon",), ("rect", "rect"),
    ]  # fmt: skip
    assert len(signs("Received")) == 2, "the initial state has a bar of its own"
    different = {signs(state)[0] for state in ("Charging", "Review", "Delivered", "Rejected", "Cancelled")}
    assert len(different) == 5


def test_actions_have_a_badge_and_effects_have_none(order: Contract) -> None:
    root = read(to_svg(order))
    (commit,) = [each for each in by_id(root, "state-Charging").iter() if "commit" in classes(each)]
    (perform,) = [each for each in by_id(root, "state-Received").iter() if "perform" in classes(each)]
    assert texts(commit) == ["commit charge_card"]
    assert texts(perform) == ["perform find_customer"]
    assert ["badge" in {name for one in part.iter() for name in classes(one)} for part in (commit, perform)] == [
        True, False,
    ]  # fmt: skip


def test_a_tooltip_says_what_a_state_carries_and_what_moves_it(order: Contract) -> None:
    root = read(to_svg(order))
    assert tooltip(by_id(root, "state-Shipping")) == "Shipping: waiting\ncarries receipt: Receipt"
    assert "if risk(order, customer) > 0.8 and not customer.vip" in tooltip(
        by_id(root, "edge-Received-Review")
    )


def test_the_same_contract_gives_the_same_bytes(order: Contract) -> None:
    first = to_svg(order)
    to_svg(contract_of(CLAIM))
    assert to_svg(order) == first


def test_the_path_of_a_run_is_highlighted_up_to_its_state(order: Contract) -> None:
    root = read(to_svg(order, highlight=["Received", "Review", "Cancelled"]))
    lit = {each.get("id") for each in root.iter() if "lit" in classes(each) and each.get("id")}
    assert lit == {
        "state-Received", "state-Review", "state-Cancelled", "edge-Received-Review", "edge-Checking-Cancelled",
    }  # fmt: skip
    assert [each.get("id") for each in root.iter() if "here" in classes(each)] == ["state-Cancelled"]
    assert "traced" in classes(root)


def test_the_legend_explains_only_what_the_diagram_shows() -> None:
    small = model_of("contract A() \n initial state B -> C { goto C }\n final state C success\n")
    (legend,) = [each for each in read(to_svg(small, legend=True)).iter() if "legend" in classes(each)]
    assert texts(legend) == ["start", "acts at once", "final: success"]
    assert "legend" not in {name for each in read(to_svg(small)).iter() for name in classes(each)}


def test_an_action_in_transaction_has_a_sign_of_its_own() -> None:
    text = (
        "contract A()\n"
        "action pay() { in doubt skip }\n"
        "action book() in transaction\n"
        "initial state B -> C { commit book()\n goto C }\n"
        "state C -> D { commit pay()\n goto D }\n"
        "final state D success\n"
    )
    root = read(to_svg(model_of(text), legend=True))
    (legend,) = [each for each in root.iter() if "legend" in classes(each)]
    meanings = [each for each in texts(legend) if "exactly" in each or "at most" in each]
    assert meanings == ["commits: at most once, or in doubt", "in transaction: exactly once"]
    signs = {
        each.get("data-call"): [part.tag.removeprefix(SVG) for part in each if "marker" in classes(part)]
        for each in root.iter()
        if each.get("data-call") in ("pay", "book")
    }
    assert signs == {"pay": ["circle"], "book": ["polygon"]}
    assert "◆ commit book" in to_dot(model_of(text))
    assert "● commit pay" in to_dot(model_of(text))


def test_texts_of_a_contract_stay_text() -> None:
    root = read(to_svg(model_of(HOSTILE)))
    assert not [each for each in root.iter() if each.tag in (f"{SVG}script", f"{SVG}b")]
    assert '</desc><script>alert("&amp;")</script>' in " ".join(texts(root))
    assert 'if id == "</text><b>&"' in texts(root)


# --- Readability ---------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_has_its_colours_and_auto_has_both(theme: Theme, order: Contract) -> None:
    style = read(to_svg(order, theme=theme)).findtext(f"{SVG}style") or ""
    light, dark = (COLOURS[".ground"][i]["fill"] for i in (0, 1))
    has = (light in style, dark in style, "prefers-color-scheme: dark" in style)
    assert (
        has
        == {"light": (True, False, False), "dark": (False, True, False), "auto": (True, True, True)}[theme]
    )
    assert "#000" not in style


def test_every_style_rule_is_limited_to_the_diagram() -> None:
    rules = [line for line in style_sheet("auto").splitlines() if "{" in line and not line.startswith("@")]
    assert rules
    assert all(
        part.startswith(".opord-diagram") for rule in rules for part in rule.partition(" {")[0].split(", ")
    )


TEXT_ON = [
    ("text", ".acting .box"), ("text", ".waiting .box"), ("text", ".success .box"), ("text", ".failure .box"),
    ("text", ".cancelled .box"), (".soft", ".ground"), (".soft", ".phase .box"), (".soft", ".any .box"),
    (".phase-name text", ".phase .box"), (".commit text", ".commit .badge"), (".perform text", ".acting .box"),
    (".label text", ".ground"), (".label text", ".phase .box"),
]  # fmt: skip
LINES = [
    selector for selector, (light, _) in COLOURS.items() if selector.endswith((".way", ".sign")) and light
]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_texts_have_enough_contrast_with_their_ground(text: str, ground: str, scheme: int) -> None:
    assert contrast(COLOURS[text][scheme]["fill"], COLOURS[ground][scheme]["fill"]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("line", LINES)
def test_lines_and_signs_have_enough_contrast_with_page_and_phase(line: str, scheme: int) -> None:
    for ground in (".ground", ".phase .box"):
        assert contrast(COLOURS[line][scheme]["stroke"], COLOURS[ground][scheme]["fill"]) >= 3


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("states", [5, 60, 200])
def test_names_and_calls_fit_in_their_boxes_and_boxes_do_not_overlap(states: int) -> None:
    root = read(to_svg(model_of(made_contract(states))))
    boxes: list[tuple[float, float, float, float]] = []
    for state in (each for each in root.iter() if "state" in classes(each)):
        box = bounds(next(each for each in state.iter() if "box" in classes(each)))
        for text in state.iter(f"{SVG}text"):
            mono = text.get("class") is None
            wide = width(text.text or "", 11 if mono else 13, bold=True, mono=mono)
            assert box[0] < float(text.attrib["x"]), text.text
            assert float(text.attrib["x"]) + wide < box[2], text.text
            assert box[1] < float(text.attrib["y"]) < box[3], text.text
        boxes.append(box)
    assert len(boxes) >= states
    boxes.sort()
    for index, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[index + 1 :]:
            if other[0] >= right:
                break
            assert other[1] >= bottom or other[3] <= top, (left, top, other)


def bounds(box: object) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom of a rectangle or polygon."""
    attributes: dict[str, str] = box.attrib  # type: ignore[attr-defined]
    if "points" in attributes:
        xs, ys = zip(*(map(float, pair.split(",")) for pair in attributes["points"].split()), strict=True)
        return min(xs), min(ys), max(xs), max(ys)
    x, y, wide, tall = (float(attributes[name]) for name in ("x", "y", "width", "height"))
    return x, y, x + wide, y + tall


def test_a_long_process_is_laid_out_in_columns() -> None:
    wide, tall = map(float, re.findall(r'viewBox="0 0 (\S+) (\S+)"', to_svg(model_of(made_contract(60))))[0])
    assert 0.5 < tall / wide < 2


def test_a_final_state_of_many_sources_is_drawn_near_them_and_stays_one_state() -> None:
    root = read(to_svg(contract_of(CLAIM)))
    copies = [each for each in root.iter() if each.get("data-state") == "Rejected"]
    assert [each.get("id") for each in copies] == ["state-Rejected", "state-Rejected-2", "state-Rejected-3"]
    assert len({tooltip(each) for each in copies}) == 1
    small = read(to_svg(contract_of(ORDER)))
    assert len([each for each in small.iter() if each.get("data-state") == "Rejected"]) == 1
