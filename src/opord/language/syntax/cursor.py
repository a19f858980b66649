"""Move over the tokens: the base that all parts of the parser share.

A part that cannot continue reports one finding and raises `ParserStuck`. The loops over
declarations, lines and items catch it, skip to the place where the next one can start, and leave an
`Unparsed` node behind. So one mistake gives one finding, and the text after it is still read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from opord.language.diagnostics.model import FINDINGS_MAX, Code, Diagnostic, Edit, Label, code
from opord.language.diagnostics.suggest import nearest
from opord.language.diagnostics.suppressors import LostPlace, OnItsLine, UnclosedBrace
from opord.language.syntax import tokens as t
from opord.language.syntax.foreign import advice
from opord.language.syntax.forms import form_advice
from opord.language.syntax.source import Source
from opord.language.syntax.tokens import Tokens
from opord.language.syntax.tree import Declaration, Name, Span

TOO_DEEP = code("OP009", rule="syntax", title="nesting that is too deep")
EXPECTED = code(
    "OP010",
    rule="syntax",
    title="something else was expected here",
    suppressed_by=(LostPlace(), UnclosedBrace()),
)
UNCLOSED = code(
    "OP011",
    rule="syntax",
    title="a bracket that is never closed",
    suppressed_by=(LostPlace(), OnItsLine("OP005")),
)
TWO_ON_A_LINE = code(
    "OP013",
    rule="syntax",
    title="two things on a line without a separator",
    suppressed_by=(LostPlace(), UnclosedBrace()),
)
LONELY_SEPARATOR = code("OP014", rule="syntax", title="a comma that separates nothing")
BRACE_ON_OWN_LINE = code("OP016", rule="syntax", title="an opening brace on a line of its own")
CLAUSE_ON_OWN_LINE = code("OP045", rule="syntax", title="a clause of a header on a line of its own")
RESERVED_NAME = code("OP017", rule="syntax", title="a reserved word as a name", suppressed_by=(LostPlace(),))

# The limit for nested brackets, blocks and types. A deeper contract is unreadable. Every level
# costs the parser, the checker and Python's own compiler some stack frames; Python's compiler stops
# at 200 parentheses.
NESTING_MAX = 50
# The limit for depth that only the tree has: `a + b + c + …` leans left, one level for each
# operator.
HEIGHT_MAX = 100

# Each forgotten `{` costs a walk over the rest of the file.
FORGOTTEN_MAX = 20
# Tokens of a line that an advice looks back over. Each mistake on a long line would walk all of it.
LOOKED_BACK_MAX = 50
_ITEM_STARTS = frozenset({t.NAME, t.INT, t.NUMBER, t.DURATION, t.TEXT, t.TEXT_START})
_LINE_STARTS = t.STATEMENT_WORDS | t.HANDLER_WORDS | t.CHILD_WORDS


class ParserStuck(Exception):
    """The parser cannot continue from here; the reason has been reported."""


class Mend(NamedTuple):
    """A correction: replace the text at `span` by `text`. It is certain if it is `safe`."""

    span: Span
    text: str
    title: str
    safe: bool = True


class TokenCursor:
    """A position in the tokens, the findings so far, and the ways to take and skip tokens."""

    def __init__(self, source: Source, tokens: Tokens, findings: list[Diagnostic]) -> None:
        self.source = source
        self.tokens = tokens
        self.kinds: list[str] = tokens.kinds
        self.texts: list[str] = tokens.texts
        self.starts: list[int] = tokens.starts
        self.ends: list[int] = tokens.ends
        self.newlines: list[int] = tokens.newlines
        self.depths: list[int] = tokens.depths
        self.findings = findings
        self.i: int = 0
        self.depth: int = 0  # depth of nested expressions, blocks and types
        self.height: int = 0  # height of the expression that was read last
        self.in_head: bool = False  # in the head of `if`, `match`, `after` or `at`: a `{` opens the block
        self.forgotten_braces: int = 0  # count of missing `{` that were treated as present
        self.lifted: list[Declaration] = []  # declarations in a phase that belong outside it
        self.phase_column: int = 0  # column of the word `phase` of the enclosing phase
        self.record_in_head: int = 0  # line on which a record literal in a head was reported last
        self.lost_braces: int = 0  # count of unclosed `{` so far; `depths` is too high by this number
        self.reported_at: int = -1
        self.skipped: list[Span] = []  # spans that could not be read

    # Looking --------------------------------------------------------------------------------------

    def at(self, kind: str) -> bool:
        """Say whether the next token is of `kind`.

        A significant line break before the token gives False.
        """
        return self.kinds[self.i] == kind and self.newlines[self.i] != t.NEWLINE

    def at_word(self, word: str) -> bool:
        """Say whether the next token is the keyword `word`.

        A significant line break before it gives False.
        """
        i = self.i
        return self.texts[i] == word and self.kinds[i] == t.NAME and self.newlines[i] != t.NEWLINE

    def at_clause(self, words: Collection[str]) -> bool:
        """Say whether the next token begins a clause of the header above: one of `words`.

        No declaration begins with such a word, so one at the start of a line is reported, and read
        as if it stood in the header.
        """
        i = self.i
        if self.kinds[i] != t.NAME or self.texts[i] not in words:
            return False
        if self.newlines[i] == t.NEWLINE:
            self.clause_on_own_line(self.texts[i])
        return True

    def clause_on_own_line(self, clause: str) -> None:
        """Report that the next token begins a line and a clause of the header above."""
        between = (self.ends[self.i - 1], self.starts[self.i])
        self.report(
            CLAUSE_ON_OWN_LINE,
            self.token_span(self.i),
            f"`{clause}` belongs to the header above, which ended with its line",
            "write it at the end of the line above; a long header may go on after `(` or a comma",
            mend=None
            if self.source.text[slice(*between)].strip()
            else Mend(between, " ", "write it at the end of the line above"),
        )

    def at_declaration(self) -> bool:
        """Say whether a line starts here that can only be a declaration."""
        i = self.i
        if (
            self.texts[i] not in t.DECLARATION_WORDS
            or self.newlines[i] == t.SAME_LINE
            or self.kinds[i] != t.NAME
        ):
            return False
        following = self.kinds[i + 1]
        return (
            (following == t.NAME or following == t.TEXT)
            and self.newlines[i + 1] == t.SAME_LINE
            and self.texts[i + 1] not in ("transient", "settles")
        )

    def span_from(self, start: int) -> Span:
        """Return the span from the token at index `start` to the last token that was taken."""
        return (self.starts[start], self.ends[self.i - 1] if self.i > start else self.ends[start])

    def token_span(self, index: int) -> Span:
        """Return the span of the token at `index`."""
        return (self.starts[index], self.ends[index])

    # Reporting ------------------------------------------------------------------------------------

    def report(
        self,
        kind: Code,
        span: Span,
        message: str,
        help: str = "",
        labels: tuple[Label, ...] = (),
        *,
        mend: Mend | None = None,
    ) -> None:
        """Add a finding about `span`."""
        if len(self.findings) < FINDINGS_MAX:
            place = self.source.place(span)
            fix = (Edit(self.source.place(mend.span), mend.text, mend.title, mend.safe),) if mend else ()
            self.findings.append(kind.at(place, message, help=help, labels=labels, fix=fix))

    def next_token_text(self, *, new_line: bool = False) -> str:
        """Describe the next token for a message: "found `x`", "the line ends" or "the file ends".

        With `new_line`, a token at the start of a line is described as well.
        """
        i = self.i
        if self.kinds[i] == t.END:
            return "the file ends"
        if self.newlines[i] == t.NEWLINE and i > 0 and not new_line:
            return "the line ends"
        kind = self.kinds[i]
        if kind == t.TEXT_END or kind == t.TEXT_MIDDLE:
            return "found `}`"
        if kind == t.TEXT or kind == t.TEXT_START:
            return "found a text"
        text = self.texts[i]
        return f"found `{text if len(text) <= 40 else text[:37] + '…'}`"

    def here(self, *, new_line: bool = False) -> Span:
        """Return the span for something missing: the next token or the end of the line before."""
        i = self.i
        if i > 0 and (self.kinds[i] == t.END or (self.newlines[i] == t.NEWLINE and not new_line)):
            return (self.ends[i - 1], self.ends[i - 1])
        return (self.starts[i], self.ends[i])

    def miss(
        self,
        what: str,
        help: str = "",
        *,
        kind: Code = EXPECTED,
        new_line: bool = False,
        mend: Mend | None = None,
    ) -> ParserStuck:
        """Report that `what` is missing, at most once for a token.

        Return the exception to raise.
        """
        i = self.i
        if self.reported_at != i:
            self.reported_at = i
            bad = self.kinds[i] == t.BAD or (self.kinds[i] == t.TEXT_END and not self.texts[i])
            if not bad:
                found_text = self.next_token_text(new_line=new_line)
                if not help or kind is TWO_ON_A_LINE:
                    help = self.foreign_advice(i, new_line=new_line) or help
                help = help or form_advice(self.line_before(i))
                if not help and kind is TWO_ON_A_LINE:
                    help = "start a new line here"
                self.report(
                    kind, self.here(new_line=new_line), f"expected {what}, but {found_text}", help, mend=mend
                )
        return ParserStuck()

    def foreign_advice(self, i: int, *, new_line: bool = False) -> str:
        """Return what to write in place of a word of another language, if the next token is one."""
        if self.newlines[i] == t.NEWLINE and not new_line:
            return ""
        following = self.texts[i + 1] if i + 1 < len(self.texts) else ""
        return advice(self.line_before(i), self.texts[i], following)

    def line_before(self, i: int) -> list[str]:
        """Return the tokens before index `i` on the line that continues or ends there."""
        first = max(i - 1, 0) if self.newlines[i] == t.NEWLINE else i
        while first > max(0, i - LOOKED_BACK_MAX) and self.newlines[first] != t.NEWLINE:
            first -= 1
        return self.texts[first:i]

    def after_last(self, text: str) -> Mend:
        """Return the correction that adds `text` after the last token."""
        at = self.ends[self.i - 1] if self.i else 0
        return Mend((at, at), text, f"add `{text.strip()}`")

    def near_word(self, words: Iterable[str]) -> str | None:
        """Return the member of `words` that the next token probably means.

        Return None if the token is not a name or no word is similar.
        """
        return nearest(self.texts[self.i], words) if self.kinds[self.i] == t.NAME else None

    def word(self, near: str | None) -> Mend | None:
        """Return the correction that replaces the next token by `near`."""
        return Mend(self.token_span(self.i), near, f"change to `{near}`") if near else None

    def enter(self) -> None:
        """Go one level deeper. The code that catches `ParserStuck` restores the level."""
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise self.too_deep()

    def too_deep(self) -> ParserStuck:
        """Report that the tree would be deeper than the limits allow."""
        self.reported_at = self.i
        self.report(
            TOO_DEEP,
            self.token_span(self.i),
            "this is nested too deeply",
            f"at most {NESTING_MAX} levels, or {HEIGHT_MAX} operators in a row: give parts a name with `let`",
        )
        return ParserStuck()

    # Taking ---------------------------------------------------------------------------------------

    def take(self, kind: str, what: str = "", help: str = "") -> int:
        """Take a token of `kind` and return its index.

        `what` describes the expected token in a message.
        """
        i = self.i
        if self.kinds[i] != kind or self.newlines[i] == t.NEWLINE:
            raise self.miss(what or f"`{kind}`", help)
        self.i = i + 1
        return i

    def take_word(self, word: str, what: str = "", help: str = "") -> int:
        """Take the keyword `word`, which is a keyword only in this place."""
        if not self.at_word(word):
            raise self.miss(what or f"`{word}`", help)
        self.i += 1
        return self.i - 1

    def name(self, what: str, help: str = "", *, new_line: bool = False) -> Name:
        """Take a name, which may start a line if `new_line`.

        A reserved word is reported and taken too.
        """
        i = self.i
        if new_line or self.newlines[i] != t.NEWLINE:
            text = self.texts[i]
            if self.kinds[i] == t.NAME:
                self.i = i + 1
                return Name(text, (self.starts[i], self.ends[i]))
            if text in t.RESERVED:
                self.report(
                    RESERVED_NAME,
                    self.token_span(i),
                    f"`{text}` is a word of expressions and cannot be a name",
                    "choose another name",
                )
                self.i = i + 1
                return Name(text, (self.starts[i], self.ends[i]))
        raise self.miss(what, help, new_line=new_line)

    def names(self, what: str, separator: str = "|") -> list[Name]:
        """Take one or more names with `separator` between them."""
        taken = [self.name(what)]
        while self.at(separator) or self._comma_for(separator):
            self.i += 1
            taken.append(self.name(what))
        return taken

    def _comma_for(self, separator: str) -> bool:
        """Report a `,` between two names in place of another separator, and say that it counts."""
        i = self.i
        if separator == "," or not self.at(",") or self.kinds[i + 1] != t.NAME or self.newlines[i + 1]:
            return False
        mend = Mend(self.token_span(i), f" {separator}", f"change to `{separator}`")
        self.report(
            EXPECTED,
            self.token_span(i),
            f"expected `{separator}` between two names, but found `,`",
            f"write `{self.texts[i - 1]} {separator} {self.texts[i + 1]}`",
            mend=mend,
        )
        return True

    def brace_opens(self) -> bool:
        """Say whether a `{` follows. One on a new line is reported and counts."""
        if self.kinds[self.i] != "{":
            return False
        if self.newlines[self.i] == t.NEWLINE:
            self.report(
                BRACE_ON_OWN_LINE,
                self.token_span(self.i),
                "this `{` stands on a line of its own, but the line before it has ended",
                "put the `{` at the end of the line before",
            )
        return True

    def open_brace(self, what: str) -> int:
        """Take the `{` before `what` and return its index.

        A forgotten `{` is reported and counts as read.

        A `{` counts as forgotten if its content follows on the next line, or its `}` on this line.
        The index is then the one of the token before.

        Raises:
            Stuck: nothing follows that a `{` could open.
        """
        if self.brace_opens():
            self.i += 1
            return self.i - 1
        missed = self.miss(what)
        if self.forgotten_braces == FORGOTTEN_MAX:
            raise missed
        i = self.i
        follows = self.newlines[i] == t.NEWLINE and self.kinds[i] not in ("}", t.END)
        if (follows and not self.at_declaration()) or self._closes_on_line(i):
            self._deepen(i)
            return i - 1
        raise missed

    def _closes_on_line(self, i: int) -> bool:
        open_braces = 0
        while self.newlines[i] == t.SAME_LINE and self.kinds[i] != t.END:
            open_braces += (self.kinds[i] == "{") - (self.kinds[i] == "}")
            if open_braces < 0:
                return True
            i += 1
        return False

    def _deepen(self, start: int) -> None:
        """Change the brace depths from `start` on as if a brace had opened before it."""
        self.forgotten_braces += 1
        depth = self.depths[start] + 1
        for i in range(start, len(self.kinds)):
            if self.kinds[i] == "}":
                depth = max(depth - 1, 0)
            self.depths[i] = depth
            if self.kinds[i] == "{":
                depth += 1

    def unclosed(self, opening: int) -> None:
        """Report the bracket at index `opening` as never closed."""
        sign = self.texts[opening][-1:]
        self.reported_at = self.i
        if sign not in ("(", "[", "{"):
            return  # a missing opening bracket was reported before
        before = "before the file ends" if self.kinds[self.i] == t.END else f"before `{self.texts[self.i]}`"
        label = Label(self.source.place(self.token_span(self.i)), "close it before this")
        self.report(
            UNCLOSED,
            self.token_span(opening),
            f"this `{sign}` is never closed",
            f"close it with `{ {'(': ')', '[': ']', '{': '}'}[sign] }` {before}",
            (label,) if self.kinds[self.i] != t.END else (),
        )

    def close(self, sign: str, opening: int, what: str) -> None:
        """Take the `)` or `]` for the bracket at index `opening`.

        `what` names the item before the sign.
        """
        i = self.i
        if self.kinds[i] == sign:
            self.i = i + 1
            return
        if self.reported_at != i and (
            self.kinds[i] in (t.END, "}")
            or (self.newlines[i] and self._starts_line(i))
            or self.at_declaration()
        ):
            self.unclosed(opening)
            raise ParserStuck
        separate = self.kinds[i] in _ITEM_STARTS and not self.newlines[i]
        help = "put a `,` between the two" if separate else f"write the `{sign}` that is missing"
        raise self.miss(f"`,` or `{sign}` after {what}", self.foreign_advice(i) or help)

    def refuse_statement(self, opening: int) -> None:
        """Report the bracket at index `opening` as unclosed if a statement starts here.

        Raises:
            Stuck: a statement starts here.
        """
        i = self.i
        if (
            self._starts_line(i)
            and (self.kinds[i] == "if" or self.kinds[i + 1] == t.NAME)
            and not self.newlines[i + 1]
            and self.kinds[i - 1] != ","
        ):
            self.unclosed(opening)
            raise ParserStuck

    # Skipping -------------------------------------------------------------------------------------

    def _starts_line(self, i: int) -> bool:
        return self.kinds[i] == "if" or (self.kinds[i] == t.NAME and self.texts[i] in _LINE_STARTS)

    def skip_line(self, base: int) -> None:
        """Skip to the next readable line at brace depth `base`, or to the `}` that ends it."""
        kinds, depths, newlines = self.kinds, self.depths, self.newlines
        i = self.i
        while kinds[i] != t.END and depths[i] >= base:
            if newlines[i] and depths[i] == base and (newlines[i] == t.NEWLINE or self._starts_line(i)):
                if kinds[i] not in ("}", "{", ")", "]"):
                    break
            i += 1
        self.i = i

    def skip_item(self, base: int) -> None:
        """Skip to the next item, which a line break or a comma separates; the comma is taken."""
        kinds, depths, newlines = self.kinds, self.depths, self.newlines
        i, nested = self.i, 0
        while kinds[i] != t.END and depths[i] >= base:
            if depths[i] == base:
                kind = kinds[i]
                if newlines[i] == t.NEWLINE and kind != "}":
                    break
                if kind == "(" or kind == "[":
                    nested += 1
                elif kind == ")" or kind == "]":
                    nested -= 1
                elif kind == "," and nested <= 0:
                    i += 1
                    break
            i += 1
        self.i = i

    def skip_in_brackets(self, opening: int) -> None:
        """Skip to the next `,` or the `)` of the list opened at index `opening`.

        Raises:
            Stuck: a token follows that cannot stand inside the list.
        """
        kinds, base = self.kinds, self.depths[opening]
        i, nested = self.i, 0
        while kinds[i] != t.END and self.depths[i] >= base:
            kind = kinds[i]
            if self.depths[i] == base:
                if nested <= 0 and (kind == "," or kind == ")"):
                    self.i = i
                    return
                if kind == "{" and not self.texts[i - 1][:1].isupper():
                    break  # the token before is not the name of a record
            if self.newlines[i] and (self._starts_line(i) or self.newlines[i] == t.NEWLINE):
                break
            if kind == "(" or kind == "[":
                nested += 1
            elif kind == ")" or kind == "]":
                nested -= 1
            i += 1
        raise ParserStuck
