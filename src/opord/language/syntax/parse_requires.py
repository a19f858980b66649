"""Parse `require` lines: what the input of a start has to fit, and what a start is told else."""

from __future__ import annotations

from opord.language.diagnostics.model import code
from opord.language.diagnostics.suppressors import LostPlace
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.parse_policies import PolicyParser

REQUIRE_WITHOUT_TEXT = code(
    "OP043", rule="syntax", title="a `require` without a text", suppressed_by=(LostPlace(),)
)
MISPLACED_REQUIRE = code("OP044", rule="syntax", title="a `require` that does not follow the header")


class RequireParser(PolicyParser):
    """Parse `require` lines, and hold them below the header."""

    i: int

    def require(self) -> tree.Require:
        """Read `require condition else "text"`."""
        start = self.i
        self.i += 1
        node = tree.Require(self.expression(), None, (0, 0))
        condition = " ".join(self.source.slice(self.span_from(start)).split())
        form = f'write the message for a start that is refused: `{condition if len(condition) < 60 else "require …"} else "…"`'
        if self.kinds[self.i] != "else":  # it may begin a line
            compares = self.kinds[self.i] == "="
            self.miss(
                "`else` and a text",
                "values are compared with `==`" if compares else form,
                kind=REQUIRE_WITHOUT_TEXT,
            )
        else:
            self.i += 1
            node.text = self._refusal(form)
        node.span = self.span_from(start)
        return node

    def _refusal(self, form: str) -> tree.TextLiteral | None:
        """Read the text of a `require`; it may stand on a line of its own."""
        if self.kinds[self.i] == t.TEXT_START:
            return self._template()
        if self.kinds[self.i] != t.TEXT:
            self.miss("a text in quotes", form, kind=REQUIRE_WITHOUT_TEXT)
            return None
        literal = self.text()
        if not "".join(part for part in literal.parts if isinstance(part, str)).strip():
            self.report(REQUIRE_WITHOUT_TEXT, literal.span, "this text is empty", form)
        return literal

    def check_requires(self, declarations: list[tree.Declaration]) -> None:
        """Report each `require` that does not follow the header of the contract."""
        header = next((each for each in declarations if isinstance(each, tree.Contract)), None)
        before: tree.Declaration | None = None
        for each in declarations:
            follows = isinstance(before, tree.Contract | tree.Require | tree.Unparsed)
            if isinstance(each, tree.Require) and header is not None and not follows:
                at = each.span[0]
                self.report(
                    MISPLACED_REQUIRE,
                    (at, at + len("require")),
                    "a `require` stands below the header of the contract",
                    f"move it to the line below `contract {header.name.text}`",
                )
            else:
                before = each
