"""The words beside an arrow: each way to leave a state has its own."""

from __future__ import annotations

import pytest

from opord.codegen.diagram.build import picture_of
from opord.codegen.diagram.picture import Arrow, ArrowCause
from opord.codegen.diagram.plan import plan_of
from tests.codegen.diagram.kit import ENDS, HEAD, model_of


def arrows(body: str, rest: str = "") -> dict[str, list[str]]:
    text = f"{HEAD}\ninitial state First -> Done | Failed | Gone {{ {body} }}\n{rest}{ENDS}"
    return {arrow.target: arrow.lines() for arrow in picture_of(model_of(text)).arrows}


@pytest.mark.parametrize(
    ("body", "target", "lines"),
    [
        ("goto Done",                                                       "Done",   ["at once"]),
        ("commit tell(id)\n goto Done",                                     "Done",   ["tell ok or in doubt"]),
        ("if risk(id, cents) > 0.8 { goto Failed }\n goto Done",            "Failed", ["if risk(..) > 0.8"]),
        ("if risk(id, cents) > 0.8 { goto Failed }\n goto Done",            "Done",   ["else"]),
        ("if cents > 100 and id != \"a\" and risk(id, 1) > 0.5 { goto Failed }\n goto Done",
                                                                            "Failed", ["if cents > 100 and id != \"a\" and …"]),
        ("let n = perform look(id) else { Declined | Lost -> goto Failed, Busy | TimedOut -> goto Gone }\n goto Done",
                                                                            "Failed", ["Declined | Lost"]),
        ("let n = perform look(id) else { else -> goto Failed }\n goto Done", "Failed", ["look fails"]),
        ("match commit pay(id) { ok -> goto Done, InDoubt -> goto Gone, else -> goto Failed }", "Done",   ["pay ok"]),
        ("match commit pay(id) { ok -> goto Done, InDoubt -> goto Gone, else -> goto Failed }", "Gone",   ["InDoubt"]),
        ("commit pay(id) else { InDoubt -> { }, else -> goto Failed }\n goto Done", "Done", ["pay ok | InDoubt"]),
        ("match note { some n -> goto Done, none -> goto Failed }",         "Failed", ["note is none"]),
        ("on approve(text) -> goto Done",                                   "Done",   ["approve · clerk | manager"]),
        ("on skip() if cents > 3 -> goto Done",                             "Done",   ["skip if cents > 3"]),
        ("on approve(text) -> if cents > 3 { goto Done } else { goto Gone }", "Gone", ["approve · clerk | manager, else"]),
        ("after 48h -> goto Failed",                                        "Failed", ["after 48h"]),
        ("after 30d -> goto Failed",                                        "Failed", ["after 30d"]),
        ("after 90s -> goto Failed",                                        "Failed", ["after 1m30s"]),
        ("at due + 2h -> goto Failed",                                      "Failed", ["at due + 2h"]),
        ("on skip() -> goto Failed\n after 1h -> goto Failed",              "Failed", ["skip", "after 1h"]),
    ],
)  # fmt: skip
def test_an_arrow_says_its_cause_in_short(body: str, target: str, lines: list[str]) -> None:
    assert arrows(body)[target] == lines


def test_a_repeated_cause_is_shown_once_and_many_causes_are_counted() -> None:
    causes = tuple(ArrowCause(text, text, "event") for text in "aabcdef")
    arrow = Arrow("X", "Y", causes, ("X",))
    assert arrow.lines(4) == ["a", "b", "c", "+3 more"]
    assert arrow.lines(6) == list("abcdef")


PHASED = """
phase Work {
  on cancel(reason) -> goto Gone
  after 9d -> goto Failed
  initial state First -> Second | Gone | Failed { on skip() -> goto Second }
  state Second -> Done | Failed | Gone {
    on skip() -> goto Done
    on cancel(reason) -> goto Failed
  }
}
"""


def test_a_shared_move_is_one_arrow_from_the_phase() -> None:
    found = {arrow.id: arrow for arrow in picture_of(model_of(HEAD + PHASED + ENDS)).arrows}
    assert list(found) == [
        "edge-First-Second", "edge-Second-Done", "edge-Second-Failed", "edge-Work-Gone", "edge-Work-Failed",
    ]  # fmt: skip
    assert found["edge-Work-Gone"].lines() == ["cancel, not in Second"]
    assert found["edge-Work-Gone"].states == ("First",)
    assert found["edge-Work-Failed"].lines() == ["after 9d in phase"]
    assert found["edge-Work-Failed"].states == ("First", "Second")


def test_a_long_cause_is_broken_where_a_condition_begins() -> None:
    body = "on approve(text) if cents > 100_000 and id != note ?? id -> goto Done"
    picture = picture_of(model_of(f"{HEAD}initial state First -> Done {{ {body} }}{ENDS}"))
    (lines,) = [link.lines for link in plan_of(picture).links if link.arrow is not None]
    assert lines == ("approve · clerk | manager", "   if cents > 100000 and …")
