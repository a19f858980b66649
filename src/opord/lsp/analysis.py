"""One file as an editor needs it: read once for each change of its text, then asked many times."""

from __future__ import annotations

from functools import cached_property

from opord.contract import Contract, Place
from opord.language.compile import CheckResult, Lowered, check_lowered, lower_source
from opord.language.diagnostics.model import Diagnostic
from opord.language.flow.graph import Graph
from opord.language.lowering.context import Lowering
from opord.language.lowering.reach import Reader
from opord.language.lowering.recorder import Recorder
from opord.language.syntax.lexer import lex
from opord.language.syntax.source import Source
from opord.language.syntax.tokens import Tokens
from opord.language.syntax.tree import File, Span
from opord.lsp.index import NameIndex


class Analysis:
    """What is known about one text: its tree, its symbols, and the findings of the rules.

    Each part is computed when it is first needed.
    """

    def __init__(self, source: Source, read: Reader | None = None, *, marker: str = "") -> None:
        self.source = source
        self.recorder: Recorder = Recorder(marker)
        self._read = read
        self.lowered: Lowered = lower_source(source, read=read, recorder=self.recorder)
        self.file: File = self.lowered.file
        self.ctx: Lowering = self.lowered.ctx
        self.model: Contract = self.lowered.model

    @property
    def text(self) -> str:
        """The text, without a byte order mark."""
        return self.source.text

    @property
    def path(self) -> str:
        """The path that places in this file have."""
        return self.source.path

    @cached_property
    def result(self) -> CheckResult:
        """The result of `opord check`."""
        return check_lowered(self.lowered)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """All findings, including those of used files."""
        return self.result.diagnostics

    @cached_property
    def index(self) -> NameIndex:
        """The names of the file, with the symbols that they mean."""
        return NameIndex(self.file, self.ctx, self.recorder)

    @cached_property
    def graph(self) -> Graph:
        """The state graph of the parts of the contract that could be read."""
        return Graph(self.model)

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of the text."""
        return lex(self.source)[0]

    @property
    def sources(self) -> dict[str, Source]:
        """The files that this file uses, by path."""
        return self.lowered.used.sources

    def span(self, place: Place) -> Span:
        """Return the offsets of a place in this file. A place outside of the text is cut to it."""
        return span_in(self.source, place)

    def marked(self, text: str, marker: str) -> Analysis:
        """Analyse a text that contains a marker, to learn what is known at the marker."""
        return Analysis(Source(self.path, text), self._read, marker=marker)

    def again(self, text: str) -> Analysis:
        """Analyse another text for the same file."""
        return Analysis(Source(self.path, text), self._read)


def span_in(source: Source, place: Place) -> Span:
    """Return the offsets of a place in a source. A place outside of the text is cut to it."""
    return (_offset(source, place.line, place.column), _offset(source, place.end_line, place.end_column))


def _offset(source: Source, line: int, column: int) -> int:
    if line < 1:
        return 0
    if line > len(source.line_starts):
        return len(source.text)
    return min(source.line_starts[line - 1] + column - 1, len(source.text))
