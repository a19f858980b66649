"""Parse patterns: the left side of an arm."""

from __future__ import annotations

from typing import assert_never

from opord.language.diagnostics.model import code
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import EXPECTED, ParserStuck
from opord.language.syntax.parse_expressions import ExpressionParser
from opord.language.syntax.tree import Name

NESTED_PATTERN = code("OP028", rule="syntax", title="a pattern inside a pattern")
BINDING_ALTERNATIVE = code("OP029", rule="syntax", title="an alternative that binds a name")

ARM_FORM = "write an arm as `Variant -> goto State`"
_BOUND_IN_ORDER = "fields are bound in order, by names of your own"


class PatternParser(ExpressionParser):
    """Parse patterns. Every method starts at the first token of its construct."""

    i: int

    def patterns(self) -> list[tree.Pattern]:
        """Read one pattern, or several alternatives with `|` between them."""
        patterns = [self._pattern()]
        while self.at("|"):
            self.i += 1
            patterns.append(self._pattern())
        if len(patterns) > 1:
            self._report_bindings(patterns)
        return patterns

    def _report_bindings(self, patterns: list[tree.Pattern]) -> None:
        for pattern in patterns:
            if isinstance(pattern, tree.VariantPattern):
                bound = [name for name in pattern.fields or () if name.text != "_"]
            elif isinstance(pattern, (tree.OkPattern, tree.SomePattern, tree.ElsePattern)):
                bound = [pattern.binding] if pattern.binding and pattern.binding.text != "_" else []
            else:
                continue
            if bound:
                self.report(
                    BINDING_ALTERNATIVE,
                    bound[0].span,
                    f"an alternative cannot bind `{bound[0].text}`: the others would leave it without a value",
                    "leave the fields out, or write an arm of its own",
                )
                return

    def _pattern(self) -> tree.Pattern:
        i = self.i
        kind = self.kinds[i]
        if kind == t.NAME:
            return self._name_pattern(i)
        if kind == "else":
            self.i += 1
            binding = self.name("a name") if self.at(t.NAME) else None
            return tree.ElsePattern(binding, self.span_from(i))
        if kind == "none":
            self.i += 1
            return tree.NonePattern(self.token_span(i))
        if kind in ("true", "false", "-", t.INT, t.NUMBER, t.DURATION, t.TEXT, t.TEXT_START, t.BAD):
            return self._literal_pattern(i)
        raise self.miss("a pattern", ARM_FORM, new_line=True)

    def _literal_pattern(self, i: int) -> tree.Pattern:
        value = self._unary(i) if self.kinds[i] == "-" else self._primary_value(i)
        span = self.span_from(i)
        match value:
            case tree.BoolLiteral() | tree.IntLiteral() | tree.NumberLiteral() | tree.DurationLiteral():
                return tree.LiteralPattern(value, span)
            case tree.TextLiteral(parts=parts) if all(isinstance(part, str) for part in parts):
                return tree.LiteralPattern(value, span)
            case tree.Unparsed():
                return value
            case (
                tree.TextLiteral()
                | tree.NoneLiteral()
                | tree.ListLiteral()
                | tree.NameExpression()
                | tree.FieldAccess()
                | tree.Index()
                | tree.Slice()
                | tree.CallExpression()
                | tree.Unary()
                | tree.Binary()
                | tree.Conditional()
                | tree.RecordLiteral()
                | tree.With()
            ):
                self.report(EXPECTED, span, "a pattern is a plain literal", "compare with `if` instead")
                return tree.Unparsed(span)
            case _:
                assert_never(value)

    def _primary_value(self, i: int) -> tree.Expression:
        newline, self.newlines[i] = self.newlines[i], t.SAME_LINE
        value = self._primary(i, self.kinds[i])
        self.newlines[i] = newline
        return value

    def _name_pattern(self, i: int) -> tree.Pattern:
        text = self.texts[i]
        self.i += 1
        if text in ("ok", "some"):
            binding = self.name("a name") if self.at(t.NAME) else None
            if self.at("("):
                raise self.miss("a name", f"write `{text} value`, without parentheses")
            if text == "ok":
                return tree.OkPattern(binding, self.span_from(i))
            return tree.SomePattern(binding, self.span_from(i))
        if text == "_" and not self.at("("):
            return tree.ElsePattern(None, self.token_span(i))
        name, type_name = Name(text, self.token_span(i)), None
        if self.at("."):
            self.i += 1
            type_name, name = name, self.name("a variant", f"write `{text}.` and the variant")
        fields = self._pattern_fields() if self.at("(") else None
        return tree.VariantPattern(type_name, name, fields, self.span_from(i))

    def _pattern_fields(self) -> list[Name]:
        def read() -> Name:
            start = self.i
            name = self.name("a name for the field", _BOUND_IN_ORDER)
            if self.kinds[self.i] in (".", "("):
                self.report(
                    NESTED_PATTERN,
                    self.token_span(start),
                    "patterns do not nest",
                    "bind the field to a name here, and `match` that inside the arm",
                )
                raise ParserStuck
            if self.kinds[self.i] == ":":
                raise self.miss("`,` or `)`", _BOUND_IN_ORDER)
            return name

        return self.parenthesised(read, "the name")
