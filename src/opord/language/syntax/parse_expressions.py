"""Parse expressions.

Binary operators have these levels, the weakest first: `or`, `and`, comparisons and `in`, `+ -`, `*
/ // %`, `??`. `not` binds as weakly as a comparison, unary `-` more strongly than `*`. Comparisons
do not chain.
"""

from __future__ import annotations

from typing import cast

from opord.language.diagnostics.model import code
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import HEIGHT_MAX, LONELY_SEPARATOR, NESTING_MAX, Mend, ParserStuck
from opord.language.syntax.escapes import UNKNOWN_ESCAPE, unescape
from opord.language.syntax.lexer import duration_ms
from opord.language.syntax.parse_types import TypeParser
from opord.language.syntax.tree import Expression, Name, Span

CHAINED_COMPARISON = code("OP018", rule="syntax", title="a chain of comparisons")
MISPLACED_CALL = code("OP019", rule="syntax", title="a `perform` or `commit` inside an expression")
RECORD_IN_HEAD = code("OP021", rule="syntax", title="a record literal without parentheses in a head")
POSITIONAL_AFTER_NAMED = code("OP022", rule="syntax", title="a positional argument after a named one")
EMPTY_INTERPOLATION = code("OP038", rule="syntax", title="empty braces in a text")

_COMPARISON = 4
_POWER = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), _COMPARISON),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "//", "%"), 6),
    "??": 8,
}
_NOT_POWER = 3
_MINUS_POWER = 6
_POSTFIX = frozenset({".", "(", "[", "{", "with"})
# Python refuses to read longer digit strings. Every number of this length is outside 64 bits.
_INT_DIGITS_MAX = 40


