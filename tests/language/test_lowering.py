"""Lowering fills in defaults, orders arguments, keeps exact places and always gives a model."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opord.contract import (
    INT,
    STR,
    Action,
    Ask,
    Attribute,
    Call,
    CallSite,
    Check,
    Constant,
    Contract,
    Goto,
    Hole,
    Let,
    MakeRecord,
    Match,
    OkPattern,
    Place,
    Repeat,
    Retry,
    Skip,
    Unknown,
    Var,
)
from opord.language import check_file, check_text
from opord.language.types import show
from tests.language.kit import ENDS, acting, lowered, model

GOOD = sorted((Path(__file__).parent / "good").glob("*.opord"))


def nodes(root: Any) -> Iterator[Any]:
    """Yield every node below `root`, except places."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(node)
        elif dataclasses.is_dataclass(node) and not isinstance(node, Place):
            yield node
            waiting.extend(getattr(node, part.name) for part in dataclasses.fields(node))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_contract_without_errors_has_only_known_nodes_with_places(path: Path) -> None:
    result = check_file(path)
    assert result.errors == []
    assert result.contract is not None
    for node in nodes(result.contract):
        assert not isinstance(node, Hole | Unknown)
        if isinstance(node, Goto | CallSite | Let | Var | Match):
            assert node.place.line > 0


def test_the_place_of_a_node_counts_code_points() -> None:
    text = acting('let größe = "ä"'.replace("größe", "size") + "\nlet id = order.id\ngoto Over")
    (first, second, _) = model(text).states[0].body
    assert isinstance(second, Let)
    assert isinstance(second.value, Attribute)
    place = second.value.place
    line = text.splitlines()[place.line - 1]
    assert line[place.column - 1 : place.end_column - 1] == "order.id"
    assert place.line == first.place.line + 1


def test_arguments_are_in_the_order_of_the_parameters() -> None:
    (call, _) = model(acting("let x = risk(limit: 2, order: order)\ngoto Over")).states[0].body
    assert isinstance(call, Let)
    assert [show(arg.type) for arg in call.value.args] == ["Order", "float"]  # type: ignore[union-attr]


def test_a_record_has_every_field_and_none_for_a_default() -> None:
    record = lowered('Line { sku: "a" }')
    assert isinstance(record, MakeRecord)
    assert record.fields[0] == ("sku", Constant("a", STR))
    assert record.fields[1] == ("quantity", None)  # its default
    name, absent = record.fields[2]
    assert (name, absent and absent.value) == ("note", None)  # type: ignore[union-attr]


def test_a_goto_and_a_call_contain_their_defaults() -> None:
    more = "state Extra(n: int = 3, id: str = order.id) -> Over { goto Over }\neffect ask(n: int = 4)"
    perform, goto = model(acting("perform ask()\ngoto Extra", more=more)).states[-3].body
    assert isinstance(perform, Call)
    assert isinstance(goto, Goto)
    assert perform.site.args == (Constant(4, INT),)
    assert [name for name, _ in goto.args] == ["n", "id"]
    assert goto.args[0][1] == Constant(3, INT)


def test_a_variable_has_its_origin() -> None:
    body = (
        "on decide(note, score) -> {\nlet x = score\nlet y = actor\nlet z = now\nlet i = order\ngoto Over\n}"
    )
    handler = model(acting(body)).states[0].handlers[0]
    origins = [each.value.origin for each in handler.body if isinstance(each, Let)]  # type: ignore[union-attr]
    assert origins == ["binding", "actor", "now", "input"]


ACTIONS = """
contract C(id: str) key id
effect seen(id: str, key_: str) -> bool
action plain(id: str)
action keyed(id: str) { key id for 1d }
action own(id: str) { key }
action lax(id: str) { in doubt skip, retry 3 times backoff 2s to 3m }
action asked(id: str) { in doubt ask within 2h }
action checked(id: str) { key, in doubt check seen(id, call.key) after 30s }
action unkeyed(id: str) { in doubt repeat }
initial state S -> D { goto D }
final state D success
"""


