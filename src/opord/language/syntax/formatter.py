"""Format a contract: one layout for all contracts.

The formatter changes only blanks and line breaks; tokens and comments stay as they are. Line breaks
of the author stay too, with these exceptions. A `{ }` that spans several lines has its braces at
the ends of lines, unless only commas separate its items and the first one stands beside the brace:
it is written on one line if it fits (see `blocks`). A line that is too long is broken at its
outermost brackets. The items between them fill lines, but arms, and items that are broken
themselves, have a line each; between braces, a new line replaces the comma. Several blank lines
become one. Each bracket indents by two blanks. Formatting a formatted contract changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from opord.language.diagnostics.model import Diagnostic
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.blocks import CLOSING, OPENING, Blocks
from opord.language.syntax.collector import without_collector
from opord.language.syntax.lexer import lex
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source
from opord.language.syntax.spacing import space_between
from opord.language.syntax.tokens import Tokens

WIDTH = 110
_INDENT = 2
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")


class NotFormatted(Exception):
    """The text has syntax errors, so its layout is not known; `findings` are the errors."""

    def __init__(self, findings: list[Diagnostic]) -> None:
        self.findings = findings
        super().__init__(f"a file with {len(findings)} syntax error(s) is not formatted")


def format_source(text: str, path: str = "<text>") -> str:
    """Format a contract; formatting the result again changes nothing.

    The lines end as the first one does: with a line feed, or with a carriage return before it.

    Raises:
        NotFormatted: the text has syntax errors.
    """
    source = Source(path, text)
    with without_collector():
        formatted = _laid_out(source)
    first = source.text.find("\n")
    return formatted.replace("\n", "\r\n") if source.text[first - 1 : first] == "\r" else formatted


def _laid_out(source: Source) -> str:
    file, findings = parse(source)
    if findings:
        raise NotFormatted(findings)
    tokens, _ = lex(source)
    blocks = Blocks(tokens)
    padded = _padded_words(file, source)
    split: set[int] = set()
    while True:
        lines = _Layout(source, tokens, blocks, split, padded).run()
        more = {
            opening
            for line in lines
            if line.width > WIDTH
            for opening in [_breakable(line, source, tokens, blocks.pairs)]
            if opening is not None
        }
        if not more - split:
            return _joined(lines)
        split |= more


@dataclass(slots=True)
class _Line:
    indent: int
    text: str = ""
    comment: str = ""  # the comment at the end of the line; a comment on its own line is `text`
    blank_before: bool = False
    tokens: list[int] = field(default_factory=list)

    @property
    def width(self) -> int:
        return self.indent + len(self.text)


@dataclass(slots=True)
class _Bracket:
    index: int
    indent: int  # indent of the line to which the closing bracket returns


def _padded_words(file: tree.File, source: Source) -> dict[int, int]:
    """Return the offsets of the `pure` words that get extra blanks.

    They line up with an `effect` or `action` of the same paragraph.
    """
    padded: dict[int, int] = {}
    paragraph: list[tree.CallDeclaration] = []

    def close() -> None:
        width = max((len(each.kind) for each in paragraph), default=0)
        padded.update((each.span[0], width) for each in paragraph)
        paragraph.clear()

    for declaration in file.declarations:
        if not isinstance(declaration, tree.CallDeclaration):
            close()
            continue
        if paragraph and _BLANK_LINE.search(source.slice((paragraph[-1].span[1], declaration.span[0]))):
            close()
        paragraph.append(declaration)
    close()
    return padded


def _breakable(line: _Line, source: Source, tokens: Tokens, pairs: dict[int, int]) -> int | None:
    """Return the bracket at which to break a line that is too long.

    Braces come first, then lists; outer brackets come before inner ones. A header that is too long
    for its reason alone keeps its parameters together: the reason cannot be broken.
    """
    members = set(line.tokens)
    fits = line.width - _reason_width(line, source, tokens) <= WIDTH
    for kinds in ("{",) if fits else ("{", "(["):
        for i in line.tokens:
            closing = pairs.get(i)
            if closing is None or closing not in members or tokens.kinds[i] not in kinds or closing == i + 1:
                continue
            if kinds == "{" or any(tokens.kinds[each] == "," for each in range(i, closing)):
                return i
    return None


def _reason_width(line: _Line, source: Source, tokens: Tokens) -> int:
    """Return the width of `stands because "…"` in a header, with the blank before it."""

    def text(i: int) -> str:
        return source.text[tokens.starts[i] : tokens.ends[i]]

    for before, i, reason in zip(line.tokens, line.tokens[1:], line.tokens[2:], strict=False):
        if text(before) == "stands" and text(i) == "because" and tokens.kinds[reason] == t.TEXT:
            return len(f" stands because {text(reason)}")
    return 0


def _joined(lines: list[_Line]) -> str:
    out: list[str] = []
    i = 0
    while i < len(lines):
        # Comments at the ends of neighbouring lines start in the same column.
        end = i
        while end < len(lines) and lines[end].comment and (end == i or not lines[end].blank_before):
            end += 1
        column = max((line.width for line in lines[i:end] if line.text), default=0) + 2
        for line in lines[i : max(end, i + 1)]:
            if line.blank_before and out:
                out.append("")
            text = " " * line.indent + line.text
            out.append((text.ljust(column) + line.comment) if line.comment else text.rstrip())
        i = max(end, i + 1)
    return "".join(f"{line}\n" for line in out)


class _Layout:
    """Give each line its tokens and its indent, in one pass over the tokens."""

    def __init__(
        self,
        source: Source,
        tokens: Tokens,
        blocks: Blocks,
        split: set[int],
        padded: dict[int, int],
    ) -> None:
        self.source = source
        self.tokens = tokens
        self.blocks = blocks
        self.broken = blocks.open | split  # brackets whose content stands on lines of its own
        self.split = split  # too long brackets of `broken`; their items fill lines
        self.single = blocks.with_arms | blocks.around(self.broken)  # each item has its own line
        self.items: set[int] = set()  # the first tokens of items that begin a line in `split`
        self.closers = {blocks.pairs[opening] for opening in self.broken if opening in blocks.pairs}
        self.padded = padded
        self.lines: list[_Line] = []
        self.open: list[_Bracket] = []
        self.line = _Line(0)
        self.logical_indent = 0
        self.choices = 0  # number of `if c then a` that still miss their `else`
        self.end = 0  # offset in the text of the end of the last token

    def run(self) -> list[_Line]:
        kinds = self.tokens.kinds
        i = 0
        while True:
            for comment in self.tokens.comments_before.get(i, ()):
                self._comment(comment, i)
            if kinds[i] == t.END:
                break
            if not self.line.tokens or self._breaks(i):
                self._start_line(i)
            i = self._token(i)
        self._flush()
        return self.lines

    def _breaks(self, i: int) -> bool:
        if self.tokens.newlines[i] and i not in self.blocks.joined:
            return True
        return i in self.closers or i - 1 in self.broken or i in self.items

    def _item_begins_line(self, i: int) -> bool:
        """Say whether the item at `i`, in a bracket that is too long, begins a line."""
        if self.open[-1].index in self.single or i in self.closers:
            return True
        comma = ", "
        return self.line.width + len(comma) + _item_width(self.source, self.tokens, i) > WIDTH

    def _flush(self) -> None:
        if self.line.tokens or self.line.text or self.line.comment:
            self.lines.append(self.line)
        self.line = _Line(0)

    def _blank_before(self, start: int) -> bool:
        return bool(_BLANK_LINE.search(self.source.text, self.end, start))

    def _inner_indent(self) -> int:
        return self.open[-1].indent + _INDENT if self.open else 0

    def _comment(self, comment: tree.Comment, i: int) -> None:
        if not comment.own_line:
            self.line.comment = comment.text
            self.end = comment.span[1]
            return
        first = self._opens_block()
        self._flush()
        blank = self._blank_before(comment.span[0]) and not first
        self.lines.append(_Line(self._inner_indent(), comment.text, "", blank))
        self.end = comment.span[1]

    def _opens_block(self) -> bool:
        """Say whether the line so far ends with the bracket that contains the next line."""
        return bool(self.line.tokens) and bool(self.open) and self.line.tokens[-1] == self.open[-1].index

    def _start_line(self, i: int) -> None:
        tokens = self.tokens
        first = self._opens_block()
        self._flush()
        if tokens.kinds[i] in CLOSING:
            indent, blank = self._closing_indent(i), False
        else:
            indent, blank = self._inner_indent(), self._blank_before(tokens.starts[i]) and not first
            if self._goes_on(i):
                indent += _INDENT
            elif not self.open or tokens.kinds[self.open[-1].index] == "{":
                self.logical_indent = indent
        if tokens.kinds[i] == "}":
            self.logical_indent = indent
        self.line = _Line(indent, blank_before=blank)

    def _goes_on(self, i: int) -> bool:
        """Say whether the line continues the line before."""
        kind = self.tokens.kinds[i]
        if kind == "then" or (kind == "else" and self.choices):
            return True
        # Outside of brackets, `else` and a text belong to a `require`.
        if not self.open and kind in ("else", t.TEXT, t.TEXT_START):
            return True
        if self.tokens.newlines[i] != t.NEWLINE_WITHOUT_MEANING or i == 0:
            return False
        if not self.open:
            return True
        if self.tokens.kinds[self.open[-1].index] != "{":
            return False
        return self.tokens.kinds[i - 1] not in (",", "{")

    def _closing_indent(self, i: int) -> int:
        """Return the indent of the outermost bracket that this line closes at its start."""
        depth = len(self.open)
        indent = 0
        while self.tokens.kinds[i] in CLOSING and depth:
            depth -= 1
            indent = self.open[depth].indent
            i += 1
            if self._breaks(i):
                break
        return indent

    def _token(self, i: int) -> int:
        """Add token `i`, or the whole text that starts with it.

        Return the index of the next token.
        """
        tokens = self.tokens
        inside = tokens.kinds[self.open[-1].index] if self.open else ""
        if self.line.tokens:
            self.line.text += space_between(tokens, i, inside)
        last = _end_of_text(tokens, i)
        text = self.source.text[tokens.starts[i] : tokens.ends[last]]
        if text == "," and self.open and self.open[-1].index in self.split and self._item_begins_line(i + 1):
            self.items.add(i + 1)
            if inside == "{":
                text = ""  # the line break that is added here separates as well
        if not self.line.tokens:
            text = text.ljust(self.padded.get(tokens.starts[i], 0))
        self.line.text += text
        self.line.tokens.append(i)
        self.end = tokens.ends[last]
        kind = tokens.kinds[i]
        if kind == "then":
            self.choices += 1
        elif kind == "else" and self.choices:
            self.choices -= 1
        elif kind in CLOSING:
            self.open.pop()
        elif kind in ("(", "[", "{"):
            in_braces = not self.open or tokens.kinds[self.open[-1].index] == "{"
            indent = self.logical_indent if kind == "{" and in_braces else self.line.indent
            self.open.append(_Bracket(i, indent))
        return last + 1


def _item_width(source: Source, tokens: Tokens, i: int) -> int:
    """Return the width of the item that begins at `i`, with the comma after it, on one line."""
    width, inside = 0, [""]
    first = i
    while not (len(inside) == 1 and tokens.kinds[i] in (",", *CLOSING)):
        if i > first:
            width += len(space_between(tokens, i, inside[-1]))
        last = _end_of_text(tokens, i)
        width += tokens.ends[last] - tokens.starts[i]
        if tokens.kinds[i] in OPENING:
            inside.append(tokens.kinds[i])
        elif tokens.kinds[i] in CLOSING:
            inside.pop()
        i = last + 1
    return width + len(",")


def _end_of_text(tokens: Tokens, i: int) -> int:
    """Return the TEXT_END for a TEXT_START at `i`; any other token ends itself."""
    if tokens.kinds[i] != t.TEXT_START:
        return i
    nested = 1
    while nested:
        i += 1
        if tokens.kinds[i] == t.TEXT_START:
            nested += 1
        elif tokens.kinds[i] == t.TEXT_END:
            nested -= 1
    return i
