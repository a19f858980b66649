"""Turn text into tokens, in one pass of one regular expression.

Texts with `{ }` give several tokens: `"a {b} c"` becomes TEXT_START, the tokens of `b`, TEXT_END. A
stack of open brackets shows whether a `}` closes a brace or continues a text, and whether a newline
is significant.
"""

from __future__ import annotations

import re

from opord.language.diagnostics.model import FINDINGS_MAX, Code, Diagnostic, Edit, code
from opord.language.diagnostics.suppressors import OnItsLine
from opord.language.syntax import tokens as t
from opord.language.syntax.source import Source
from opord.language.syntax.tokens import Tokens
from opord.language.syntax.tree import Comment

UNEXPECTED_CHARACTER = code("OP004", rule="syntax", title="a character that has no meaning here")
OPEN_TEXT = code(
    "OP005", rule="syntax", title="a text that is not closed on its line", suppressed_by=(OnItsLine("OP005"),)
)
MALFORMED_NUMBER = code("OP007", rule="syntax", title="a malformed number")
MALFORMED_DURATION = code("OP008", rule="syntax", title="a malformed duration")
FOREIGN_SIGN = code("OP036", rule="syntax", title="a sign of another language")

# The content of a text between quotes and braces. A `\u{…}` matches as a whole, so that its brace
# opens no expression.
_CHUNK = r'(?:[^"\\{\n]|\\u\{[^}"\n]*\}?|\\[^\n])*+'

