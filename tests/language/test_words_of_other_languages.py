"""Who writes a word of another language is told what to write here."""

from __future__ import annotations

import pytest

from opord.language import check_text

BODY = """contract C(id: str, n: int) key id
record R {{ a: str, b: int }}
effect look(id: str) -> R
failure Bad {{ Failed(reason: str), Busy transient }}
action pay(id: str) -> str fails Bad {{ key id, timeout 1s }}
event go(x: int)
initial state S -> T | D {{
  {line}
  goto T
}}
state T -> D {{
  on go(x) -> goto D
  after 1d -> goto D
}}
final state D success
{after}
"""

STATEMENTS = [
    ('let t = f"hello {id}"', "a text is filled in without an `f` before it"),
    ("if n > 1 { goto T } elif n > 2 { goto D }", "write `else if`"),
    ("if n > 1: goto T", "a block stands in braces: `{ … }`"),
    ("if id is none { goto D }", "compare with `==`"),
    ("for x in lines { goto D }", "a step has no loops"),
    ("while n > 1 { goto D }", "a step has no loops"),
    ("return D", "a state ends in a `goto`"),
    ("raise Bad", "nothing is raised here"),
    ("try { commit pay(id) }", "failures are handled where the call is"),
    ("let x = None", "did you mean `none`?"),
    ("let x = True", "did you mean `true`?"),
    ("let x = null", "did you mean `none`?"),
    ("// a comment", "a comment begins with `#`"),
    ("let x = 1 // a comment", "a comment begins with `#`"),
    ("let r = await look(id)", "write `perform` before an effect"),
    ("let x = n > 1 ? 1 : 2", "write `if condition then one else other`"),
    ("n++", "nothing is changed in place: give the next state a new value, `goto Next(n + 1)`"),
    ("goto", "name one that the header lists"),
    ("let x = id.length", "write `len(…)`"),
    ("let x = id.upper()", "let a `pure` compute `upper`"),
    ("let x = commit pay(id) else { Fail(reason) -> goto D, Busy -> goto D }", "did you mean `Failed`?"),
    ('let r = R { a: "x" }', "add `b: …`"),
    ("let r = perform look()", "add `id: …`"),
    ("print(id)", "a step prints nothing"),
    ("let x == 3", "write one `=`: `let x = …`"),
    ("sleep(5)", "a state waits with `after 10s -> goto Next`"),
]

DECLARATIONS = [
    ("record X(a: str)", "write for example `record Line { sku: str, quantity: int = 1 }`"),
    ("action refund(id: str) -> str key id", "policies stand in braces: `{ key … }`"),
    ("event late(id: str) timeout 3s", "write for example `event approve(note: str) by manager`"),
    ("record X { a: Optional[str] }", "what may be absent has a `?`"),
    ("record X { a: str | None }", "what may be absent has a `?`"),
    ("record X { a: List[str] }", "write `list[str]`"),
    ("record X { a: dict[str, int] }", "write `map[str, int]`"),
    ("record X { a: list<str> }", "write for example `list[str]`"),
    ("def f(x) { }", "code is a handler in Python"),
    ('import "x.opord"', 'types of another file: `use "types.opord" { Address }`'),
    ("class X { a: str }", "a type with fields is a `record"),
    ("const X = 1", "there are no constants of a file"),
    ("// who decides", "a comment begins with `#`"),
    ("state W -> D { after 1s -> return D }", "a state ends in a `goto`"),
    ("state W -> D { after 1s -> raise D }", "nothing is raised here"),
]


def helps(line: str = "goto D", after: str = "") -> list[str]:
    result = check_text(BODY.format(line=line, after=after), "c.opord")
    return [found.help for found in result.diagnostics if found.severity == "error"]


# Each of these is one mistake, and one finding.
ONE_STATEMENT = [
    ("if n > 1 then { goto T } else { goto D }", "a block follows without `then`"),
    ("let x = n += 1", "bind a new name with `let`"),
    ("goto T(n++)", "nothing is changed in place: give a new value"),
    ("timeout 7d -> goto T", "a state waits with `after 10s -> goto Next`"),
    ("send(id)", "what goes out is an action"),
    (
        "let x = commit pay(id) else { Failed, Busy -> goto D }",
        "alternatives stand with `|`: `Failed | Busy -> …`",
    ),
]

ONE_DECLARATION = [
    ("final state Extra(n: int): success", "write the outcome without `:`"),
    ("final state Extra failed", "did you mean `failure`?"),
    ("final state Extra aborted", "did you mean `cancelled`?"),
    ("action again(id: str) { key = id }", "write `key …`, without the `=`"),
    ("effect again(id: str) { timeout: 3s }", "write `timeout …`, without the `:`"),
    ("effect again(id: str) { retries 3 }", "write `retry 3 times`"),
    ("effect again(id: str) { timeout 3 minutes }", "write `3m`"),
    ("action again(id: str) { in doubt retry }", "did you mean `repeat`?"),
    ("action again(id: str) { on doubt ask }", "write `in doubt ask`"),
    ("effect again(id: str): str", "the result stands after `->`"),
    ("pure price(n: int) -> int { n * 2 }", "leave the braces out"),
    ("failure Other { Gone final, Slow transient }", "a variant without a mark is final"),
    ("event late(x: int) from boss", "who may send an event stands after `by`"),
    ("record X { a: str or none }", "what may be absent has a `?`"),
    ("record X { a: [R] }", "a list is written `list[R]`"),
    ("state W -> D, T { after 1s -> goto D }", "write `D | T`"),
    ("ensure every run ends within 3 days", "write `3d`"),
]


def syntax_helps(line: str = "goto D", after: str = "") -> list[str]:
    result = check_text(BODY.format(line=line, after=after), "c.opord")
    return [found.help for found in result.diagnostics if found.rule == "syntax"]


@pytest.mark.parametrize(("line", "told"), ONE_STATEMENT)
def test_one_mistake_in_a_step_is_one_finding(line: str, told: str) -> None:
    (help,) = syntax_helps(line)
    assert told in help


@pytest.mark.parametrize(("line", "told"), ONE_DECLARATION)
def test_one_mistake_in_a_declaration_is_one_finding(line: str, told: str) -> None:
    (help,) = syntax_helps(after=line)
    assert told in help


def test_a_key_of_two_names_is_written_as_one_text() -> None:
    found = check_text(
        "contract C(id: str, day: date) key id, day\ninitial state S -> D { goto D }\nfinal state D success\n"
    ).diagnostics
    assert [each.help for each in found] == ['a key is one value: write both into a text, `key "{id}/{day}"`']


def test_a_declaration_of_another_language_is_found_after_a_line_that_cannot_be_read() -> None:
    text = "contract C(id: list<str>) key id\n\nconst MAX = 10\n\nfinal state D success\n"
    assert [each.code.id for each in check_text(text).diagnostics if each.rule == "syntax"] == [
        "OP010",
        "OP015",
    ]


@pytest.mark.parametrize(("line", "told"), STATEMENTS)
def test_in_a_step(line: str, told: str) -> None:
    assert any(told in help for help in helps(line)), helps(line)


@pytest.mark.parametrize(("line", "told"), DECLARATIONS)
def test_among_declarations(line: str, told: str) -> None:
    assert any(told in help for help in helps(after=line)), helps(after=line)


def test_a_name_is_not_told_by_two_letters() -> None:
    (help,) = [
        help
        for help in helps("let x = commit pay(id) else { Fa(r) -> goto D, Busy -> goto D }")
        if "it has" in help
    ]
    assert help == "it has `Failed` and `Busy`"
