"""A contract with a value of every type, and short helpers to check one line in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from opord.contract import Contract, Expr, Let
from opord.language import check_text
from opord.language.diagnostics.model import Diagnostic
from opord.language.syntax import tokens as t
from opord.language.syntax.lexer import lex
from opord.language.syntax.source import Source
from opord.language.types import show

CONTRACT = """\
contract Everything(order: Order) key order.id
record Line { sku: str, quantity: int = 1, note: str? }
record Order {
  id: str, total: int, price: decimal, rate: float, vip: bool, due: datetime, day: date, span: duration, ref: uuid,
  data: bytes, raw: json, note: str?, count: int?, lines: list[Line], tags: map[str, int], shapes: list[Shape],
  token: secret str, pin: secret str?
}
record Plain { name: str }
enum Shape { Circle(radius: float), Point, Square(side: float, label: str?) }
enum Colour { red, blue, Point }
failure CardError { Declined(reason: str), Busy transient }
failure RiskError { Declined(score: int), Unsure }
pure risk(order: Order, limit: float) -> float
effect find(id: str) -> Order? fails CardError { timeout 2s }
effect read(id: str) -> int fails CardError | RiskError
action pay(token: secret str, amount: decimal) -> str fails CardError { key order.id, in doubt report }
action tell(text: str) { in doubt skip }
event decide(note: str, score: int)
"""
ENDS = "final state Done(text: str, count: int) success\nfinal state Over failure\n"


def acting(body: str, *, more: str = "") -> str:
    """Write a contract whose initial state has this body, and then `goto Over`."""
    return f"{CONTRACT}{more}\ninitial state Start -> Over | Done {{\n{body}\n}}\n{ENDS}"


def errors(text: str) -> list[Diagnostic]:
    """List the errors about names, types and secrets. Other rules have their own tests."""
    found = check_text(text).errors
    return [each for each in found if each.rule in ("syntax", "name", "type", "secret")]


def codes(text: str) -> list[str]:
    return [each.code.id for each in errors(text)]


def verdict(expression: str) -> str:
    """Return the type of an expression, or the codes of its errors."""
    text = acting(f"let value = {expression}\ngoto Over")
    wrong = codes(text)
    return " ".join(wrong) if wrong else show(lowered(expression).type)


def lowered(expression: str) -> Expr:
    """Return the checked form of an expression."""
    first = model(acting(f"let value = {expression}\ngoto Over")).states[0].body[0]
    assert isinstance(first, Let)
    return first.value


def in_body(body: str) -> str:
    """Return the codes of the errors in a body."""
    return " ".join(codes(acting(body)))


def model(text: str) -> Contract:
    return check_text(text).model


def respaced(text: str, choices: Iterator[int]) -> str:
    """Change the blanks of a text, add comments at the ends of lines, and add blank lines."""

    def blanks(match: re.Match[str]) -> str:
        choice = next(choices)
        if "\n" not in match[0]:
            return [" ", "  ", "\t"][choice % 3]
        return ["\n", "\n\n\n", " # note\n", "\r\n   ", "\n# line\n  "][choice % 5]

    out: list[str] = []
    source = Source("t", text)
    tokens, _ = lex(source)
    end = 0
    for i, start in enumerate(tokens.starts):
        gap = source.text[end:start]
        nested = tokens.kinds[i] in (t.TEXT_MIDDLE, t.TEXT_END)
        out.append(gap if nested or "#" in gap else re.sub(r"\s+", blanks, gap))
        out.append(source.text[start : tokens.ends[i]])
        end = tokens.ends[i]
    return "".join(out)


def rebroken(text: str, random: Random) -> str:
    """Change where lines break beside braces and after commas, which changes no meaning.

    A text ends on its line, so the expressions in a text keep their blanks.
    """
    source = Source("t", text)
    tokens, _ = lex(source)
    out: list[str] = []
    end = 0
    texts = 0  # how many texts are open here
    for i, start in enumerate(tokens.starts):
        gap = source.text[end:start]
        beside = i > 0 and (tokens.kinds[i - 1] in ("{", ",") or tokens.kinds[i] == "}")
        free = beside and not texts
        texts += (tokens.kinds[i] == t.TEXT_START) - (tokens.kinds[i] == t.TEXT_END)
        out.append(random.choice((" ", " ", "\n")) if free and "#" not in gap else gap)
        out.append(source.text[start : tokens.ends[i]])
        end = tokens.ends[i]
    return "".join(out)
