"""The parser: the accepted grammar, the levels of operators, and the content of the tree."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from opord.language.syntax import tree
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source

EXAMPLE = files("opord.examples.orders").joinpath("order.opord").read_text("utf-8")
GOOD = sorted((Path(__file__).parent / "good").rglob("*.opord"))


def parsed(text: str) -> tree.File:
    file, findings = parse(Source("t", text))
    assert [(each.place.line, each.message) for each in findings] == []
    return file


def body_of(lines: str) -> list[tree.Statement | tree.Handler]:
    (state,) = parsed(f"state A -> B {{\n{lines}\n}}").declarations
    assert isinstance(state, tree.State)
    assert state.body is not None
    return state.body


def expression(text: str) -> tree.Expression:
    (let,) = body_of(f"let x = {text}")
    assert isinstance(let, tree.Let)
    return let.value


def shown(node: tree.Expression) -> str:
    """Write an expression with all its parentheses."""
    match node:
        case tree.NameExpression(name=name):
            return name.text
        case tree.IntLiteral(value=value):
            return str(value)
        case tree.Unary(operator=operator, operand=operand):
            return f"({operator} {shown(operand)})"
        case tree.Binary(operator=operator, left=left, right=right):
            return f"({shown(left)} {operator} {shown(right)})"
        case tree.FieldAccess(subject=subject, name=name):
            return f"{shown(subject)}.{name.text}"
        case tree.Index(subject=subject, index=index):
            return f"{shown(subject)}[{shown(index)}]"
        case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"(if {shown(condition)} then {shown(then)} else {shown(otherwise)})"
        case tree.With(subject=subject):
            return f"({shown(subject)} with …)"
    return type(node).__name__


def test_the_example_has_every_declaration_and_no_finding() -> None:
    file = parsed(EXAMPLE)
    names = [type(each).__name__ for each in file.declarations]
    assert names.count("State") == 9
    assert names.count("Phase") == 1
    assert names.count("Ensure") == 5
    assert names.count("CallDeclaration") == 6


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_contracts_parse(path: Path) -> None:
    assert parse(Source.read(path))[1] == []


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("a or b and not c == d", "(a or (b and (not (c == d))))"),
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a // b % c", "((a // b) % c)"),
        ("-a * b", "((- a) * b)"),
        ("-a.b", "(- a.b)"),
        ("a ?? b ?? c", "(a ?? (b ?? c))"),
        ("xs[0] ?? 0 > 1", "((xs[0] ?? 0) > 1)"),
        ("a + b ?? c", "(a + (b ?? c))"),
        ("a ?? -1", "(a ?? -1)"),
        ("a in b or c", "((a in b) or c)"),
        ("a - 3", "(a - 3)"),
        ("a -3", "(a - 3)"),
        ("if a then b else c + 1", "(if a then b else (c + 1))"),
        ("a with { b: 1 }.c", "(a with …).c"),
        ("not a in b", "(not (a in b))"),
    ],
)
def test_operators_bind_by_their_level(text: str, bound: str) -> None:
    assert shown(expression(text)) == bound


def test_a_text_keeps_its_pieces_in_order() -> None:
    node = expression('"a {b} \\u{1F600}{c}"')
    assert isinstance(node, tree.TextLiteral)
    assert [each if isinstance(each, str) else shown(each) for each in node.parts] == ["a ", "b", " 😀", "c"]


def test_spans_are_exact() -> None:
    text = "state A -> B {\n  let x = (a + b) * order.id\n}"
    source = Source("t", text)
    texts = {
        type(node).__name__: source.slice(node.span)
        for node in tree.walk(parse(source)[0])
        if hasattr(node, "span") and not isinstance(node, tree.Name)
    }
    assert texts["Let"] == "let x = (a + b) * order.id"
    assert texts["FieldAccess"] == "order.id"
    assert texts["State"] == text


@pytest.mark.parametrize(
    "text",
    [
        "contract A",
        "contract A(a: int = 1, b: list[map[str, T?]], c: secret str?) key a.id version 2",
        'use "types.opord" { A, B }',
        'use "types.opord" {\n  A\n  B\n}',
        "record R { key: str, state: int, by: T?, at: date, on: json, retry: bytes }",
        "enum Shape { Circle(radius: float), Point\n  square\n}",
        "failure F { A(x: int) transient, B transient\n C\n D(x: int) settles, settles settles }",
        "role a, b,\n  c",
        "event ping",
        "event approve(note: str) by a | b key note keep",
        "event cancel(reason: str) by a",
        "pure f(a: int)\n  -> float",
        "effect f() -> T? fails F | G { retry 3 times, timeout 2s }",
        "action f(a: int) -> T fails F undoes g { key a for 24h, retry 5 times backoff 1s to 1m }",
        "action f() {\n  key\n  in doubt repeat\n}",
        "action f() { key for 1h30m, in doubt check e(a, b: 2) after 30s }",
        'action f() -> T fails F stands because "it may" undoes g { key }',
        'action f(shared: str) { key shared for 1h shared because "it is one" }',
        'action f(shared: str) {\n  key shared shared because "it is one"\n  timeout 1s\n}',
        "action f(shared: str, because: str) { key shared, timeout 1s }",
        "action f() { repeatable, in doubt ask within 3d }",
        "action f() { in doubt ask }",
        "action f() { in doubt skip }",
        "action f() { in doubt report }",
        "initial state A(x: int = 1, at: datetime = now) -> B\n  | C { goto B }",
        "final state A failure",
        "final state A(reason: str) cancelled",
        "phase P { on a -> goto B\n  after 3d -> goto C\n  state B -> C { goto C }\n}",
        "ensure a or b at most once",
        "ensure A or B only after c or d",
        "ensure never A or B after c",
        "ensure after a\n  or b eventually C or D",
        "ensure every run ends",
        "ensure every run ends within 30d",
    ],
)
def test_declarations_are_read(text: str) -> None:
    parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "goto B",
        "goto B(a, b: 1, ..)",
        "goto B(..)",
        "perform f(a,\n b)",
        "commit f()\nelse problem -> goto B",
        "let x = perform f() else {\n  A | B.C(_, _) -> goto X, TimedOut -> goto Y\n  else p -> { goto Z }\n}",
        "if a { goto B } else if b { goto C }\nelse { goto D }",
        "if a == (R { id: 1 }) { goto B }",
        "match commit f(a) {\n ok r -> goto B(r)\n A(x) -> goto C(x)\n B | C -> goto D\n else p -> goto E\n}",
        "match a { ok -> goto B, some x -> if x { goto C }\n none -> goto D\n else -> goto E }",
        'match a {\n 1 | -2 -> goto B\n 2.5 -> goto B\n "x" -> goto B\n true -> goto B\n 1h -> goto B\n}',
        "match a { A.B(_) -> { goto B }, _ -> goto C }",
        "on a(x, _) if x > 1 and\n x < 3 { goto B }",
        "on a -> if x { goto B } else { goto C }",
        "on a ignore",
        "after 48h -> goto B",
        "at now + 3h { goto B }",
        "let x = if a\n  then b\n  else c",
        "let x = a\n  .b\n  + c",
        "let x = xs[-1] ?? xs[a:b][1:][:2][:][0]",
        "let x = Order {\n  id: 1\n  lines: [A { b: 1 }, c,]\n}",
        "let x = order with { total_cents: 0 }",
        "let x = Shape.Circle(radius: 1.0)",
    ],
)
def test_lines_of_a_state_are_read(text: str) -> None:
    body_of(text)


def test_else_on_a_new_line_is_an_arm_between_arms() -> None:
    (match,) = body_of("match a {\n A -> if b { goto B }\n else -> goto C\n}")
    assert isinstance(match, tree.Match)
    assert [type(arm.patterns[0]) for arm in match.arms] == [tree.VariantPattern, tree.ElsePattern]


def test_in_starts_a_policy_on_a_new_line() -> None:
    (action,) = parsed("action f() {\n  key a\n  in doubt repeat\n}").declarations
    assert isinstance(action, tree.CallDeclaration)
    assert [type(each) for each in action.policies] == [tree.KeyPolicy, tree.InDoubtPolicy]


@pytest.mark.parametrize(
    ("comment", "names", "reason"),
    [
        ("allow unanswered pay because it stands", ["pay"], "it stands"),
        ("allow unanswered pay, book  send because of because", ["pay", "book", "send"], "of because"),
        ("allow unanswered,pay ,book , because x", ["pay", "book"], "x"),
        ("allow  unanswered\tbecause_of because x", ["because_of"], "x"),
        ("allow unanswered because pay because x", [], "pay because x"),
    ],
)
def test_an_allow_names_what_it_is_about(comment: str, names: list[str], reason: str) -> None:
    text = f"# opord: {comment}\nfinal state A failure\n"
    (state,) = parsed(text).declarations
    assert isinstance(state, tree.State)
    (allow,) = state.allows
    assert (allow.rule.text, [each.text for each in allow.names]) == ("unanswered", names)
    assert allow.reason == reason
    assert [text[each.span[0] : each.span[1]] for each in allow.names] == names


def test_documentation_and_allow_comments_go_to_the_declaration_below() -> None:
    text = """\
## One.
## Two.
# opord: allow waits because a person decides
# nothing special
state A -> B {
  goto B
}
record R {
  ## The id.
  id: str  ## not documentation
}
"""
    file = parsed(text)
    state, record = file.declarations
    assert isinstance(state, tree.State)
    assert isinstance(record, tree.RecordType)
    assert state.doc == "One.\nTwo."
    assert [(each.rule.text, each.names, each.reason) for each in state.allows] == [
        ("waits", [], "a person decides")
    ]
    assert record.fields[0].doc == "The id."
    assert len(file.comments) == 6


def test_children_and_upgrades_are_refused_as_words_of_a_later_version() -> None:
    text = """\
upgrade from 1 {
  Charging -> Charging(attempts: 0)
  Shipping stays
}
state Shipping -> Delivered | Returned {
  each line in order.lines run "ship_line.opord" ShipLine(line, order.id) limit 10
  when all ended(outcomes) -> goto Delivered(len(outcomes))
  when any Lost(tracking) -> goto Returned(tracking)
  after 14d -> goto Returned("late")
}
"""
    _, findings = parse(Source("t", text))
    assert [(each.code.id, each.place.line) for each in findings] == [("OP023", 1), ("OP023", 6)]
    assert all("this version" in each.message for each in findings)
