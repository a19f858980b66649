"""Go from a name to its declaration, and to all other names with the same meaning."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opord.contract import NOWHERE, Place
from opord.language.syntax import tree
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis
from opord.lsp.index import NameOccurrence


@dataclass(frozen=True, slots=True)
class DeclarationLink:
    """A declaration to go to: the name or path that is followed, and the target place."""

    origin: Span
    target: Place


@dataclass(frozen=True, slots=True)
class Highlight:
    """A name in the open file with the same meaning; `declares` says that it is the declaration."""

    span: Span
    declares: bool


def definition(analysis: Analysis, offset: int) -> list[DeclarationLink]:
    """Return where the name at an offset is declared; the path of a `use` leads to its file."""
    occurrence = analysis.index.at(offset)
    if occurrence is not None:
        return [DeclarationLink(occurrence.span, place) for place in occurrence.places]
    for node in analysis.file.declarations:
        if isinstance(node, tree.Use) and node.path_span[0] <= offset <= node.path_span[1]:
            path = used_path(analysis.path, node.path)
            if path in analysis.sources:
                return [DeclarationLink(node.path_span, Place(path, 1, 1, 1, 1))]
    return []


def used_path(user: str, path: str) -> str:
    """Return the path of a used file as the checker names it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(user), path))


def references(
    analysis: Analysis, offset: int, others: Iterable[Analysis] = (), *, declaration: bool = True
) -> list[Place]:
    """List the places that mean the same as the name at an offset, in this file and in `others`."""
    places = meant_at(analysis, offset)
    if not places:
        return []
    return list(places_of(places, analysis, others, declaration=declaration))


def meant_at(analysis: Analysis, offset: int) -> set[Place]:
    """Return the declarations that the name at an offset refers to."""
    occurrence = analysis.index.at(offset)
    return set(occurrence.places) if occurrence is not None else set()


def places_of(
    places: set[Place], analysis: Analysis, others: Iterable[Analysis], *, declaration: bool = True
) -> Iterator[Place]:
    """Yield every place in these files that refers to one of the symbols."""
    seen: set[str] = set()
    for each in (analysis, *others):
        if each.path in seen:
            continue
        seen.add(each.path)
        for occurrence in each.index.of(places):
            if declaration or not occurrence.declares:
                yield each.source.place(occurrence.span)


def highlights(analysis: Analysis, offset: int) -> list[Highlight]:
    """List the names in the file with the same meaning as the one at an offset."""
    places = meant_at(analysis, offset)
    occurrences: list[NameOccurrence] = analysis.index.of(places) if places else []
    return [Highlight(each.span, each.declares) for each in occurrences]


def file_of(analysis: Analysis, offset: int) -> str:
    """Return the path of the file that declares the name at an offset; empty if there is none."""
    symbol = analysis.index.symbol_at(offset)
    return (symbol.place if symbol is not None else NOWHERE).file
