"""One offer of a completion, and what is known about the place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from opord.contract import Place
from opord.language.lowering import Lowering
from opord.language.lowering.recorder import MarkerFacts
from opord.language.lowering.scope import Binding
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis
from opord.lsp.cursor import Cursor, cursor_at
from opord.lsp.features.rename import TextEdit

OfferKind: TypeAlias = Literal[
    "keyword", "snippet", "state", "event", "call", "function", "type", "variant", "field", "variable", "role",
    "constant", "file",
]  # fmt: skip

# A name that no contract has. It has the case of a variable, so the parser reads it as a value.
MARKER = "opord_cursor_zz"
_WORD = re.compile(r"[A-Za-z_]\w*")
_WORD_BEFORE = re.compile(r"[A-Za-z_]\w*\Z")


@dataclass(frozen=True, slots=True)
class Offer:
    """One completion.

    `insert` replaces the word being written, or `snippet` does if the editor supports snippets.
    `rank` orders the offers, small ones first. `place` is the declaration with the documentation;
    `doc` is documentation that has no declaration. `more` has edits elsewhere that belong to the
    offer.
    """

    label: str
    kind: OfferKind
    detail: str = ""
    insert: str = ""
    snippet: str = ""
    rank: int = 50
    doc: str = ""
    place: Place | None = None
    more: tuple[TextEdit, ...] = ()

    @property
    def text(self) -> str:
        """The text that is inserted without a snippet."""
        return self.insert or self.label


@dataclass(slots=True)
class CompletionSpot:
    """The place of a completion: the word being written, the cursor, and what is known there."""

    analysis: Analysis
    offset: int
    word: Span
    cursor: Cursor
    in_pattern: bool = False
    _marker_facts: list[MarkerFacts | None] = field(default_factory=list)

    @property
    def ctx(self) -> Lowering:
        """The symbols of the file."""
        return self.analysis.ctx

    @property
    def state(self) -> tree.State | None:
        """The state around the place."""
        return next(
            (
                symbol.node
                for symbol in self.ctx.states.values()
                if symbol.node.span[0] <= self.offset <= max(symbol.node.span[1], self._reach(symbol.node))
            ),
            None,
        )

    def _reach(self, node: tree.State) -> int:
        """Return the end of a state for this place.

        The state can be half-written, so it reaches to the next state or declaration.
        """
        if self.cursor.brace.kind in ("top", "phase"):
            return node.span[1]
        following = [
            each.node.span[0] for each in self.ctx.states.values() if each.node.span[0] > node.span[0]
        ]
        later = [each.span[0] for each in self.analysis.file.declarations if each.span[0] > node.span[0]]
        return min([*following, *later], default=len(self.analysis.text))

    @property
    def phase(self) -> tree.Phase | None:
        """The phase around the place."""
        return next(
            (
                node
                for node in self.analysis.file.declarations
                if isinstance(node, tree.Phase) and node.span[0] <= self.offset <= node.span[1]
            ),
            None,
        )

    def marker_facts(self) -> MarkerFacts | None:
        """Return what lowering knows at the place, or None if lowering does not get there.

        A marker in the text finds the place.
        """
        if not self._marker_facts:
            self._marker_facts.append(self._look())
        return self._marker_facts[0]

    def names(self) -> dict[str, Binding]:
        """Return the variables in scope. If the text cannot be read, return a good guess."""
        facts = self.marker_facts()
        if facts is not None and facts.names:
            return facts.names
        names = dict(self.ctx.input)
        state = self.state
        symbol = self.ctx.states.get(state.name.text) if state is not None else None
        if symbol is not None and state is not None:
            for each in symbol.fields.values():
                names[each.name] = Binding(each.name, "field", each.type, places=(each.place,))
            for local in self.analysis.recorder.locals:
                if state.span[0] <= local.span[0] < self.offset:
                    names[local.binding.name] = local.binding
        return names

    def _look(self) -> MarkerFacts | None:
        text = self.analysis.text
        before, after = text[: self.word[0]], text[self.word[1] :]
        for filler in self._fillers(after):
            marked = self.analysis.marked(f"{before}{filler}{after}", MARKER)
            if marked.recorder.marker_facts is not None:
                return marked.recorder.marker_facts
        return None

    def _fillers(self, after: str) -> list[str]:
        """Return the texts to insert: the marker, with what must follow it at this place."""
        line = after.split("\n", 1)[0]
        closing = "".join(self._missing_closers(line))
        if self.cursor.frame.kind == "fields" and not line.lstrip().startswith(":"):
            return [f"{MARKER}: none{closing}", f"{MARKER}{closing}"]
        if self.in_pattern and not line.lstrip().startswith(("->", "|", "(")):
            name = MARKER
            return [f"{name} -> goto Nowhere"]
        if closing:
            return [f"{MARKER}{closing}", MARKER]
        return [MARKER, f"{MARKER} {{ }}"]

    def _missing_closers(self, line: str) -> list[str]:
        closers = []
        for frame in self.cursor.in_statement():
            closer = {"(": ")", "[": "]", "text": '}"'}[frame.kind]
            if closer[0] in line:
                line = line.replace(closer[0], "", 1)
            else:
                closers.append(closer)
        return closers


def spotted(analysis: Analysis, offset: int) -> CompletionSpot | None:
    """Return what is known about a place; None in a comment, a text or a number.

    Nothing is completed there.
    """
    for comment in analysis.file.comments:
        if comment.span[0] < offset and "\n" not in analysis.text[comment.span[0] : offset]:
            return None
    if _in_literal(analysis, offset):
        return None
    before = _WORD_BEFORE.search(analysis.text, max(0, offset - 200), offset)
    start = before.start() if before is not None else offset
    after = _WORD.match(analysis.text, start)
    end = max(after.end(), offset) if after is not None else offset
    return CompletionSpot(analysis, offset, (start, end), cursor_at(analysis.tokens, analysis.text, start))


def _in_literal(analysis: Analysis, offset: int) -> bool:
    tokens = analysis.tokens
    for i in range(len(tokens.kinds)):
        if tokens.starts[i] >= offset:
            return False
        start, end, kind = tokens.starts[i], tokens.ends[i], tokens.kinds[i]
        if offset > end:
            continue
        if kind == t.TEXT:
            return offset < end or end - start < 2 or tokens.texts[i][-1:] != '"'
        if kind in (t.TEXT_START, t.TEXT_MIDDLE):
            return offset < end
        if kind == t.TEXT_END:
            return start < offset < end
        if kind in (t.INT, t.NUMBER, t.DURATION):
            return True
    return False
