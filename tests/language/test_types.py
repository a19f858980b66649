"""Types of expressions: what each operator and function accepts, and its result type."""

from __future__ import annotations

from decimal import Decimal

import pytest

from opord.contract import DECIMAL, FLOAT, Binary, Constant, Convert, MakeList
from tests.language.kit import acting, codes, in_body, lowered, verdict

BAD_OPERANDS, MISMATCH, BAD_TEXT, NO_PARTS, RANGE, BUILTIN = (
    "OP202",
    "OP201",
    "OP203",
    "OP205",
    "OP206",
    "OP210",
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # literals
        ("1", "int"),
        ("2.5", "float"),
        ("-9_223_372_036_854_775_808", "int"),
        ("9_223_372_036_854_775_808", RANGE),
        ('"a"', "str"),
        ("true", "bool"),
        ("1h30m", "duration"),
        ('["a", "b"]', "list[str]"),
        ("[1, 2.5]", "list[float]"),
        ('[1, "a"]', MISMATCH),
        ("[]", "OP211"),
        ("none", "OP211"),
        # arithmetic
        ("order.total + 1", "int"),
        ("order.total + 2.5", "float"),
        ("order.total * order.price", "decimal"),
        ("order.price + 2.5", "decimal"),
        ("2.5 * order.price", "decimal"),
        ("order.price * order.rate", BAD_OPERANDS),
        ("order.total / 2", "float"),
        ("order.price / 2", "decimal"),
        ("order.total // 2", "int"),
        ("order.rate % 2", "float"),
        ('order.id + "a"', "str"),
        ("order.id + order.total", BAD_OPERANDS),
        ("order.lines + []", "list[Line]"),
        ("[] + order.lines", "list[Line]"),
        ("order.lines + order.shapes", BAD_OPERANDS),
        ("order.id * 3", BAD_OPERANDS),
        ("-order.price", "decimal"),
        ("-order.span", "duration"),
        ("-order.id", BAD_OPERANDS),
        ("order.count + 1", BAD_OPERANDS),
        # time
        ("now + 3d", "datetime"),
        ("3d + now", "datetime"),
        ("now - 3d", "datetime"),
        ("3d - now", BAD_OPERANDS),
        ("now - order.due", "duration"),
        ("1h + 5m", "duration"),
        ("1h - 5m", "duration"),
        ("1h * order.total", "duration"),
        ("order.total * 1h", "duration"),
        ("1h * 2.0", BAD_OPERANDS),
        ("1h / 2", BAD_OPERANDS),
        ("now + 3", BAD_OPERANDS),
        ("order.day + 1d", BAD_OPERANDS),
        # comparisons
        ("order.total < order.rate", "bool"),
        ("order.price >= 3", "bool"),
        ("order.rate < order.price", BAD_OPERANDS),
        ('order.id < "b"', "bool"),
        ("order.due < now", "bool"),
        ("order.day < order.day", "bool"),
        ("order.span > 1h", "bool"),
        ("order.vip < true", BAD_OPERANDS),
        ("order.ref < order.ref", BAD_OPERANDS),
        ("order.count < 3", BAD_OPERANDS),
        ("order.ref == order.ref", "bool"),
        ("order.total == order.price", "bool"),
        ('order.total == "a"', BAD_OPERANDS),
        ("order.note == none", "bool"),
        ("none != order.note", "bool"),
        ('order.note == "a"', "bool"),
        ("order.total == none", BAD_OPERANDS),
        ("order.lines == []", "bool"),
        ("order.raw == order.raw", BAD_OPERANDS),
        ("Shape.Point == Circle(1)", "bool"),
        # in
        ('"a" in order.tags', "bool"),
        ('"a" in order.id', "bool"),
        ("3 in [1, 2]", "bool"),
        ("order.price in [1.5, 2]", "bool"),
        ("3 in order.id", BAD_OPERANDS),
        ("3 in order.total", BAD_OPERANDS),
        # bool
        ("order.vip and not order.vip or true", "bool"),
        ("order.vip and order.total", MISMATCH),
        ("not order.total", MISMATCH),
        # optionals
        ('order.note ?? "a"', "str"),
        ("order.note ?? order.note", "str?"),
        ("order.note ?? none", "str?"),
        ("order.note ?? 3", BAD_OPERANDS),
        ("order.total ?? 3", BAD_OPERANDS),
        # parts
        ("order.lines[0]", "Line?"),
        ("order.lines[-1]", "Line?"),
        ("order.lines[1:]", "list[Line]"),
        ("order.id[0:1]", "str"),
        ("order.id[0]", NO_PARTS),
        ('order.tags["a"]', "int?"),
        ("order.tags[0]", MISMATCH),
        ("order.lines[0].sku", NO_PARTS),
        ("order.raw.foo", NO_PARTS),
        ("Shape.Point.radius", NO_PARTS),
        ("order.total[0]", NO_PARTS),
        # choices
        ("if order.vip then 1 else 2.5", "float"),
        ("if order.vip then none else 3", "int?"),
        ("if order.vip then [] else order.lines", "list[Line]"),
        ('if order.vip then 1 else "a"', MISMATCH),
        ("if order.total then 1 else 2", MISMATCH),
        # records and variants
        ('Line { sku: "a" }', "Line"),
        ('Line { sku: "a", quantity: 2, note: "b" }', "Line"),
        ("Line { quantity: 2 }", "OP204"),
        ("Line { sku: 3 }", MISMATCH),
        ("order with { total: 3 }", "Order"),
        ('order with { total: "a" }', MISMATCH),
        ("order.total with { a: 1 }", NO_PARTS),
        ("Circle(1)", "Shape"),
        ("Circle", "OP204"),
        ("Square(2.0)", "Shape"),
        ('CardError.Declined("a")', "CardError"),
        # built-in functions
        ("len(order.lines) + len(order.tags) + len(order.id) + len(order.data)", "int"),
        ("len(order.total)", BUILTIN),
        ("min(1, 2.5)", "float"),
        ("max(order.price, 2.5, 1)", "decimal"),
        ("max([1, 2])", "int"),
        ("max([])", BUILTIN),
        ("max(now, order.due)", "datetime"),
        ("abs(order.span)", "duration"),
        ("round(order.rate)", "int"),
        ("round(order.price, 2)", "decimal"),
        ("str(order.total)", "str"),
        ("str(order.lines)", BUILTIN),
        ('int("3")', "int"),
        ("float(order.price)", "float"),
        ("decimal(order.rate)", "decimal"),
        ("int(order.count)", BUILTIN),
        ("count(order.shapes, Point)", "int"),
        ("count(order.shapes, Shape.Point)", "int"),
        ("count(order.shapes, Pont)", "OP108"),
        ("count(order.lines, Point)", BUILTIN),
        # texts
        (
            '"{order.total} {order.id} {order.ref} {order.span} {now} {Shape.Point} {order.vip} {order.data}"',
            "str",
        ),
        ('"{order.lines}"', BAD_TEXT),
        ('"{order.tags}"', BAD_TEXT),
        ('"{order}"', BAD_TEXT),
        ('"{order.note}"', BAD_TEXT),
        ('"{order.raw}"', BAD_TEXT),
        ('"{run}"', BAD_TEXT),
        ('"{run.id} {run.started_at}"', "str"),
        # calls
        ("risk(order, 1)", "float"),
        ("risk(limit: 1.5, order: order)", "float"),
        ("risk(order)", "OP204"),
        ("risk(order, 1, 2)", "OP204"),
        ('risk(order, "a")', MISMATCH),
        ("order.id()", "OP216"),
    ],
)
def test_an_expression_has_this_type_or_this_finding(expression: str, expected: str) -> None:
    assert verdict(expression) == expected


