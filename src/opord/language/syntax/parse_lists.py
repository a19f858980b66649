"""Read lists: lines and items between braces, and items with commas between parentheses.

The parser recovers from mistakes in the loops of this module. Each loop catches `ParserStuck`,
skips to the place where the next line or item can start, and continues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.cursor import LONELY_SEPARATOR, TWO_ON_A_LINE, Mend, ParserStuck, TokenCursor

T = TypeVar("T")


class ListParser(TokenCursor):
    """Read lists of any kind; `read` reads one element and may raise `ParserStuck`."""

    i: int
    depth: int
    height: int
    in_head: bool
    lost_braces: int

    def lines(
        self, opening: int, read: Callable[[], T], noun: str, over: Callable[[], bool] | None = None
    ) -> list[T | tree.Unparsed]:
        """Read elements that only newlines separate, and the `}` of the brace at `opening`."""
        taken: list[T | tree.Unparsed] = []
        base, lost_before = self.depths[opening] + 1 - self.lost_braces, self.lost_braces
        while self.kinds[self.i] != "}":
            if self._ends_early(opening, over):
                break
            start, depth, findings = self.i, self.depth, len(self.findings)
            try:
                taken.append(read())
            except ParserStuck:
                self._recover(start, depth)
                if self._one_brace_too_many(start):
                    continue
                self.skip_line(base + self.lost_braces)
                taken.append(self.unparsed(start))
            if self.i == start:
                self.i += 1
            self._end_line(base + self.lost_braces, noun, quiet=len(self.findings) > findings)
        else:
            self.i += 1
        assert self.lost_braces >= lost_before
        return taken

    def _end_line(self, base: int, noun: str, *, quiet: bool) -> None:
        i = self.i
        kind = self.kinds[i]
        if kind == "}" or kind == t.END or self.newlines[i] == t.NEWLINE:
            return
        if kind == ",":
            self.report(
                TWO_ON_A_LINE, self.token_span(i), f"{noun} are separated by new lines alone", "end the line"
            )
            self.i += 1
            return
        if not quiet and self.reported_at != i:
            self.report(
                TWO_ON_A_LINE,
                self.token_span(i),
                f"expected a new line, but {self.next_token_text()}",
                self.foreign_advice(i) or "start a new line here",
            )
        if not (self._starts_line(i) or self.at_declaration()):
            self.skip_line(base)
            self.skipped.append(self.span_from(i))

    def items(
        self, opening: int, read: Callable[[], T], what: str, over: Callable[[], bool] | None = None
    ) -> list[T]:
        """Read elements that newlines or single commas separate, and the `}` of `opening`.

        `over` says whether the next token shows that the `}` is missing.
        """
        taken: list[T] = []
        base = self.depths[opening] + 1 - self.lost_braces
        while self.kinds[self.i] != "}":
            if self._ends_early(opening, over):
                return taken
            start, depth = self.i, self.depth
            if self.kinds[start] == ",":
                self._lonely_comma()
                continue
            try:
                taken.append(read())
            except ParserStuck:
                self._recover(start, depth)
                if self._one_brace_too_many(start):
                    continue
                self.skip_item(base + self.lost_braces)
                if self.i == start:
                    self.i += 1
                self.skipped.append(self.span_from(start))
                continue
            self._end_item(base + self.lost_braces, what)
        self.i += 1
        return taken

    def _end_item(self, base: int, what: str) -> None:
        i = self.i
        if self.kinds[i] == ",":
            self.i += 1
        elif self.kinds[i] not in ("}", t.END) and self.newlines[i] != t.NEWLINE:
            if self.reported_at != i:
                mend = self.after_last(",") if self.kinds[i] == t.NAME else None
                help = "put a `,` or a new line between the two" if mend else ""
                self.miss(f"a new line, `,` or `}}` after {what}", help, kind=TWO_ON_A_LINE, mend=mend)
            if self.kinds[i] != t.NAME:
                self.skip_item(base)
                self.skipped.append(self.span_from(i))

    def _lonely_comma(self) -> None:
        span = self.token_span(self.i)
        mend = Mend(span, "", "remove the `,`")
        self.report(LONELY_SEPARATOR, span, "this `,` separates nothing", "remove it", mend=mend)
        self.i += 1

    def _ends_early(self, opening: int, over: Callable[[], bool] | None = None) -> bool:
        """Report the brace as unclosed where a declaration or the end of the file shows it."""
        if self.kinds[self.i] != t.END and not self._declaration_ends_block() and not (over and over()):
            return False
        if self.reported_at != self.i or self.kinds[self.i] != t.END:
            self.unclosed(opening)
        self.lost_braces += 1
        return True

    def _declaration_ends_block(self) -> bool:
        return self.at_declaration()

    def _one_brace_too_many(self, start: int) -> bool:
        """Skip a `{` that opens nothing, if some brace of the file is never closed."""
        if self.kinds[start] != "{" or self.depths[-1] <= self.lost_braces:
            return False
        self.lost_braces += 1
        self.i = start + 1
        return True

    def unparsed(self, start: int) -> tree.Unparsed:
        """Return a node for the tokens from `start` on, which could not be read."""
        self.skipped.append(self.span_from(start))
        return tree.Unparsed(self.skipped[-1])

    def _recover(self, start: int, depth: int) -> None:
        """Reset the state that a broken part left behind; the part began at `start`."""
        self.depth, self.in_head, self.height = depth, False, 0
        if self.i < start:
            self.i = start

    def parenthesised(self, read: Callable[[], T], what: str) -> list[T]:
        """Read `(`, elements with commas between them, and `)`.

        Skip an element that cannot be read.
        """
        opening = self.i
        self.i += 1
        taken: list[T] = []
        while self.kinds[self.i] != ")":
            if self.newlines[self.i]:
                self.refuse_statement(opening)
            if self.kinds[self.i] == ",":
                self._lonely_comma()
                continue
            start, depth = self.i, self.depth
            # Each turn of the loop takes a token or ends with `ParserStuck`.
            try:
                taken.append(read())
                if self.kinds[self.i] not in (",", ")"):
                    self.close(")", opening, what)
            except ParserStuck:
                if self.reported_at == self.i and self.kinds[self.i] == t.END:
                    raise
                self.depth, self.in_head = depth, False
                self.skip_in_brackets(opening)
                self.skipped.append(self.span_from(start))
            if self.kinds[self.i] == ",":
                self.i += 1
        self.i += 1
        return taken
