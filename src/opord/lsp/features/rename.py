"""Rename: a new name for a symbol everywhere, or the reason why it cannot have that name.

A rename must not change what the contract says. So the edits are tried first: the new texts are
analysed, and every name must refer to the same thing as before. A `..` may have paired a field with
a variable of the same name. If only one of the two is renamed, the pair is written out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from opord.contract import Place
from opord.language import words
from opord.language.lowering.builtins import BUILTINS
from opord.language.lowering.context import NEVER_HIDDEN
from opord.language.lowering.recorder import Rest
from opord.language.syntax import tokens as t
from opord.language.syntax.letter_case import LetterCase, has_case, in_case
from opord.language.syntax.source import Source
from opord.language.syntax.tree import Span
from opord.language.types import PRIMITIVES
from opord.lsp.analysis import Analysis
from opord.lsp.index import Symbol, SymbolKind


class RenameRefused(Exception):
    """The symbol cannot have this name, or the name cannot be changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """The name under the cursor, which a rename would change."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True)
class TextEdit:
    """One change: the text at `span` of the file at `path` becomes `text`."""

    path: str
    span: Span
    text: str


_PASCAL: frozenset[SymbolKind] = frozenset({"contract", "record", "enum", "failure", "state", "phase"})


def prepare(analysis: Analysis, offset: int) -> Renaming:
    """Return the name at an offset.

    Raises:
        Refused: there is no name, or the contract does not declare it.
    """
    occurrence = analysis.index.at(offset)
    if occurrence is None:
        raise RenameRefused(_why_nothing(analysis, offset))
    symbol = analysis.index.symbols[occurrence.places[0]]
    if symbol.kind == "event" and symbol.name == "cancel":
        raise RenameRefused("`cancel` is built in, and keeps its name")
    return Renaming(occurrence.span, symbol.name)


def rename(analysis: Analysis, offset: int, new: str, others: Iterable[Analysis] = ()) -> list[TextEdit]:
    """Return the edits that give the symbol at an offset a new name, in this file and in `others`.

    Raises:
        Refused: the name does not fit the symbol, or has a meaning already.
    """
    old = prepare(analysis, offset).name
    files = {analysis.path: analysis, **{each.path: each for each in others}}
    places = _joined(files, offset, analysis)
    symbol = next(
        known_symbol
        for each in files.values()
        for place in places
        if (known_symbol := each.index.symbols.get(place))
    )
    _refuse_name(analysis, symbol, new)
    if new == old:
        return []
    for place in places:
        if place.file not in files:
            raise RenameRefused(f"`{old}` is declared in {place.file}, which cannot be changed from here")
    edits = [edit for each in files.values() for edit in _edits(each, places, old, new)]
    _Trial(files, edits, new).refuse_changes()
    return edits


def _why_nothing(analysis: Analysis, offset: int) -> str:
    tokens = analysis.tokens
    i = bisect_right(tokens.starts, offset) - 1
    if i >= 0 and tokens.starts[i] <= offset <= tokens.ends[i] and tokens.kinds[i] != t.END:
        text = tokens.texts[i]
        if text in words.part_of_words():
            return f"`{text}` is a word of the language, and keeps its name"
        if tokens.kinds[i] == t.NAME:
            return f"nothing is declared as `{text}`, so that there is nothing to rename"
    return "there is no name here"


def _joined(files: dict[str, Analysis], offset: int, analysis: Analysis) -> set[Place]:
    """Return the declarations that must be renamed together: one name refers to all of them."""
    occurrence = analysis.index.at(offset)
    places = set(occurrence.places) if occurrence is not None else set()
    several = [
        set(each.places) for file in files.values() for each in file.index.occurrences if len(each.places) > 1
    ]
    grown = True
    while grown:
        grown = False
        for group in several:
            if not group.isdisjoint(places) and not group <= places:
                places |= group
                grown = True
    return places


def _refuse_name(analysis: Analysis, symbol: Symbol, new: str) -> None:
    case: LetterCase = "snake_case"
    owner = analysis.ctx.types.get(symbol.owner) if symbol.kind == "variant" else None
    if symbol.kind in _PASCAL or symbol.kind == "variant":
        case = "either" if owner is not None and owner.kind == "enum" else "PascalCase"
    if not has_case(new, case):
        wanted = "PascalCase or snake_case" if case == "either" else case
        better = in_case(new, "PascalCase" if case == "either" else case)
        near = f"; write `{better}`" if has_case(better, case) else ""
        raise RenameRefused(f"a {symbol.kind} is named in {wanted}, and `{new}` is not{near}")
    if new in t.RESERVED:
        raise RenameRefused(f"`{new}` is a reserved word of the language")
    if symbol.kind in ("variable", "input", "state field") and new in NEVER_HIDDEN:
        raise RenameRefused(f"`{new}` always means {NEVER_HIDDEN[new]}")
    if symbol.kind == "pure" and new in BUILTINS:
        raise RenameRefused(f"`{new}` is a built-in function")
    if symbol.kind == "event" and new == "cancel":
        raise RenameRefused("`cancel` is a built-in event")
    if new in PRIMITIVES and symbol.kind in ("record", "enum", "failure"):
        raise RenameRefused(f"`{new}` is a built-in type")


def _edits(analysis: Analysis, places: set[Place], old: str, new: str) -> list[TextEdit]:
    edits = [
        TextEdit(analysis.path, each.span, new)
        for each in analysis.index.of(places)
        if analysis.source.slice(each.span) == old
    ]
    written: dict[Span, list[str]] = {}
    for rest in analysis.index.rests:
        if addition := _written_out(rest, places, new):
            row = written.setdefault(rest.span, [])
            if addition not in row:
                row.append(addition)
    edits += [
        TextEdit(analysis.path, (at, at), "".join(f"{addition}, " for addition in row))
        for (at, _), row in written.items()
    ]
    return edits


def _written_out(rest: Rest, places: set[Place], new: str) -> str:
    """Return the pair that a `..` made in full, if only one of its sides is renamed."""
    field = rest.field in places
    variable = not places.isdisjoint(rest.variable)
    if field == variable:
        return ""
    return f"{new}: {rest.name}" if field else f"{rest.name}: {new}"


class _Trial:
    """The files after the edits, compared with the files before."""

    def __init__(self, files: dict[str, Analysis], edits: list[TextEdit], new: str) -> None:
        self._new = new
        self._edits: dict[str, list[TextEdit]] = {}
        for edit in edits:
            self._edits.setdefault(edit.path, []).append(edit)
        for row in self._edits.values():
            row.sort(key=lambda edit: edit.span)
        self._before = {path: files[path] for path in self._edits}
        self._texts = {path: applied(each.text, self._edits[path]) for path, each in self._before.items()}

    def refuse_changes(self) -> None:
        """Raise `RenameRefused` if a name would refer to something else than before."""
        for path, before in self._before.items():
            after = self._analyse(before)
            self._refuse_findings(before, after)
            expected = {
                (self._moved(path, each.span), frozenset(self._moved_place(place) for place in each.places))
                for each in before.index.occurrences
            }
            # A written-out `..` adds text inside an edit. The findings check that text.
            inserted = [
                (at - len(edit.text), at)
                for edit in self._edits[path]
                if edit.span[0] == edit.span[1]
                for at in (self._at(path, edit.span[0]),)
            ]
            for each in after.index.occurrences:
                start, end = each.span
                if any(first <= start and end <= last for first, last in inserted):
                    continue
                places = frozenset(self._plain(place) for place in each.places)
                if (each.span, places) not in expected:
                    self._refuse(after, each.span)
            seen = {each.span for each in after.index.occurrences}
            for span, _ in expected:
                if span not in seen:
                    self._refuse(after, span)
            self._refuse_rests(path, before, after)

    def _analyse(self, before: Analysis) -> Analysis:
        def read(path: str) -> str | bytes:
            if path in self._texts:
                return self._texts[path]
            source = before.sources.get(path)
            if source is None:
                raise FileNotFoundError(path)
            return source.text

        return Analysis(Source(before.path, self._texts[before.path]), read)

    def _refuse_findings(self, before: Analysis, after: Analysis) -> None:
        balance = Counter(each.code.id for each in before.diagnostics)
        for each in after.diagnostics:
            balance[each.code.id] -= 1
            if balance[each.code.id] < 0:
                raise RenameRefused(
                    f"`{self._new}` cannot be the name: {each.message} (line {each.place.line})"
                )

    def _refuse_rests(self, path: str, before: Analysis, after: Analysis) -> None:
        """Refuse a name that a `..` would pair now and did not pair before."""
        before_pairs = Counter(self._at(path, rest.span[0]) for rest in before.index.rests)
        for rest in after.index.rests:
            before_pairs[rest.span[0]] -= 1
            if before_pairs[rest.span[0]] < 0:
                self._refuse(after, rest.span)

    def _refuse(self, after: Analysis, span: Span) -> None:
        line = after.source.position(span[0])[0]
        raise RenameRefused(f"`{self._new}` has a meaning already, and line {line} would say something else")

    # --- Places after the edits
    # ------------------------------------------------------------------------

    def _at(self, path: str, offset: int) -> int:
        """Return the offset after the edits of what was at `offset`.

        Text inserted there comes before it.
        """
        moved = offset
        for edit in self._edits.get(path, ()):
            start, end = edit.span
            if end > offset or (start == end == offset and edit.text == ""):
                break
            moved += len(edit.text) - (end - start)
        return moved

    def _moved(self, path: str, span: Span) -> Span:
        start = self._at(path, span[0])
        length = span[1] - span[0]
        for edit in self._edits.get(path, ()):
            if edit.span == span:
                length = len(edit.text)
        return (start, start + length)

    def _moved_place(self, place: Place) -> tuple[str, Span]:
        before = self._before.get(place.file)
        if before is None:
            return self._plain(place)
        return place.file, self._moved(place.file, before.index.span(place))

    def _plain(self, place: Place) -> tuple[str, Span]:
        """Return a place in an edited text as offsets, and a place in another file unchanged."""
        if place.file in self._texts:
            starts = self._sources[place.file].line_starts
            return place.file, (
                starts[place.line - 1] + place.column - 1,
                starts[place.end_line - 1] + place.end_column - 1,
            )
        return place.file, (place.line, place.column)

    @cached_property
    def _sources(self) -> dict[str, Source]:
        return {path: Source(path, text) for path, text in self._texts.items()}


def applied(text: str, edits: Iterable[TextEdit]) -> str:
    """Return a text with the edits made in it. The edits must not overlap."""
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        parts += [text[done : edit.span[0]], edit.text]
        done = edit.span[1]
    return "".join(parts) + text[done:]
