"""Names: their namespaces, which names hide which, and what a misspelt name is taken for."""

from __future__ import annotations

import pytest

from opord.contract import Call, Goto, Let
from opord.language import check_text
from opord.language.syntax.letter_case import has_case, in_case
from tests.language.kit import acting, codes, errors, in_body, model

UNKNOWN_NAME, DUPLICATE, CASE, HIDES, SHARED, OTHER, OUT_OF_PLACE = (
    "OP102", "OP109", "OP110", "OP111", "OP112", "OP113", "OP117",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "pascal", "snake"),
    [("order_line", "OrderLine", "order_line"), ("orderLine", "OrderLine", "order_line"),
     ("HTTPCode", "HttpCode", "http_code"), ("ORDER_LINE", "OrderLine", "order_line"), ("a", "A", "a")],
)  # fmt: skip
def test_a_name_in_the_wrong_case_gets_a_suggestion(name: str, pascal: str, snake: str) -> None:
    assert (in_case(name, "PascalCase"), in_case(name, "snake_case")) == (pascal, snake)
    assert has_case(pascal, "PascalCase")
    assert has_case(snake, "snake_case")


@pytest.mark.parametrize(
    ("declarations", "expected"),
    [
        ("record Line2 { a: int, a: str }", DUPLICATE),
        ("record Line { a: int }", DUPLICATE),
        ("enum Line { A }", DUPLICATE),
        ("enum Size { Big, Big }", DUPLICATE),
        ("effect risk()", DUPLICATE),
        ("pure len(x: int) -> int", DUPLICATE),
        ("role ann, ann", DUPLICATE),
        ("event decide()", DUPLICATE),
        ('state Over -> Done { goto Done("a", 1) }', DUPLICATE),
        ("phase Over { state In -> Over { goto Over } }", DUPLICATE),
        ("effect twice(a: int, a: int)", DUPLICATE),
        # not duplicates
        ("record Over { a: int }", ""),
        ("role risk\nevent risk()", ""),
        ("enum size { A }", CASE),
        ("enum Size { BIG_ONE }", CASE),
        ("enum Size { big_one, Small }", ""),
        ("failure Bad { not_this }", CASE),
        ("effect Find2()", CASE),
        ("event OnIt()", CASE),
        ("role Manager", CASE),
        ("state in_between -> Over { goto Over }", CASE),
        ("phase half { state In -> Over { goto Over } }", CASE),
        ("record R { Name: str }", CASE),
    ],
)
def test_declarations_have_unique_names_in_the_right_case(declarations: str, expected: str) -> None:
    assert " ".join(codes(acting("goto Over", more=declarations))) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("let order = 1\ngoto Over", ""),
        ("let a = 1\nlet a = 2\ngoto Over", HIDES),
        ("let a = 1\nif order.vip { let a = 2\n goto Over }\ngoto Over", HIDES),
        ("if order.vip { let a = 2\n goto Over }\nlet a = 1\ngoto Over", ""),
        ("let text = 1\nmatch order.note { some text -> goto Over\n none -> goto Over }", HIDES),
        ("match order.note { some text -> { let text = 2\n goto Over }\n none -> goto Over }", ""),
        ("let now = 1\ngoto Over", HIDES),
        ("let run = 1\ngoto Over", HIDES),
        ("on decide(actor, score) -> goto Over", HIDES),
        ("on decide(order, score) -> goto Done(order, score)", ""),
        ("on decide(note, note) -> goto Over", DUPLICATE),
        ("let Total = 1\ngoto Over", CASE),
        ("let a = a\ngoto Over", UNKNOWN_NAME),
        ('if order.vip { let b = 1\n goto Over }\ngoto Done("a", b)', UNKNOWN_NAME),
        ("goto Done(actor, 1)", OUT_OF_PLACE),
        ("goto Done(call.key, 1)", OUT_OF_PLACE),
        ("let a = Point\ngoto Over", SHARED),
        ("let a = Circle(1)\ngoto Over", ""),
        ('let a = find("a")\ngoto Over', OTHER),
        ("let a = risk\ngoto Over", OTHER),
        ("let a = Order\ngoto Over", OTHER),
        ("let a = Over\ngoto Over", OTHER),
    ],
)
def test_inner_names_may_hide_some_outer_names(body: str, expected: str) -> None:
    assert in_body(body) == expected


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [("now: str", HIDES), ("run: str", HIDES), ("actor: str", ""), ("total: str", "")],
)
def test_a_state_field_cannot_hide_a_name_that_is_always_in_scope(parameter: str, expected: str) -> None:
    text = acting("goto Over", more=f"state Extra({parameter}) -> Over {{ goto Over }}")
    assert " ".join(codes(text)) == expected


