"""Where a cursor is: in which brackets, of which kind, and after which words of its line.

This is read from the tokens only, so it works in half-written files. An unclosed bracket ends at a
line that can only start a statement, handler or declaration.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal, TypeAlias

from opord.language.syntax import tokens as t
from opord.language.syntax.tokens import Tokens

FrameKind: TypeAlias = Literal[
    "top", "use", "record", "variants", "policies", "phase", "state", "block", "match", "else", "fields",
    "(", "[", "text",
]  # fmt: skip

_BRACES: dict[str, FrameKind] = {
    "use": "use", "record": "record", "enum": "variants", "failure": "variants", "pure": "policies",
    "effect": "policies", "action": "policies", "phase": "phase", "state": "state", "initial": "state",
    "final": "state",
}  # fmt: skip
_STARTS = t.STATEMENT_WORDS | t.HANDLER_WORDS | t.CHILD_WORDS


@dataclass(slots=True)
class BracketFrame:
    """An open bracket: the index of its token, its kind, and the start of its statement."""

    opening: int
    kind: FrameKind
    start: int


@dataclass(slots=True)
class Cursor:
    """A place between tokens.

    `index` is the first token that starts at or after the cursor. `start` is the first token of the
    statement around it, which can also be an item, an arm or a declaration. `frames` has the open
    brackets, the outermost first.
    """

    tokens: Tokens
    index: int
    start: int
    frames: list[BracketFrame]

    @property
    def frame(self) -> BracketFrame:
        """The innermost bracket."""
        return self.frames[-1]

    @property
    def words(self) -> list[str]:
        """The tokens of the statement before the cursor."""
        return self.tokens.texts[self.start : self.index]

    @property
    def before(self) -> str:
        """The token before the cursor if it belongs to the statement, else the empty string."""
        return self.tokens.texts[self.index - 1] if self.index > self.start else ""

    @property
    def is_fresh(self) -> bool:
        """Whether no token of the statement is before the cursor."""
        return self.index <= self.start

    def callee(self, frame: BracketFrame) -> tuple[str, str]:
        """Return the name before a parenthesis, and the token before that."""
        texts, at = self.tokens.texts, frame.opening
        name = texts[at - 1] if at >= 1 and self.tokens.kinds[at - 1] == t.NAME else ""
        return name, texts[at - 2] if at >= 2 else ""

    def in_statement(self) -> list[BracketFrame]:
        """List the open parentheses, brackets and texts inside the innermost brace.

        Innermost first.
        """
        frames: list[BracketFrame] = []
        for frame in reversed(self.frames):
            if frame.kind not in ("(", "[", "text"):
                break
            frames.append(frame)
        return frames

    @property
    def brace(self) -> BracketFrame:
        """The innermost open brace around the cursor, or the file."""
        return next(frame for frame in reversed(self.frames) if frame.kind not in ("(", "[", "text"))


def cursor_at(tokens: Tokens, text: str, offset: int) -> Cursor:
    """Return the cursor at an offset.

    If a name ends at the offset, it is still being written: the cursor is before that name.
    """
    index = bisect_left(tokens.starts, offset)
    if index > 0 and tokens.ends[index - 1] >= offset and tokens.kinds[index - 1] in (t.NAME, *t.RESERVED):
        index -= 1
    index = min(index, len(tokens.kinds) - 1)
    frames = [BracketFrame(-1, "top", 0)]
    start = 0
    kinds, texts, newlines = tokens.kinds, tokens.texts, tokens.newlines
    for i in range(index + 1):
        kind = kinds[i]
        on_new_line = newlines[i] != t.SAME_LINE or i == 0
        if on_new_line and kind == t.NAME:
            at = tokens.starts[i]
            if texts[i] in t.DECLARATION_WORDS and (at == 0 or text[at - 1] == "\n") and i < index:
                del frames[1:]
                start = i
            elif texts[i] in _STARTS and newlines[i] == t.NEWLINE_WITHOUT_MEANING and i < index:
                start = _close_parentheses(frames, i, start)
        if i == index:
            # The next token may be on another line. Then the cursor still belongs to its own line.
            if _on_new_line(tokens, text, index, offset) and frames[-1].kind not in ("(", "[", "text"):
                start = index
            break
        if newlines[i] == t.NEWLINE and frames[-1].kind not in ("(", "["):
            start = i
        if kind == "{":
            frames.append(BracketFrame(i, _kind_of_brace(tokens, frames, start, i), start))
            start = i + 1
        elif kind in ("(", "["):
            frames.append(BracketFrame(i, "(" if kind == "(" else "[", start))
        elif kind == t.TEXT_START:
            frames.append(BracketFrame(i, "text", start))
        elif kind == t.TEXT_END:
            _pop(frames, ("text",))
        elif kind == ")":
            _pop(frames, ("(",))
        elif kind == "]":
            _pop(frames, ("[",))
        elif kind == "}":
            start = _close_brace(frames, start)
        elif kind == "," and frames[-1].kind not in ("(", "[", "top"):
            start = i + 1
    return Cursor(tokens, index, start, frames)


def _on_new_line(tokens: Tokens, text: str, index: int, offset: int) -> bool:
    if index == 0:
        return True
    if tokens.kinds[index - 1] in t.CONTINUES_AFTER:
        return False
    return "\n" in text[tokens.ends[index - 1] : max(offset, tokens.ends[index - 1])]


def _close_parentheses(frames: list[BracketFrame], at: int, start: int) -> int:
    closed = False
    while frames[-1].kind in ("(", "[", "text"):
        frames.pop()
        closed = True
    return at if closed else start


def _pop(frames: list[BracketFrame], kinds: tuple[str, ...]) -> None:
    if frames[-1].kind in kinds:
        frames.pop()


def _close_brace(frames: list[BracketFrame], start: int) -> int:
    for i in range(len(frames) - 1, 0, -1):
        if frames[i].kind not in ("(", "[", "text"):
            start = frames[i].start
            del frames[i:]
            return start
    return start


def _kind_of_brace(tokens: Tokens, frames: list[BracketFrame], start: int, at: int) -> FrameKind:
    texts = tokens.texts
    parent = frames[-1].kind
    first = texts[start] if start < at else ""
    before = texts[at - 1] if at > start else ""
    if parent in ("top", "phase") and first in _BRACES:
        return _BRACES[first]
    if parent in ("(", "[", "text") or before == "with":
        return "fields"
    head = texts[start:at]
    if before == "->":
        return "block"
    while "->" in head:  # only the words after the last arrow say what the brace is
        head = head[head.index("->") + 1 :]
    if before == "else":
        return "else" if "perform" in head or "commit" in head else "block"
    if "match" in head:
        return "match"
    if head[:1] in (["if"], ["else"], ["on"], ["after"], ["at"]):
        return "block"
    if tokens.kinds[at - 1] == t.NAME and before[:1].isupper():
        return "fields"
    return "block"
