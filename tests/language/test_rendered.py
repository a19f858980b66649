"""Findings as people and programs see them: whole texts, input beside output."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opord.contract import Place
from opord.language.diagnostics.model import Label, StoryStep
from opord.language.diagnostics.render import github, human, json, sarif
from opord.language.diagnostics.render.line import in_one_line
from opord.language.diagnostics.suggest import nearest
from opord.language.syntax.cursor import EXPECTED
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source

GOLDEN = Path(__file__).parent / "golden" / "syntax"
SAMPLE = EXPECTED  # any code works


@pytest.mark.golden
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.opord")), ids=lambda path: path.stem)
def test_rendered_findings(path: Path) -> None:
    source = Source(path.name, path.read_text("utf-8"))
    shown = human.render(parse(source)[1], {path.name: source})
    expected = path.with_suffix(".txt")
    if os.environ.get("OPORD_GOLDEN") in ("rewrite", "write"):
        expected.write_text(shown, "utf-8")
    assert shown == expected.read_text("utf-8")


def test_a_second_place_stands_under_the_first() -> None:
    source = Source("door.opord", "state Open -> Shut {\n\tgoto Shat\n}\n")
    finding = SAMPLE.at(
        source.place((27, 31)),
        "no state is called `Shat`",
        help="did you mean `Shut`?",
        label="mentioned here",
        labels=(Label(source.place((14, 18)), "listed here"),),
    )
    assert human.render_one(finding, {"door.opord": source}) == (
        "error[OP010 syntax]: no state is called `Shat`\n"
        "  ┌─ door.opord:2:7\n"
        "2 │     goto Shat\n"
        "  │          ^^^^ mentioned here\n"
        "1 │ state Open -> Shut {\n"
        "  │               ---- listed here\n"
        "  help: did you mean `Shut`?\n"
    )


def test_colour_adds_nothing_but_colour() -> None:
    source = Source("door.opord", "role a b")
    findings = parse(source)[1]
    coloured = human.render(findings, {"door.opord": source}, colour=True)
    assert "\x1b[1;31merror" in coloured
    plain = human.render(findings, {"door.opord": source})

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_marks_stand_under_wide_characters() -> None:
    source = Source("t", 'state A -> B { goto B("日本" $) }')
    shown = human.render(parse(source)[1], {"t": source}).splitlines()
    assert shown[3].index("^") == len("1 │ ") + len('state A -> B { goto B("') + 4 + len('" ')


def test_no_control_characters_are_printed() -> None:
    source = Source("t", "role \x1b[31mred\u202e")
    shown = human.render(parse(source)[1], {"t": source})
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_place_without_its_text_is_still_named() -> None:
    finding = SAMPLE.at(Place("gone.opord", 3, 1, 3, 2), "something")
    assert human.render_one(finding, {}) == "error[OP010 syntax]: something\n  ┌─ gone.opord:3:1\n"


def test_json_findings_are_flat_objects() -> None:
    source = Source("t", "role a b\n")
    assert json.render(parse(source)[1]) == [
        {
            "code": "OP013",
            "rule": "syntax",
            "severity": "error",
            "message": "expected a new line after the declaration, but found `b`",
            "help": "did you mean `by`?",
            "file": "t",
            "line": 1,
            "column": 8,
            "end_line": 1,
            "end_column": 9,
            "label": "",
            "labels": [],
            "fixes": [
                {
                    "title": "change to `by`",
                    "safe": True,
                    "edits": [
                        {"text": "by", "file": "t", "line": 1, "column": 8, "end_line": 1, "end_column": 9}
                    ],
                }
            ],
            "story": [],
        }
    ]  # fmt: skip


STORY = SAMPLE.at(
    Place("door.opord", 3, 1, 3, 7),
    "`Open` may come before `unlock`",
    help="unlock it first",
    story=(
        StoryStep("Shut: goto Ajar", Place("door.opord", 1, 3, 1, 7)),
        StoryStep("Ajar: perform look ok, goto Open", Place("door.opord", 2, 3, 2, 7)),
    ),
)


def test_a_story_has_numbered_steps_with_their_places() -> None:
    assert human.render_one(STORY, {}) == (
        "error[OP010 syntax]: `Open` may come before `unlock`\n"
        "  ┌─ door.opord:3:1\n"
        "  1 Shut: goto Ajar                    door.opord:1:3\n"
        "  2 Ajar: perform look ok, goto Open   door.opord:2:3\n"
        "  help: unlock it first\n"
    )


def test_json_and_sarif_contain_the_story() -> None:
    steps = json.as_data(STORY)["story"]
    assert [(each["text"], each["line"]) for each in steps] == [
        ("Shut: goto Ajar", 1),
        ("Ajar: perform look ok, goto Open", 2),
    ]
    flow = sarif.render([STORY], version="1")["runs"][0]["results"][0]["codeFlows"][0]["threadFlows"][0]
    assert [each["location"]["message"]["text"] for each in flow["locations"]] == [
        "Shut: goto Ajar",
        "Ajar: perform look ok, goto Open",
    ]


def test_a_message_shown_alone_contains_the_story_in_one_line() -> None:
    told = "`Open` may come before `unlock`: 1 Shut: goto Ajar → 2 Ajar: perform look ok, goto Open"
    assert json.as_data(STORY)["message"] == told
    assert github.render_one(STORY).endswith(f"::{told}%0Ahelp: unlock it first")
    (result,) = sarif.render([STORY], version="1")["runs"][0]["results"]
    assert result["message"] == {"text": f"{told}\nunlock it first"}


def test_a_step_with_several_lines_becomes_one_line() -> None:
    place = Place("door.opord", 1, 1, 1, 2)
    finding = SAMPLE.at(place, "no", story=(StoryStep('Shut: at (if a == "x\ny" then b else c)', place),))
    assert in_one_line(finding) == 'no: 1 Shut: at (if a == "x y" then b else c)'


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (0, "no"),
        (1, "no: 1 S1"),
        (14, "no: " + " → ".join(f"{n} S{n}" for n in range(1, 15))),
        (15, "no: 1 S1 → 2 S2 → 3 S3 → 4 S4 → 5 S5 → 6 S6 → 7 S7 → … (1 more) … → "
             "9 S9 → 10 S10 → 11 S11 → 12 S12 → 13 S13 → 14 S14 → 15 S15"),
        (1000, "no: 1 S1 → 2 S2 → 3 S3 → 4 S4 → 5 S5 → 6 S6 → 7 S7 → … (986 more) … → "
               "994 S994 → 995 S995 → 996 S996 → 997 S997 → 998 S998 → 999 S999 → 1000 S1000"),
    ],
)  # fmt: skip
def test_a_long_story_keeps_its_beginning_and_its_end(steps: int, expected: str) -> None:
    place = Place("door.opord", 1, 1, 1, 2)
    story = tuple(StoryStep(f"S{number}", place) for number in range(1, steps + 1))
    finding = SAMPLE.at(place, "no", story=story)
    assert in_one_line(finding) == expected
    assert len(json.as_data(finding)["story"]) == steps, "the list has them all"


@pytest.mark.parametrize("width", [50, 60, 80])
@pytest.mark.parametrize("at", [0, 30, 80, 180, 296])
def test_a_long_line_is_cut_so_that_its_mark_is_visible(width: int, at: int) -> None:
    line = "." * at + "goto" + "." * (296 - at)
    source = Source("t", line)
    shown = human.render_one(SAMPLE.at(source.place((at, at + 4)), "no"), {"t": source}, width=width)
    text, mark = shown.splitlines()[2:4]
    assert len(text) <= width
    assert text[mark.index("^") : mark.index("^") + 4] == "goto"
    assert mark.count("^") == 4


def test_a_line_with_two_marks_is_shown_once() -> None:
    source = Source("t", "record Lock { id: str, id: int }")
    finding = SAMPLE.at(
        source.place((23, 25)), "`id` twice", label="again", labels=(Label(source.place((14, 16)), "first"),)
    )
    assert human.render_one(finding, {"t": source}).splitlines()[2:] == [
        "1 │ record Lock { id: str, id: int }",
        "  │                        ^^ again",
        "  │               -- first",
    ]


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("Chargign", ["Charging", "Charged"], "Charging"),
        ("order_line", ["OrderLine", "Order"], "OrderLine"),
        ("sucess", ["success", "failure"], "success"),
        ("tracking", ["Delivered", "Rejected"], None),
    ],
)
def test_similar_names_are_suggested(name: str, known: list[str], near: str | None) -> None:
    assert nearest(name, known) == near