_TOKEN = re.compile(
    r"[ \t]*(?:"
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*+(?!\w))"
    r"|(?P<newlines>(?:\r?\n[ \t]*)+)"
    r"|(?P<foreign>===|!==|&&|\|\||=>|:=|\*\*|\+=|-=|;|!(?!=)|'[^'\n]*')"  # signs of other languages
    r"|(?P<punctuation>->|[=!<>]=|//|\?\?|\.\.|[,:=<>+\-*/%.|?])"
    r"|(?P<bracket>[(){}\[\]])"
    rf'|(?P<text>"{_CHUNK}(?P<text_ends>["{{]?))'  # a text up to its end or its first brace
    r"|(?P<number>\d\w*(?:\.\d\w*)?)"  # or a duration
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<unexpected>[^\W\d]\w*|[$`@^~&\\]+|[^\x00-\x7f\w]+|.)"
    r")",
    re.DOTALL,
)
# The groups by number: numbers compare fast enough for the loop over all tokens.
_NAME = _TOKEN.groupindex["name"]
_NEWLINES = _TOKEN.groupindex["newlines"]
_FOREIGN = _TOKEN.groupindex["foreign"]
_PUNCTUATION = _TOKEN.groupindex["punctuation"]
_BRACKET = _TOKEN.groupindex["bracket"]
_TEXT = _TOKEN.groupindex["text"]
_TEXT_ENDS = _TOKEN.groupindex["text_ends"]
_NUMBER = _TOKEN.groupindex["number"]
_COMMENT = _TOKEN.groupindex["comment"]

_TEXT_GOES_ON = re.compile(rf'\}}{_CHUNK}(["{{]?)')
_INT = re.compile(r"[0-9]+(?:_[0-9]+)*\Z")
_FRACTION = re.compile(r"[0-9]+(?:_[0-9]+)*\.[0-9]+(?:_[0-9]+)*\Z")
_DURATION = re.compile(r"(?:[0-9]+(?:_[0-9]+)*(?:ms|s|m|h|d))+\Z")
_DURATION_PART = re.compile(r"([0-9_]+)(ms|s|m|h|d)")

_UNIT_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
# `timedelta` ends near a billion days. A longer number is a mistake in any unit.
_DURATION_DIGITS_MAX = 18

_OURS = {"&&": "and", "||": "or", "!": "not", "=>": "->", "===": "==", "!==": "!=", ":=": "="}
_ADVICE = {
    ";": "end the line instead; a newline separates",
    "**": "multiply: there is no power operator",
    "+=": "bind a new name with `let`; nothing is assigned",
    "-=": "bind a new name with `let`; nothing is assigned",
}


def lex(source: Source) -> tuple[Tokens, list[Diagnostic]]:
    """Split a source into tokens.

    For every text the tokens end with `END`, and nothing is raised.
    """
    lexer = _Lexer(source)
    lexer.run()
    return lexer.tokens, lexer.findings


def duration_ms(text: str) -> int | None:
    """Read `1h30m` as milliseconds.

    Return None if a unit repeats, a larger unit follows a smaller one, or a number is too long.
    """
    total, smallest = 0, 1 << 62
    for digits, unit in _DURATION_PART.findall(text):
        scale = _UNIT_MS[unit]
        digits = digits.replace("_", "")
        if scale >= smallest or len(digits) > _DURATION_DIGITS_MAX:
            return None
        smallest = scale
        total += int(digits) * scale
    return total


# A declaration at the first column of a line.
_DECLARATION = re.compile(rf"(?<=\n)(?:{'|'.join(sorted(t.DECLARATION_WORDS))})[ \t]+[A-Za-z\"]")
# A statement or handler: two names in a row. No line inside brackets has two names in a row.
_STATEMENT = re.compile(
    rf"(?:{'|'.join(sorted(t.STATEMENT_WORDS | t.HANDLER_WORDS))})[ \t]+"
    rf"(?!(?:{'|'.join(sorted(t.RESERVED))})\b)[A-Za-z0-9_]"
)


class _Lexer:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.tokens = Tokens()
        self.findings: list[Diagnostic] = []
        self.open: list[str] = []  # `(`, `[`, `{`, and `"` for a `{` inside a text
        self.depth = 0  # number of `{` in `open`
        self.texts_open: list[int] = []  # offset at which the text of each `"` in `open` starts

    def run(self) -> None:
        position = 0
        length = len(self.text)
        while position < length:
            position = self._run_from(position)
        self._close_texts(length)
        for _ in range(1 + t.LOOKAHEAD):
            self._add(t.END, "", length, length, t.NEWLINE)

    def _run_from(self, position: int) -> int:
        """Take tokens until a text continues and the expression has to start again.

        Return the offset at which to start again.
        """
        tokens, opened = self.tokens, self.open
        kinds, newlines = tokens.kinds, tokens.newlines
        add_kind, add_text, add_depth = kinds.append, tokens.texts.append, tokens.depths.append
        add_start, add_end = tokens.starts.append, tokens.ends.append
        reserved, after, before = t.RESERVED, t.CONTINUES_AFTER, t.CONTINUES_BEFORE
        same_line, meaningless = t.SAME_LINE, t.NEWLINE_WITHOUT_MEANING
        newline = same_line if kinds else t.NEWLINE
        for match in _TOKEN.finditer(self.text, position):
            group = match.lastindex
            if group == _NAME:
                text = match[_NAME]
                kind = text if text in reserved else t.NAME
            elif group == _NEWLINES:
                # A newline is significant unless it stands inside `(` or `[`, or the line
                # continues.
                inside = opened and opened[-1] in "(["
                goes_on = inside or (kinds and kinds[-1] in after)
                newline = meaningless if goes_on else t.NEWLINE
                if goes_on and (
                    _DECLARATION.match(self.text, match.end())
                    or (inside and _STATEMENT.match(self.text, match.end()))
                ):
                    newline = t.NEWLINE  # no open bracket or line continues into a declaration
                    while opened and opened[-1] in "([":
                        opened.pop()
                if self.texts_open:
                    self._close_texts(match.start(_NEWLINES))
                continue
            elif group == _PUNCTUATION:
                kind = text = match[_PUNCTUATION]
            elif group == _BRACKET:
                kind = text = match[_BRACKET]
                if text in "([":
                    opened.append(text)
                elif text == "}":
                    while opened and opened[-1] in "([":
                        opened.pop()  # the bracket is unclosed; the parser reports it
                    if opened and opened[-1] == '"':
                        return self._text_goes_on(match.start(_BRACKET))
                    if opened:
                        opened.pop()
                        self.depth -= 1
                elif text != "{" and opened and opened[-1] == ("(" if text == ")" else "["):
                    opened.pop()
            elif group == _COMMENT:
                self._comment(match.start(_COMMENT), match[_COMMENT], newline != same_line)
                continue
            elif group is None:
                continue  # blanks at the end of the text
            else:
                kind, text = self._seldom(group, match)
                if not kind:
                    newline = t.NEWLINE if text == ";" else newline
                    continue
            if newline:
                newlines.append(meaningless if kind in before else newline)
                newline = same_line
            else:
                newlines.append(same_line)
            add_kind(kind)
            add_text(text)
            end = match.end()
            add_end(end)
            # The token for a foreign sign has the intended text of this language, which can have
            # another length.
            add_start(end - len(text) if group != _FOREIGN else match.start(_FOREIGN))
            add_depth(self.depth)
            if kind == "{":
                opened.append("{")
                self.depth += 1
        return len(self.text)

    def _add(self, kind: str, text: str, start: int, end: int, newline: int = t.SAME_LINE) -> None:
        tokens = self.tokens
        tokens.kinds.append(kind)
        tokens.texts.append(text)
        tokens.starts.append(start)
        tokens.ends.append(end)
        tokens.newlines.append(newline)
        tokens.depths.append(self.depth)

    def _comment(self, start: int, text: str, newline: bool) -> None:
        text = text.rstrip()
        comment = Comment(text, (start, start + len(text)), newline)
        self.tokens.comments.append(comment)
        self.tokens.comments_before.setdefault(len(self.tokens.kinds), []).append(comment)

    # Texts ----------------------------------------------------------------------------------------

    def _seldom(self, group: int, match: re.Match[str]) -> tuple[str, str]:
        """Take a text, a number or something foreign.

        An empty kind means that there is no token.
        """
        text = match[group]
        start = match.start(group)
        if group == _TEXT:
            return self._text(text, match[_TEXT_ENDS], start), text
        if group == _NUMBER:
            return self._number(text, start), text
        if group == _FOREIGN:
            return self._foreign(text, start)
        self._unexpected(text, start)
        return (t.NAME if text.isidentifier() else ""), text

    def _text(self, text: str, closing: str, start: int) -> str:
        if closing == '"':
            return t.TEXT
        if closing == "{":
            self.open.append('"')
            self.texts_open.append(start)
            return t.TEXT_START
        self._report_open_text(start, start + len(text))
        return t.BAD

    def _text_goes_on(self, start: int) -> int:
        match = _TEXT_GOES_ON.match(self.text, start)
        assert match, "called at a `}`"
        end = match.end()
        if match[1] == "{":
            self._add(t.TEXT_MIDDLE, match[0], start, end)
            return end
        self.open.pop()
        begin = self.texts_open.pop()
        if match[1] == '"':
            self._add(t.TEXT_END, match[0], start, end)
        else:
            self._report_open_text(begin, end)
            self._add(t.TEXT_END, "", end, end)
        return end

    def _close_texts(self, end: int) -> None:
        """End all texts that a newline or the end of the file interrupts; report one finding."""
        if not self.texts_open:
            return
        self._report_open_text(self.texts_open[-1], end)
        while self.texts_open:
            closed = self.open.pop()
            if closed == '"':
                self.texts_open.pop()
                self._add(t.TEXT_END, "", end, end)
            elif closed == "{":
                self.depth -= 1

    def _report(
        self, kind: Code, start: int, end: int, message: str, advice: str, better: str | None = None
    ) -> None:
        if len(self.findings) < FINDINGS_MAX:
            place = self.source.place((start, end))
            fix = (Edit(place, better, advice),) if better is not None else ()
            self.findings.append(kind.at(place, message, help=advice, fix=fix))

    def _report_open_text(self, start: int, end: int) -> None:
        advice = 'close it with `"`; a line break inside a text is written `\\n`'
        self._report(OPEN_TEXT, start, end, "this text is not closed on its line", advice)

    # Numbers and strangers ------------------------------------------------------------------------

    def _number(self, text: str, start: int) -> str:
        if text.isascii():
            if _INT.match(text):
                return t.INT
            if _FRACTION.match(text):
                return t.NUMBER
            if _DURATION.match(text):
                if duration_ms(text) is not None:
                    return t.DURATION
                self._report_duration(text, start, "units stand once each, the larger first, as in `1h30m`")
                return t.BAD
        if re.fullmatch(r"[0-9_.]+(?:ms|s|m|h|d)", text):
            self._report_duration(text, start, "split it into smaller units: `1h30m`, not `1.5h`")
        elif re.fullmatch(r"[0-9_.]+(?:[a-z]+)", text) and text[-1] != "e":
            self._report_duration(text, start, "the units are `ms`, `s`, `m`, `h` and `d`")
        else:
            message = f"`{_shortened(text)}` is not a number"
            advice = "numbers are written `42`, `10_000` or `2.5`"
            self._report(MALFORMED_NUMBER, start, start + len(text), message, advice)
        return t.BAD

    def _report_duration(self, text: str, start: int, advice: str) -> None:
        message = f"`{_shortened(text)}` is not a duration"
        self._report(MALFORMED_DURATION, start, start + len(text), message, advice)

    def _foreign(self, text: str, start: int) -> tuple[str, str]:
        end = start + len(text)
        if text[0] == "'":
            advice = f'write `"{_shortened(text[1:-1])}"`'
            inside = text[1:-1]
            better = None if '"' in inside or "{" in inside else f'"{inside}"'
            self._report(FOREIGN_SIGN, start, end, "texts stand in double quotes here", advice, better)
            return t.BAD, text
        ours = _OURS.get(text)
        advice = f"write `{ours}`" if ours else _ADVICE[text]
        self._report(FOREIGN_SIGN, start, end, f"`{text}` has no meaning here", advice, ours)
        if ours:
            return ours, ours
        return ("", text) if text == ";" else ({"**": "*"}.get(text, "="), text)

    def _unexpected(self, text: str, start: int) -> None:
        if text.isspace() and text != "\r":
            message, advice = "a space that is not an ordinary one", "write an ordinary space"
        elif text.isidentifier():
            message = f"the name `{_shortened(text)}` has letters outside a to z"
            advice = "names are made of the letters a to z, digits and `_`"
        elif text.isprintable():
            message, advice = f"`{_shortened(text)}` has no meaning here", "remove it"
        else:
            message, advice = f"the character U+{ord(text[0]):04X} has no meaning here", "remove it"
        self._report(UNEXPECTED_CHARACTER, start, start + len(text), message, advice)


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"
