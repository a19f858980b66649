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
