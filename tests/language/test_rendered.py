"""What a person and a program see of findings: whole texts, input beside output."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opord.contract import Place
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.render import human, json
from opord.language.diagnostics.suggest import did_you_mean, nearest
from opord.language.parser import parse
from opord.language.source import Source

GOLDEN = Path(__file__).parent / "golden" / "syntax"
SAMPLE = code("OP010", rule="syntax", title="something else was expected here")


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


def test_a_terminal_is_sent_no_control_characters() -> None:
    source = Source("t", "role \x1b[31mred\u202e")
    shown = human.render(parse(source)[1], {"t": source})
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_place_without_its_text_is_still_named() -> None:
    finding = SAMPLE.at(Place("gone.opord", 3, 1, 3, 2), "something")
    assert human.render_one(finding, {}) == "error[OP010 syntax]: something\n  ┌─ gone.opord:3:1\n"


def test_a_program_sees_flat_objects() -> None:
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
        }
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
def test_near_names_are_offered(name: str, known: list[str], near: str | None) -> None:
    assert nearest(name, known) == near
    assert did_you_mean(name, known) == (f"did you mean `{near}`?" if near else "")
