"""The list of every `goto` of a step, with the conditions before it as data."""

from __future__ import annotations

from opord.contract import CallSite, State
from opord.language import check_text
from opord.language.flow.exits import BelowCall, Branched, Condition, Exit, InCallArm, Matched, exits
from opord.language.flow.graph import Graph
from opord.language.spelling import spell

HEAD = """\
contract Sale(id: str, total: int, note: str?) key id
failure CardError { Declined, Stolen }
effect look(id: str) -> int fails CardError
action charge(id: str) fails CardError { key id }
"""
ENDS = "final state Done success\nfinal state Over failure\n"


def exits_of(body: str) -> list[Exit]:
    """List the exits of the body of a state; it may leave out targets of its header."""
    text = f"{HEAD}initial state Start -> Done | Over {{\n{body}}}\n{ENDS}"
    checked = check_text(text)
    assert {error.code.id for error in checked.errors} <= {"OP304"}, checked.errors
    graph = Graph(checked.model)
    return [way_out for moment in graph.moments(checked.model.state("Start")) for way_out in exits(moment)]


def said(way_out: Exit) -> tuple[str, ...]:
    return (way_out.goto.state, *map(_said, way_out.conditions))


def _said(condition: Condition) -> str:
    match condition:
        case Branched(statement=statement, holds=holds, below=below):
            return f"{spell(statement.condition)} is {holds}{', above' if below else ''}"
        case InCallArm(site=site, arm=arm):
            return f"{site.name} in arm {arm.place.line}"
        case BelowCall(site=site, answered=answered, arms=arms):
            ends = ["answered"] if answered else []
            return f"{site.name} {' or '.join([*ends, *(f'in arm {arm.place.line}' for arm in arms)])}"
        case Matched(subject=subject, arm=arm):
            return f"{spell(subject)} in arm {arm.place.line}"


def test_a_goto_alone_has_no_condition() -> None:
    assert [said(each) for each in exits_of("  goto Done\n")] == [("Done",)]


def test_both_branches_of_an_if_have_its_condition() -> None:
    body = "  if total > 1 {\n    goto Done\n  } else {\n    goto Over\n  }\n"
    assert [said(each) for each in exits_of(body)] == [
        ("Done", "total > 1 is True"),
        ("Over", "total > 1 is False"),
    ]


def test_the_condition_is_false_below_an_if_that_always_leaves() -> None:
    body = "  if total > 1 {\n    goto Over\n  }\n  goto Done\n"
    assert [said(each) for each in exits_of(body)] == [
        ("Over", "total > 1 is True"),
        ("Done", "total > 1 is False, above"),
    ]


def test_nothing_is_known_below_an_if_that_continues() -> None:
    body = "  if total > 1 {\n    perform look(id) else -> goto Over\n  }\n  goto Done\n"
    assert [said(each) for each in exits_of(body)] == [
        ("Over", "total > 1 is True", "look in arm 7"),
        ("Done",),
    ]


def test_an_arm_shows_the_end_of_a_call_and_a_goto_below_it_shows_a_result() -> None:
    body = "  let found = perform look(id) else {\n    Declined -> goto Over\n    else -> goto Over\n  }\n  goto Done\n"
    declined, other, done = exits_of(body)
    assert said(declined) == ("Over", "look in arm 7")
    assert said(other) == ("Over", "look in arm 8")
    assert said(done) == ("Done", "look answered")
    assert declined.commit is None


def test_the_last_commit_before_a_goto_is_named() -> None:
    body = "  match commit charge(id) {\n    ok -> goto Done\n    else -> goto Over\n  }\n"
    commits = [way_out.commit for way_out in exits_of(body)]
    assert [site.name for site in commits if isinstance(site, CallSite)] == ["charge", "charge"]


def test_below_a_call_stand_the_arms_that_go_on() -> None:
    body = "  commit charge(id) else {\n    Declined -> { }\n    Stolen -> goto Over\n  }\n  goto Done\n"
    assert [said(each) for each in exits_of(body)] == [
        ("Over", "charge in arm 8"),
        ("Done", "charge answered or in arm 7"),
    ]
    body = "  match commit charge(id) {\n    ok -> goto Done\n    else -> { }\n  }\n  goto Over\n"
    assert [said(each) for each in exits_of(body)] == [
        ("Done", "charge in arm 7"),
        ("Over", "charge in arm 8"),
    ]


def test_an_arm_over_a_value_has_the_value_and_the_arm() -> None:
    body = "  match note {\n    some text -> goto Done\n    none -> goto Over\n  }\n"
    assert [said(each) for each in exits_of(body)] == [("Done", "note in arm 7"), ("Over", "note in arm 8")]


def test_an_exit_has_the_cause_of_its_step() -> None:
    text = (
        f"{HEAD}event pay(sum: int)\ninitial state Start -> Done | Over {{\n"
        f"  on pay(sum) if sum > total -> goto Done\n  after 1h -> goto Over\n}}\n{ENDS}"
    )
    checked = check_text(text)
    assert not checked.errors, checked.errors
    graph = Graph(checked.model)
    start: State = checked.model.state("Start")
    causes = [way_out.cause for moment in graph.moments(start) for way_out in exits(moment)]
    assert causes == [start.handlers[0], start.timers[0]]


def test_all_gotos_after_a_condition_share_one_object() -> None:
    body = "  if total > 1 {\n    if total > 2 {\n      goto Done\n    }\n    goto Over\n  }\n  goto Done\n"
    inner, outer, _ = exits_of(body)
    assert inner.conditions[0] is outer.conditions[0]
    assert list(inner.latest_conditions()) == list(reversed(inner.conditions))