def test_an_int_beside_a_decimal_is_converted_explicitly() -> None:
    product = lowered("order.total * order.price")
    assert isinstance(product, Binary)
    assert isinstance(product.left, Convert)
    assert product.left.type == DECIMAL


def test_a_literal_is_exact_where_a_decimal_is_expected() -> None:
    product = lowered("order.price * 0.1")
    assert isinstance(product, Binary)
    assert product.right == Constant(Decimal("0.1"), DECIMAL)


def test_ints_in_a_list_of_floats_are_converted_one_by_one() -> None:
    items = lowered("[1, 2.5]")
    assert isinstance(items, MakeList)
    assert [type(item) for item in items.items] == [Convert, Constant]
    assert {item.type for item in items.items} == {FLOAT}


@pytest.mark.parametrize(
    "mistake",
    [
        "order.totl + 1",
        "order.id + missing + 1",
        "len(missing)",
        "(if missing then 1 else 2) + 1",
        'order.lines[missing] ?? Line { sku: "a" }',
        "-missing",
        "risk(missing, 1) > 0.5 and order.vip",
        "Line { skew: 3 }",
    ],
)
def test_one_mistake_is_one_finding_at_any_depth(mistake: str) -> None:
    assert len(codes(acting(f"let value = {mistake}\nif value == value {{ goto Over }}\ngoto Over"))) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('goto Done("a", 1)', ""),
        ('goto Done(count: 1, text: "a")', ""),
        ('goto Done("a")', "OP204"),
        ('goto Done("a", 1, 2)', "OP204"),
        ('goto Done("a", "b")', "OP201"),
        ('goto Done("a", cnt: 1)', "OP107"),
        ('goto Done("a", text: "b", count: 1)', "OP119"),
        ('let text = "a"\nlet count = 1\ngoto Done(..)', ""),
        ('let text = "a"\ngoto Done(count: 3, ..)', ""),
        ('let text = "a"\ngoto Done(..)', "OP204"),
        ("let text = 1\nlet count = 1\ngoto Done(..)", "OP201"),
        ("goto Over", ""),
        ("goto Over(1)", "OP204"),
    ],
)
def test_a_goto_gives_every_field_of_its_target_a_value(body: str, expected: str) -> None:
    assert in_body(body) == expected


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("order.note { some text -> goto Done(text, 1)\n none -> goto Over }", ""),
        ("order.note { some -> goto Over\n none -> goto Over }", ""),
        ('order.note { "a" -> goto Over\n else -> goto Over }', "OP209"),
        ("order.vip { true -> goto Over\n false -> goto Over }", ""),
        ('order.total { 1 | 2 -> goto Over\n -3 -> goto Over\n else other -> goto Done("a", other) }', ""),
        ('order.total { "a" -> goto Over\n else -> goto Over }', "OP209"),
        ("order.price { 1 | 2.50 -> goto Over\n else -> goto Over }", ""),
        ("order.span { 1h -> goto Over\n else -> goto Over }", ""),
        ('Shape.Point { Circle(r) -> goto Done("{r}", 1)\n Point | Square -> goto Over }', ""),
        ("Shape.Point { Circle(_) -> goto Over\n Square(side, _) -> goto Over\n _ -> goto Over }", ""),
        ("Shape.Point { Circle(r, s) -> goto Over\n else -> goto Over }", "OP209"),
        ("Shape.Point { Shape.Circle -> goto Over\n else -> goto Over }", ""),
        ("Shape.Point { Colour.red -> goto Over\n else -> goto Over }", "OP209"),
        ("Shape.Point { red -> goto Over\n else -> goto Over }", "OP209"),
        ("Shape.Point { Circl -> goto Over\n else -> goto Over }", "OP108"),
        ("Shape.Point { some x -> goto Over\n else -> goto Over }", "OP209"),
        ("Colour.red { red -> goto Over\n blue -> goto Over\n Point -> goto Over }", ""),
        ("order { else -> goto Over }", "OP209"),
        ("order.raw { else -> goto Over }", "OP209"),
        ("order.lines { else -> goto Over }", "OP209"),
        ("missing { Circle(r) -> goto Done(r, r)\n some x -> goto Done(x, x)\n 3 -> goto Over }", "OP102"),
    ],
)
def test_patterns_must_fit_the_subject(match: str, expected: str) -> None:
    assert in_body(f"match {match}") == expected


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (
            'perform find("a") {\n ok found -> goto Over\n Declined(reason) -> goto Done(reason, 1)\n Busy | TimedOut -> goto Over }',
            "",
        ),
        ('perform find("a") {\n ok found -> goto Done(found, 1)\n else -> goto Over }', "OP201"),
        ('perform find("a") {\n ok -> goto Over\n Unsure -> goto Over\n else -> goto Over }', "OP209"),
        ('perform find("a") {\n ok -> goto Over\n Bussy -> goto Over\n else -> goto Over }', "OP108"),
        # two failures have a variant `Declined`
        (
            'perform read("a") {\n ok n -> goto Done("a", n)\n Declined -> goto Over\n else -> goto Over }',
            "OP112",
        ),
        (
            'perform read("a") {\n ok n -> goto Done("a", n)\n CardError.Declined(reason) -> goto Done(reason, 1)\n'
            ' RiskError.Declined(score) -> goto Done("a", score)\n Busy | Unsure -> goto Over }',
            "",
        ),
        # `problem` has the failure's type if only one is left, without built-in variants
        ('perform find("a") {\n ok -> goto Over\n else problem -> goto Done("{problem}", 1) }', ""),
        ('perform find("a") {\n ok -> goto Over\n else problem -> goto Done(problem.reason, 1) }', "OP205"),
        (
            'perform read("a") {\n ok -> goto Over\n RiskError.Declined | Unsure -> goto Over\n'
            " else problem -> match problem { Declined(reason) -> goto Done(reason, 1)\n Busy -> goto Over } }",
            "",
        ),
        ('commit tell("a") {\n ok answer -> goto Over }', "OP209"),
        ('commit tell("a") {\n ok -> goto Over }', ""),
        (
            "commit pay(order.token, 1) {\n ok receipt -> goto Done(receipt, 1)\n InDoubt -> goto Over\n else -> goto Over }",
            "",
        ),
    ],
)
def test_the_arms_of_a_call_must_fit_its_outcomes(match: str, expected: str) -> None:
    assert in_body(f"match {match}") == expected


