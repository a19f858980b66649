"""Convert places, spans and findings into the types of the protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lsprotocol import types

from opord.contract import Place
from opord.language.syntax.source import Source
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis, span_in
from opord.lsp.features.problems import FileProblem
from opord.lsp.features.rename import TextEdit
from opord.lsp.positions import Lines
from opord.lsp.wire.documents import Documents


@dataclass(slots=True)
class Converter:
    """Converts the results of features for one analysis."""

    documents: Documents
    analysis: Analysis
    lines: Lines
    others: dict[str, tuple[Source, Lines]]

    @classmethod
    def of(cls, documents: Documents, analysis: Analysis) -> Converter:
        """Make a converter for an analysis, with the open documents as they are now."""
        open_ = documents.by_path.get(analysis.path)
        same = open_ is not None and open_.text == analysis.text
        lines = open_.lines if open_ is not None and same else Lines(analysis.text, documents.encoding)
        return cls(documents, analysis, lines, {analysis.path: (analysis.source, lines)})

    def know(self, analysis: Analysis) -> None:
        """Allow places in another file to be converted."""
        self._know(analysis.source)

    def _know(self, source: Source) -> tuple[Source, Lines]:
        if source.path not in self.others:
            self.others[source.path] = (source, Lines(source.text, self.documents.encoding))
        return self.others[source.path]

    def offset(self, position: types.Position) -> int:
        """Return the offset of a position in the open file."""
        return self.lines.offset(position.line, position.character)

    def span(self, range_: types.Range) -> Span:
        """Return the offsets of a range in the open file."""
        start = self.offset(range_.start)
        return start, max(start, self.offset(range_.end))

    def position(self, offset: int) -> types.Position:
        """Return the position of an offset in the open file."""
        return types.Position(*self.lines.position(offset))

    def range(self, span: Span) -> types.Range:
        """Return the range of offsets in the open file."""
        return _range(self.lines, span)

    def location(self, place: Place) -> types.Location | None:
        """Return a place in any file as a location, or None if the file's text is not known."""
        text = self.others.get(place.file)
        if text is None:
            used = self.analysis.sources.get(place.file)
            if used is None:
                return None
            text = self._know(used)
        source, lines = text
        return types.Location(uri=self.documents.uri(place.file), range=_range(lines, span_in(source, place)))

    def locations(self, places: Iterable[Place]) -> list[types.Location]:
        """Return places in any files as locations."""
        return [location for place in places if (location := self.location(place)) is not None]

    def edit(self, edits: Iterable[TextEdit]) -> types.WorkspaceEdit:
        """Return edits of one or several files."""
        changes: dict[str, list[types.TextEdit]] = {}
        for each in edits:
            text = self.others.get(each.path)
            lines = text[1] if text is not None else self.lines
            changed = types.TextEdit(range=_range(lines, each.span), new_text=each.text)
            changes.setdefault(self.documents.uri(each.path), []).append(changed)
        return types.WorkspaceEdit(changes=changes)

    def edits(self, edits: Iterable[TextEdit]) -> list[types.TextEdit]:
        """Return edits of the open file."""
        return [types.TextEdit(range=self.range(each.span), new_text=each.text) for each in edits]

    def diagnostic(self, problem: FileProblem) -> types.Diagnostic:
        """Return a finding as a diagnostic of the protocol."""
        severity = (
            types.DiagnosticSeverity.Error
            if problem.severity == "error"
            else types.DiagnosticSeverity.Warning
        )
        related = [
            types.DiagnosticRelatedInformation(location=location, message=text)
            for place, text in problem.related
            if (location := self.location(place)) is not None
        ]
        return types.Diagnostic(
            range=self.range(problem.span),
            message=problem.message,
            severity=severity,
            code=problem.code,
            code_description=types.CodeDescription(href=problem.page) if problem.page else None,
            source="opord",
            tags=[types.DiagnosticTag.Unnecessary] if problem.unnecessary else None,
            related_information=related or None,
            data={"rule": problem.rule, "title": problem.title, "help": problem.help},
        )


def _range(lines: Lines, span: Span) -> types.Range:
    return types.Range(
        start=types.Position(*lines.position(span[0])), end=types.Position(*lines.position(span[1]))
    )
