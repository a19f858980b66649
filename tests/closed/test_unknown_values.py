"""Every reader refuses an unknown expression or type, in each place that can hold one.

The formatter is not a reader: it moves blanks between tokens and does not know expressions or
types.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.closed.growth import read_with
from tests.closed.reading_values import UNIONS

KEYS = {"Contract.key", "Contract.Event.key", "Action.Key.expr", "Action.Check.args"}
CONDITIONS = {"State.If.condition", "Arm.If.condition", "State.Match.subject", "State.EventHandler.guard"}
TIMES = {"State.Timer.when"}
HANDED = {"Call.CallSite.args", "State.Let.value"} | {
    f"{above}.Goto.args" for above in ("Arm", "If", "EventHandler", "Timer")
}
DEFAULTS = {f"{above}.Field.default" for above in ("Contract", "RecordType", "State")}

EXPRESSIONS = {
    "content": KEYS | CONDITIONS | TIMES | HANDED | DEFAULTS,
    "module": KEYS | CONDITIONS | TIMES | HANDED | DEFAULTS,
    "sheet": KEYS | CONDITIONS | TIMES,
    "written sheet": KEYS | CONDITIONS | TIMES,
    "dot": CONDITIONS | TIMES,
    "mermaid": CONDITIONS | TIMES,
    "promises": TIMES,
    "check": TIMES | {"Contract.key", "Action.Key.expr"},
    "rule broken_promise": TIMES,
    "rule shared_key": {"Contract.key", "Action.Key.expr"},
}
"""The readers of expressions with the places that they read, for a contract without a cycle."""

IN_A_CYCLE = {"State.Let.value", "State.If.condition", "If.Goto.args"}
"""The places that decide whether a cycle passes on the same values again."""

NOT_READ = {
    "State.Timer.when > Attribute.of": {"promises", "check", "rule broken_promise"},
    "State.Match.subject > CallSite.args": {"dot", "mermaid"},
}
"""Places inside a place that is read, which some readers ignore.

A time that does not come from `run` bounds nothing, and the arguments of a call are not a
condition.
"""

ALSO_READ = {"State.Match.subject > CallSite.args": {"check", "rule shared_key"}}
"""Places that some readers read inside a place that they ignore: the arguments of a commit."""

DECLARED = {f"{above}.Field.type" for above in ("Contract", "RecordType", "Variant", "Event", "State")} | {
    f"{kind}.Field.type" for kind in ("Pure", "Effect", "Action")
}
RESULTS = {f"Contract.{kind}.result" for kind in ("Pure", "Effect", "Action")}

TYPES = {
    **dict.fromkeys(
        ("sheet", "written sheet", "codecs", "secret places", "plausible values", "drawn values"),
        DECLARED | RESULTS,
    ),
    "content": DECLARED | RESULTS | {"Binary.Convert.type"},
    "dot": {"State.Field.type"},
    "mermaid": {"State.Field.type"},
    "module": DECLARED
    | RESULTS
    | {"State.Call.type", "Arm.OkPattern.type"}  # written as annotations
    | {"Binary.Convert.type", "PureCall.WithFields.type"}
    | {f"{above}.Binary.type" for above in ("Field", "Convert", "Timer")}  # how it is calculated
    | {f"Index.{kind}.type" for kind in ("Attribute", "Var")}
    | {"Attribute.Var.type", "Match.Var.type"},
    "check": {"Match.Var.type"},
    "rule arm_never_taken": {"Match.Var.type"},
    "rule incomplete_match": {"Match.Var.type"},
    "rule statement_after_goto": {"Match.Var.type"},
}
"""The readers of types, each with the places that it reads.

The type of an expression follows from declared types, and an unknown declared type is always
refused. So only those that need the type of an expression read it.
"""

NOT_OPENED = {
    "secret places": {"SecretOf.item"},  # a secret is a secret, whatever its type is
    "plausible values": {"MapOf.value"},  # a map is empty
}
"""Types whose content does not matter to a reader."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return read_with(UNIONS, tmp_path_factory.mktemp("unknown"), "tests.closed.reading_values")


@pytest.fixture
def straight(answers: Any) -> dict[str, dict[str, str]]:
    """The readers' answers to a contract without a cycle, by the place of the unknown value."""
    found: dict[str, dict[str, str]] = answers["contracts"]["straight"]
    return found


def is_type(place: str) -> bool:
    return place.partition(" > ")[0].endswith((".type", ".result"))


def refused_in(answers: dict[str, dict[str, str]], *, types: bool, inner: bool) -> dict[str, set[str]]:
    """Return the places in which each reader refuses an unknown type or expression."""
    found: dict[str, set[str]] = {}
    for place, said in answers.items():
        if is_type(place) == types and (" > " in place) == inner:
            for reader, answer in said.items():
                if answer == "refused":
                    found.setdefault(reader, set()).add(place)
    return found


def test_every_reader_accepts_known_values_and_fails_only_on_purpose(answers: Any) -> None:
    for contracts in answers["contracts"].values():
        assert set(contracts["known"].values()) == {"accepted"}
        assert {answer for said in contracts.values() for answer in said.values()} == {"accepted", "refused"}


def test_every_reader_of_an_unknown_expression_refuses_it(straight: dict[str, dict[str, str]]) -> None:
    assert refused_in(straight, types=False, inner=False) == EXPRESSIONS


def test_every_reader_refuses_an_unknown_expression_inside_a_known_one(
    straight: dict[str, dict[str, str]],
) -> None:
    found = refused_in(straight, types=False, inner=True)
    inner = {place for place in straight if " > " in place and not is_type(place)}
    assert len(inner) > 20
    for reader, read in EXPRESSIONS.items():
        expected = {place for place in inner if place.partition(" > ")[0] in read}
        expected |= {place for place in inner if reader in ALSO_READ.get(place, ())}
        assert found[reader] == {place for place in expected if reader not in NOT_READ.get(place, ())}


def test_no_value_flows_through_an_unknown_expression_in_a_cycle(answers: Any) -> None:
    found = refused_in(answers["contracts"]["round"], types=False, inner=False)
    assert found["rule spinning_cycle"] == IN_A_CYCLE
    assert found["check"] == IN_A_CYCLE | found["rule shared_key"]


def test_every_reader_of_an_unknown_type_refuses_it(straight: dict[str, dict[str, str]]) -> None:
    assert refused_in(straight, types=True, inner=False) == TYPES


def test_every_reader_refuses_an_unknown_type_inside_a_known_one(straight: dict[str, dict[str, str]]) -> None:
    found = refused_in(straight, types=True, inner=True)
    inner = (
        {place for place in straight if place.partition(" > ")[0] in DECLARED | RESULTS} - DECLARED - RESULTS
    )
    assert {place.rpartition(" > ")[2] for place in inner} == {
        "SecretOf.item", "MapOf.value", "ListOf.item", "OptionalOf.item",
    }  # fmt: skip
    for reader in ("content", "module", "sheet", "written sheet", "codecs", "drawn values"):
        assert found[reader] == inner, reader
    for reader, outer in NOT_OPENED.items():
        assert {place.rpartition(" > ")[2] for place in inner - found[reader]} == outer


def test_an_unknown_node_is_not_lowered(answers: Any) -> None:
    for places in answers["trees"].values():
        assert places.pop("known") == "accepted"
        assert set(places.values()) == {"refused"}
    assert len(answers["trees"]["straight"]) > 60