def test_a_let_needs_a_value() -> None:
    assert in_body('let answer = commit tell("a")\ngoto Over') == "OP211"


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("record Self { self_: Self }", "OP207"),
        ("record Self { others: list[Self], by_name: map[str, Self], next: Self? }", ""),
        ("enum Tree { Leaf, Node(left: Tree, right: Tree) }", ""),
        ("enum Tree { Node(left: Tree) }", "OP207"),
        ("record Pair { names: map[int, str] }", "OP207"),
        ("record Twice { token: secret secret str }", "OP207"),
        ('record Wrong { count: int = "a" }', "OP201"),
        (
            "record Right { price: decimal = 2.5, note: str? = none, names: list[str] = [], colour: Colour = red }",
            "",
        ),
        ("record Late { at_: datetime = now }", "OP117"),
        ("pure limit() -> float\nstate Extra(limit: float = limit()) -> Over { goto Over }", "OP208"),
        ("state Extra(at_: datetime = now, id: str = order.id, by: str = run.id) -> Over { goto Over }", ""),
        ("event cancel(why: str)", "OP215"),
        ("event cancel(reason: str)", ""),
        ("event tick(n: float) key n", "OP213"),
        ("event tick(n: int) key n", ""),
        ("action twice(n: float) { key n }", "OP213"),
        ("action twice(id: str) { key id, in doubt check find(call.key) after 5s }", ""),
        ("action twice(id: str) { key id, in doubt check find(order.total) }", "OP201"),
        ("action twice(id: str) { retry 0 times }", "OP214"),
        ("action twice(id: str) { key id for 0s }", "OP214"),
        ("effect slow() { timeout 0s }", "OP214"),
        ("effect slow() fails CardError { retry 3 times backoff 5s to 1s }", "OP214"),
    ],
)
def test_wrong_declarations_are_reported(declaration: str, expected: str) -> None:
    assert " ".join(codes(acting("goto Over", more=declaration))) == expected


@pytest.mark.parametrize(
    ("handlers", "expected"),
    [
        ("on decide(note, score) -> goto Done(note, score)", ""),
        ("on decide(_, score) -> goto Done(actor, score)", ""),
        ("on decide -> goto Over", ""),
        ("on decide(note) -> goto Over", "OP204"),
        ("on decide(note, score) if score > 3 -> goto Over", ""),
        ("on decide(note, score) if score -> goto Over", "OP201"),
        ("on decide(note, score) if risk(order, 1) > 0.5 -> goto Over", "OP208"),
        ("on decide(note, score) ignore", ""),
        ("on cancel(reason) -> goto Done(reason, 1)", ""),
        ("on cancel(reason, by) -> goto Over", "OP204"),
        ("after order.span -> goto Over", ""),
        ("after 10 -> goto Over", "OP201"),
        ("after 1h * order.total -> goto Over", ""),
        ("at order.due + 1h -> goto Over", ""),
        ("at 1h -> goto Over", "OP201"),
        ("after 1h -> goto Done(actor, 1)", "OP117"),
    ],
)
def test_handlers_and_timers_must_fit_their_types(handlers: str, expected: str) -> None:
    assert in_body(handlers) == expected
