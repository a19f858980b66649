"""The outline of a file: its declarations and their parts.

Also the search for names in all files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import assert_never

from opord.language.syntax import tree
from opord.language.syntax.tree import Span
from opord.lsp.analysis import Analysis
from opord.lsp.index import SymbolKind

_MATCHES_MAX = 500
_OUTSIDE: frozenset[SymbolKind] = frozenset(
    {
        "contract",
        "record",
        "enum",
        "failure",
        "variant",
        "role",
        "event",
        "pure",
        "effect",
        "action",
        "state",
        "phase",
    }
)


@dataclass(slots=True)
class OutlineEntry:
    """A declaration: its name, its kind, a detail, its place, and its parts."""

    name: str
    kind: SymbolKind
    detail: str
    span: Span
    name_span: Span
    inside: list[OutlineEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A name of the workspace, and the declaration that it belongs to."""

    analysis: Analysis
    name: str
    kind: SymbolKind
    owner: str
    span: Span


def outline(analysis: Analysis) -> list[OutlineEntry]:
    """List the declarations of a file, nested as they are written."""
    return [entry for node in analysis.file.declarations for entry in _entries(analysis, node)]


def _entries(analysis: Analysis, node: tree.Declaration) -> Iterator[OutlineEntry]:
    match node:
        case tree.Contract(name):
            yield from _one(
                analysis, node, name, "contract", f"version {node.version}", node.parameters, "input"
            )
        case tree.RecordType(name):
            yield from _one(analysis, node, name, "record", "record", node.fields, "field")
        case tree.Enum(name) | tree.Failure(name):
            kind: SymbolKind = "enum" if isinstance(node, tree.Enum) else "failure"
            for entry in _one(analysis, node, name, kind, kind):
                for variant in node.variants:
                    detail = "transient" if variant.transient else "settles" if variant.settles else ""
                    detail += " wait" if variant.transient and variant.wait else ""
                    entry.inside += _one(
                        analysis, variant, variant.name, "variant", detail, variant.fields, "variant field"
                    )
                yield entry
        case tree.Role(names):
            for name in names:
                if name.text:
                    yield OutlineEntry(name.text, "role", "role", name.span, name.span)
        case tree.Event(name):
            by = f"by {' | '.join(each.text for each in node.roles)}" if node.roles else "event"
            yield from _one(analysis, node, name, "event", by, node.parameters, "event parameter")
        case tree.CallDeclaration(kind=kind, name=name):
            yield from _one(analysis, node, name, kind, kind, node.parameters, "parameter")
        case tree.Phase(name):
            for entry in _one(analysis, node, name, "phase", "phase"):
                for state in node.states:
                    entry.inside += _entries(analysis, state)
                yield entry
        case tree.State(kind=word, name=name):
            detail = node.outcome.text if node.outcome is not None else "state" if word == "plain" else word
            yield from _one(analysis, node, name, "state", detail, node.fields, "state field")
        case tree.Use() | tree.Require() | tree.Ensure() | tree.Unparsed():
            pass
        case _:
            assert_never(node)


def _one(
    analysis: Analysis,
    node: object,
    name: tree.Name,
    kind: SymbolKind,
    detail: str,
    fields: Iterable[tree.Field] = (),
    field_kind: SymbolKind = "field",
) -> Iterator[OutlineEntry]:
    if not name.text:
        return
    start, end = node.span  # type: ignore[attr-defined]
    # In a file with syntax errors a node may end before its name. Editors need the node to contain
    # it.
    span = min(start, name.span[0]), max(end, name.span[1])
    entry = OutlineEntry(name.text, kind, detail, span, name.span)
    for each in fields:
        if each.name.text:
            written = analysis.source.slice(each.type.span)
            inner = min(each.span[0], each.name.span[0]), max(each.span[1], each.name.span[1])
            entry.inside.append(OutlineEntry(each.name.text, field_kind, written, inner, each.name.span))
    yield entry


def find(analyses: Iterable[Analysis], query: str) -> list[NameMatch]:
    """List the names in several files that contain the letters of a query in this order."""
    matches: list[NameMatch] = []
    wanted = query.lower()
    for analysis in analyses:
        for entry in outline(analysis):
            for owner, each in _flat(entry, ""):
                if each.kind in _OUTSIDE and _matches(each.name.lower(), wanted):
                    matches.append(NameMatch(analysis, each.name, each.kind, owner, each.name_span))
                    if len(matches) >= _MATCHES_MAX:
                        return matches
    return matches


def _flat(entry: OutlineEntry, owner: str) -> Iterator[tuple[str, OutlineEntry]]:
    yield owner, entry
    for each in entry.inside:
        yield from _flat(each, entry.name)


def _matches(name: str, wanted: str) -> bool:
    letters = iter(name)
    return all(letter in letters for letter in wanted)