class ExpressionParser(TypeParser):
    """Parse expressions. Every method starts at the first token of its construct."""

    i: int
    depth: int
    height: int
    in_head: bool
    record_in_head: int

    # Operators ------------------------------------------------------------------------------------

    def expression(self, floor: int = 0) -> Expression:
        """Read an expression whose operators bind more strongly than `floor`."""
        start = self.i
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise self.too_deep()
        left = self._operand()
        compared = chained = False
        while True:
            i = self.i
            power = _POWER.get(self.kinds[i], 0)
            if power <= floor or self.newlines[i] == t.NEWLINE:
                break
            if power == _COMPARISON:
                if compared:
                    self._report_chain(i)
                    chained = True
                compared = True
            height = self.height
            self.i = i + 1
            right = self.expression(power if power != 8 else 7)
            self.height = max(height, self.height) + 1
            if self.height > HEIGHT_MAX:
                raise self.too_deep()
            left = tree.Binary(
                cast("tree.BinaryOperator", self.kinds[i]),
                (self.starts[i], self.ends[i]),
                left,
                right,
                (self.starts[start], self.ends[self.i - 1]),
            )
        self.depth -= 1
        return self.unparsed(start) if chained else left

    def _report_chain(self, i: int) -> None:
        self.report(
            CHAINED_COMPARISON,
            self.token_span(i),
            "comparisons do not chain",
            "join two of them: `a < b and b < c`",
        )

    def _operand(self) -> Expression:
        i = self.i
        kind = self.kinds[i]
        if kind == t.NAME and self.newlines[i] != t.NEWLINE:
            span = (self.starts[i], self.ends[i])
            self.i = i + 1
            self.height = 1
            following = self.kinds[i + 1]
            name = Name(self.texts[i], span)
            if following == t.NAME and name.text in ("perform", "commit") and not self.newlines[i + 1]:
                return self._misplaced_call(i)
            node: Expression = tree.NameExpression(name, span)
            if following not in _POSTFIX:
                return node
            if following == "{":
                return self._record(name) if self._record_opens() else node
            return self._postfix(node, i)
        return self._postfix(self._primary(i, kind), i)

    def _primary(self, i: int, kind: str) -> Expression:
        if self.newlines[i] == t.NEWLINE and i > 0:
            raise self.miss("an expression")
        self.height = 1
        if kind == t.INT:
            self.i = i + 1
            return tree.IntLiteral(_int(self.texts[i]), (self.starts[i], self.ends[i]))
        if kind == t.TEXT:
            return self.text()
        if kind == t.TEXT_START:
            return self._template()
        if kind == "-" or kind == "not":
            return self._unary(i)
        if kind == "(":
            return self._parenthesised(i)
        if kind == "[":
            return self._list(i)
        if kind == "if":
            return self._conditional(i)
        return self._literal(i, kind)

    def _literal(self, i: int, kind: str) -> Expression:
        span = (self.starts[i], self.ends[i])
        self.i = i + 1
        if kind == "true" or kind == "false":
            return tree.BoolLiteral(kind == "true", span)
        if kind == "none":
            return tree.NoneLiteral(span)
        if kind == t.NUMBER:
            return tree.NumberLiteral(self.texts[i].replace("_", ""), span)
        if kind == t.DURATION:
            return tree.DurationLiteral(duration_ms(self.texts[i]) or 0, span)
        if kind == t.BAD:
            return tree.Unparsed(span)
        self.i = i
        raise self.miss("an expression", _advice_for(self.texts[i]))

    def _unary(self, i: int) -> Expression:
        span = (self.starts[i], self.ends[i])
        self.i = i + 1
        if self.kinds[i] == "-":
            following = self.kinds[i + 1]
            if following == t.INT or following == t.NUMBER:
                literal = self._primary(i + 1, following)
                if isinstance(literal, tree.IntLiteral):
                    return tree.IntLiteral(-literal.value, self.span_from(i))
                assert isinstance(literal, tree.NumberLiteral)
                return tree.NumberLiteral("-" + literal.text, self.span_from(i))
            operand = self.expression(_MINUS_POWER)
            self._grow()
            return tree.Unary("-", span, operand, self.span_from(i))
        operand = self.expression(_NOT_POWER)
        self._grow()
        return tree.Unary("not", span, operand, self.span_from(i))

    def _grow(self) -> None:
        self.height += 1
        if self.height > HEIGHT_MAX:
            raise self.too_deep()

    def _parenthesised(self, i: int) -> Expression:
        in_head, self.in_head = self.in_head, False
        self.i = i + 1
        inner = self.expression()
        if self.kinds[self.i] == ",":
            raise self.miss("`)`", "several values stand in a list: `[a, b]`")
        self.close(")", i, "the expression")
        self.in_head = in_head
        return inner

    def _list(self, i: int) -> Expression:
        in_head, self.in_head = self.in_head, False
        self.i = i + 1
        items: list[Expression] = []
        height = 0
        while self.kinds[self.i] != "]":
            items.append(self.expression())
            height = max(height, self.height)
            if self.kinds[self.i] != ",":
                break
            self.i += 1
        self.close("]", i, "the item")
        self.in_head = in_head
        self.height = height
        self._grow()
        return tree.ListLiteral(items, self.span_from(i))

    def _conditional(self, i: int) -> Expression:
        # `then` and `else` may start a line: nothing else can follow the condition.
        self.i = i + 1
        condition = self.expression()
        height = self.height
        if self.kinds[self.i] != "then":
            raise self.miss("`then`", "a choice between values is written `if c then a else b`")
        self.i += 1
        then = self.expression()
        height = max(height, self.height)
        if self.kinds[self.i] != "else":
            raise self.miss("`else`", "a choice between values has both: `if c then a else b`")
        self.i += 1
        otherwise = self.expression()
        self.height = max(height, self.height)
        self._grow()
        return tree.Conditional(condition, then, otherwise, self.span_from(i))

    # What follows an operand ----------------------------------------------------------------------

    def _postfix(self, node: Expression, start: int) -> Expression:
        while True:
            i = self.i
            kind = self.kinds[i]
            if kind not in _POSTFIX or self.newlines[i] == t.NEWLINE:
                return node
            if kind == ".":
                self.i = i + 1
                node = tree.FieldAccess(node, self.name("a field"), self.span_from(start))
                self._grow()
            elif kind == "(":
                height = self.height
                arguments, _ = self.arguments()
                self.height = max(height, self.height)
                node = tree.CallExpression(node, arguments, self.span_from(start))
                self._grow()
            elif kind == "[":
                node = self._index(node, start)
            elif kind == "with":
                height = self.height
                self.i = i + 1
                if self.kinds[self.i] != "{":
                    raise self.miss("`{`", "a changed record is written `order with { total_cents: 0 }`")
                values = self._field_values()
                self.height = max(height, self.height)
                node = tree.With(node, values, self.span_from(start))
                self._grow()
            else:
                return node

    def _index(self, subject: Expression, start: int) -> Expression:
        in_head, self.in_head = self.in_head, False
        opening = self.i
        height = self.height
        self.i += 1
        first = None if self.kinds[self.i] == ":" else self.expression()
        height = max(height, self.height)
        if self.kinds[self.i] == ":":
            self.i += 1
            last = None if self.kinds[self.i] == "]" else self.expression()
            self.close("]", opening, "the slice")
            node: Expression = tree.Slice(subject, first, last, self.span_from(start))
        else:
            self.close("]", opening, "the index")
            assert first is not None
            node = tree.Index(subject, first, self.span_from(start))
        self.in_head = in_head
        self.height = max(height, self.height)
        self._grow()
        return node

    def arguments(self, *, with_rest: bool = False) -> tuple[list[tree.Argument], Span | None]:
        """Read `(a, name: b)`.

        In a `goto` the list may end with `..`; its span is the second result.
        """
        in_head, self.in_head = self.in_head, False
        opening = self.i
        self.i += 1
        kinds = self.kinds
        taken: list[tree.Argument] = []
        rest: Span | None = None
        height, named = 0, False
        while kinds[self.i] != ")":
            i = self.i
            if self.newlines[i]:
                self.refuse_statement(opening)
            if kinds[i] == ",":
                mend = Mend(self.token_span(i), "", "remove the `,`")
                self.report(LONELY_SEPARATOR, mend.span, "this `,` separates nothing", "remove it", mend=mend)
                self.i += 1
                continue
            if kinds[i] == ".." and with_rest:
                self.i += 1
                rest = self.token_span(i)
                if kinds[self.i] == ",":
                    self.i += 1
                if kinds[self.i] != ")":
                    raise self.miss("`)` after `..`", "`..` comes last, after the fields that are given")
                break
            name = None
            if kinds[i + 1] == ":":
                name = self.name("an argument")
                self.i += 1
            value = self.expression()
            if name is not None:
                named = True
            elif named:
                self._report_positional((self.starts[i], self.ends[self.i - 1]))
            if self.height > height:
                height = self.height
            taken.append(tree.Argument(name, value, (self.starts[i], self.ends[self.i - 1])))
            if kinds[self.i] != ",":
                break
            self.i += 1
        self.close(")", opening, "the argument" if taken else "`(`")
        self.in_head = in_head
        self.height = height
        return taken, rest

    def _report_positional(self, span: Span) -> None:
        self.report(
            POSITIONAL_AFTER_NAMED,
            span,
            "this argument has no name, but one before it has",
            "give it its name, or move it before the named ones",
        )

    # Records --------------------------------------------------------------------------------------

    def _record_opens(self) -> bool:
        """Decide whether the `{` after a name opens a record literal.

        In a head it opens the block.
        """
        i = self.i
        if self.newlines[i] == t.NEWLINE:
            return False
        has_fields = self.kinds[i + 1] == t.NAME and self.kinds[i + 2] == ":"
        if not self.in_head:
            # `charge(order {` misses a `)`: records are not named like this.
            return has_fields or self.kinds[i + 1] == "}" or self.texts[i - 1][0].isupper()
        if has_fields:
            if self.record_in_head == self.source.position(self.starts[i])[0]:
                return True
            self.record_in_head = self.source.position(self.starts[i])[0]
            self.report(
                RECORD_IN_HEAD,
                self.token_span(i - 1),
                f"`{self.texts[i - 1]} {{` opens the block here, not a record",
                "put the record literal in parentheses",
            )
            return True
        return False

    def _record(self, name: Name) -> Expression:
        start = self.i - 1
        node = tree.RecordLiteral(name, self._field_values(), self.span_from(start))
        self._grow()
        return self._postfix(node, start)

    def _field_values(self) -> list[tree.FieldValue]:
        in_head, self.in_head = self.in_head, False
        opening = self.i
        self.i += 1
        values: list[tree.FieldValue] = []
        height = 0
        while self.kinds[self.i] != "}":
            start = self.i
            if self.kinds[start] == t.END or self.at_declaration():
                self.unclosed(opening)
                raise ParserStuck
            self._take_field_value(values, start)
            height = max(height, self.height)
            if self.kinds[self.i] == ",":
                self.i += 1
            elif self.kinds[self.i] != "}" and self.newlines[self.i] != t.NEWLINE:
                raise self.miss("`,`, a new line or `}` after the value")
        self.i += 1
        self.in_head = in_head
        self.height = height
        return values

    def _take_field_value(self, values: list[tree.FieldValue], start: int) -> None:
        name = self.name("a field", new_line=True)
        self.take(":", "`:` and a value", "a field is given as `name: value`")
        values.append(tree.FieldValue(name, self.expression(), self.span_from(start)))

    # Texts ----------------------------------------------------------------------------------------

    def text(self) -> tree.TextLiteral:
        """Read a text without `{ }`."""
        i = self.i
        self.i = i + 1
        raw = self.texts[i]
        span = (self.starts[i], self.ends[i])
        if len(raw) == 2:
            return tree.TextLiteral([], span)
        return tree.TextLiteral([unescape(raw[1:-1], span[0] + 1, self._report_escape)], span)

    def _report_escape(self, span: Span, message: str, advice: str) -> None:
        self.report(UNKNOWN_ESCAPE, span, message, advice)

    def _template(self) -> tree.TextLiteral:
        in_head, self.in_head = self.in_head, False
        first = self.i
        parts: list[str | Expression] = []
        height = 0
        while True:
            i = self.i
            raw = self.texts[i]
            self.i = i + 1
            if len(raw) > 2:
                parts.append(unescape(raw[1:-1], self.starts[i] + 1, self._report_escape))
            if self.kinds[i] == t.TEXT_END:
                break
            parts.append(self._interpolation())
            height = max(height, self.height)
        self.in_head = in_head
        self.height = height
        self._grow()
        return tree.TextLiteral(parts, (self.starts[first], self.ends[self.i - 1]))

    def _interpolation(self) -> Expression:
        """Read one `{expression}`; skip what cannot be read and continue with the text."""
        start, depth = self.i, self.depth
        try:
            if self.kinds[start] in (t.TEXT_MIDDLE, t.TEXT_END):
                if self.texts[start]:
                    span = (self.ends[start - 1] - 1, self.starts[start] + 1)
                    self.report(
                        EMPTY_INTERPOLATION, span, "these braces are empty", "a brace itself is written `\\{`"
                    )
                return tree.Unparsed(self.token_span(start))
            node = self.expression()
            if self.kinds[self.i] not in (t.TEXT_MIDDLE, t.TEXT_END):
                raise self.miss("`}` after the expression")
            return node
        except ParserStuck:
            self.depth, self.in_head, self.height = depth, False, 1
            self._skip_interpolation(start)
            return tree.Unparsed(self.span_from(start))

    def _skip_interpolation(self, start: int) -> None:
        kinds = self.kinds
        i, nested = start, 0
        # Start at the first token of the expression, to match the ends of the texts inside it in
        # pairs.
        while nested or kinds[i] not in (t.TEXT_MIDDLE, t.TEXT_END):
            if kinds[i] == t.TEXT_START:
                nested += 1
            elif kinds[i] == t.TEXT_END:
                nested -= 1
            i += 1
        self.i = i

    def _misplaced_call(self, i: int) -> Expression:
        verb = self.texts[i]
        self.report(
            MISPLACED_CALL,
            self.token_span(i),
            f"`{verb}` cannot stand inside an expression",
            f"bind the answer first: `let answer = {verb} {self.texts[i + 1]}(…)`",
        )
        self.name("a call")
        if self.at("("):
            self.arguments()
        return tree.Unparsed(self.span_from(i))


def _int(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits) if len(digits) <= _INT_DIGITS_MAX else 10**_INT_DIGITS_MAX


def _advice_for(text: str) -> str:
    return {
        "{": "a record is written with its name: `Order { id: x }`",
        "else": "`else` follows `if c then a`",
        "=": "values are compared with `==`",
    }.get(text, "")