def test_policies_are_complete_with_their_defaults() -> None:
    actions = {each.name: each for each in check_text(ACTIONS).model.actions}
    assert actions["plain"].doubt == Ask()
    assert actions["plain"].key is None
    assert actions["keyed"].doubt == Repeat()
    assert actions["keyed"].key is not None
    assert actions["keyed"].key.window == timedelta(days=1)
    assert actions["own"].key is not None
    assert actions["own"].key.expr is None
    assert actions["lax"].doubt == Skip()
    assert actions["lax"].retry == Retry(3, timedelta(seconds=2), timedelta(minutes=3))
    assert actions["asked"].doubt == Ask(timedelta(hours=2))
    assert actions["unkeyed"].doubt == Repeat()


def test_a_check_gets_the_key_of_the_attempt() -> None:
    checked: Action = next(each for each in check_text(ACTIONS).model.actions if each.name == "checked")
    assert isinstance(checked.doubt, Check)
    assert checked.doubt.args[0] == Var("id", "param", STR)
    assert checked.doubt.args[1] == Var("call.key", "call_key", STR)
    assert checked.doubt.after == timedelta(seconds=30)


def test_cancel_is_a_normal_event_once_it_is_handled_or_declared() -> None:
    def events(text: str) -> list[tuple[str, bool]]:
        return [(each.name, each.keep) for each in check_text(text).model.events]

    start = "contract C(id: str) key id\n{}\ninitial state S -> D {{ {} }}\nfinal state D success\n"
    assert events(start.format("", "goto D")) == []
    assert events(start.format("", "on cancel(reason) -> goto D")) == [("cancel", True)]
    assert events(start.format("event cancel(reason: str)", "goto D")) == [("cancel", True)]


def test_ok_binds_nothing_without_a_result() -> None:
    body = 'match commit tell("a") { ok -> goto Over }'
    (match,) = model(acting(body)).states[0].body
    assert isinstance(match, Match)
    pattern = match.arms[0].pattern
    assert isinstance(pattern, OkPattern)
    assert pattern.name is None


def test_an_absent_optional_field_of_the_initial_state_is_none() -> None:
    text = f"contract C(id: str) key id\ninitial state S(note: str?) -> Over {{ goto Over }}\n{ENDS}"
    field = check_text(text).model.states[0].fields[0]
    assert isinstance(field.default, Constant)
    assert field.default.value is None


# --- Whatever is wrong ----------------------------------------------------------------------------

BROKEN = [
    "",
    "contract",
    "contract C(",
    "contract C(a: ) key",
    "state",
    "phase P {",
    "initial state S -> {",
    "record R { a: , b: }",
    "failure F { A(",
    "event e(x: int) by key keep",
    "action a() { in doubt check }",
    "contract C()\ninitial state S -> D {\n let = 3\n goto\n}\n",
    "contract C()\ninitial state S -> D {\n match perform { }\n if { }\n on -> \n}\n",
    "contract C()\ninitial state S -> D { match x { A( -> goto D } }\n",
    'contract C()\ninitial state S -> D { let x = "{" }\n',
    'ensure\nensure x\nuse\nuse "" {}\n',
]


@pytest.mark.parametrize("text", BROKEN)
def test_any_text_gives_a_model(text: str) -> None:
    result = check_text(text)
    assert isinstance(result.model, Contract)
    assert result.contract is None


@pytest.mark.parametrize("path", GOOD[:6], ids=lambda path: path.stem)
def test_a_contract_with_any_line_missing_gives_a_model(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines(keepends=True)
    for index in range(len(lines)):
        assert isinstance(check_text("".join(lines[:index] + lines[index + 1 :])).model, Contract)


@pytest.mark.parametrize("path", GOOD[:3], ids=lambda path: path.stem)
def test_a_contract_that_ends_anywhere_gives_a_model(path: Path) -> None:
    text = path.read_text("utf-8")
    for end in range(0, len(text), 23):
        assert isinstance(check_text(text[:end]).model, Contract)


def test_findings_are_in_the_order_of_lines() -> None:
    text = acting("let a = missing\nlet b = order.totl\ngoto Nowhere")
    lines = [each.place.line for each in check_text(text).diagnostics]
    assert lines == sorted(lines)


def test_rules_do_not_wait_for_types() -> None:
    text = acting("let a = missing\nif order.vip { goto Over }")
    assert {each.rule for each in check_text(text).errors} >= {"name", "flow"}


def test_the_rules_are_only_imported_for_a_check() -> None:
    import opord.language

    tree = ast.parse(Path(opord.language.__file__).read_text("utf-8"))
    at_once = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert at_once == ["__future__", "typing"]