def test_fields_of_a_final_state_hide_nothing() -> None:
    assert codes(acting("goto Over", more="final state Sent(run: str, now: str) success")) == []


def test_a_misspelt_name_is_one_finding_and_read_as_the_similar_name() -> None:
    text = acting('let a = perform raed("x") else -> goto Ovr\ngoto Dne("a", 3)')
    assert [(each.code.id, each.help) for each in errors(text)] == [
        ("OP104", "did you mean `read`?"),
        ("OP103", "did you mean `Over`?"),
        ("OP103", "did you mean `Done`?"),
    ]
    call, goto = model(text).states[0].body
    assert isinstance(call, Call)
    assert isinstance(goto, Goto)
    assert (call.site.name, goto.state) == ("read", "Done")


def test_both_places_of_a_clash_are_shown() -> None:
    (finding,) = errors(acting("goto Over", more="\nrecord Line { sku: str }"))
    assert finding.place.line > finding.labels[0].place.line == 2


def test_a_shared_handler_only_knows_fields_that_all_states_of_its_phase_have() -> None:
    phase = """
phase Open {{
  on decide(note, score) -> goto Done({name}, 1)
  state One(who: str, when_: int) -> Done {{ after 1h -> goto Done(who, 1) }}
  state Two(who: str, when_: str) -> Done {{ after 1h -> goto Done(who, 1) }}
}}"""
    for name, expected in [("who", []), ("when_", [OUT_OF_PLACE]), ("order.id", []), ("note", [])]:
        assert codes(acting("goto Over", more=phase.format(name=name))) == expected


@pytest.mark.parametrize(
    ("promise", "expected"),
    [
        ("pay at most once", ""),
        ("Done only after pay", ""),
        ("never Over after find or pay", ""),
        ("after pay eventually Done or Over", ""),
        ("every run ends within 30d", ""),
        ("every run ends within 0s", "OP214"),
        ("Don only after pay", "OP103"),
        ("Done only after payy", "OP104"),
        ("risk at most once", OTHER),
        ("Done at most once", OTHER),
        ("Done only after decide", OTHER),
        ("Done or Done only after pay", DUPLICATE),
    ],
)
def test_promises_name_states_actions_and_effects(promise: str, expected: str) -> None:
    assert " ".join(codes(acting("goto Over", more=f"ensure {promise}"))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["OP116"]),
        ("# nothing\n", ["OP116"]),
        ("initial state A -> B { goto B }\nfinal state B success\n", ["OP116"]),
        ("contract A()\ncontract B()\ninitial state S -> D { goto D }\nfinal state D success\n", ["OP116"]),
        ("contract A() version 0\ninitial state S -> D { goto D }\nfinal state D success\n", ["OP217"]),
        ("record A { a: int }\n", []),
    ],
)
def test_a_file_has_one_contract_or_only_types(text: str, expected: list[str]) -> None:
    result = check_text(text)
    assert [each.code.id for each in result.errors] == expected
    assert result.contract is None or result.errors == []


def test_a_file_with_only_types_has_no_contract() -> None:
    result = check_text("record A { b: B }\nenum B { C }\n")
    assert (result.contract, result.errors) == (None, [])
    assert [each.name for each in (*result.model.records, *result.model.enums)] == ["A", "B"]


ALLOWED = """\
contract Door(name: str) key name
event open_it()
{comment}
initial state Shut -> Open {{
  on open_it -> goto Open
}}
final state Open success
"""


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("", ["waits"]),
        ("# opord: allow waits because doors may stay shut", []),
        ("# opord: allow unused because of another rule", ["unused", "waits"]),
        ("# opord: allow wait because of a slip", ["name", "waits"]),
        ("# opord: allow flow because errors stay", ["unused", "waits"]),
    ],
)
def test_an_allow_silences_its_rule_in_the_declaration_below(comment: str, expected: list[str]) -> None:
    assert [each.rule for each in check_text(ALLOWED.format(comment=comment)).diagnostics] == expected


def test_an_allow_never_silences_an_error() -> None:
    text = ALLOWED.format(comment="# opord: allow flow because we say so").replace(
        "-> Open {", "-> Open | Shut {"
    )
    assert "flow" in {each.rule for each in check_text(text).errors}


def test_the_value_of_a_let_cannot_use_its_own_name() -> None:
    (let, _) = model(acting("let total = order.total\ngoto Over")).states[0].body
    assert isinstance(let, Let)
