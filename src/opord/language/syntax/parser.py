"""From a source to its syntax tree and the findings of `syntax`: the whole front of the language.

The parser is written by hand, one method for each thing of the grammar, and works in linear time. It returns
a tree and findings, never an exception, whatever the text.
"""

from __future__ import annotations

import re

from opord.language.diagnostics.model import FINDINGS_MAX, Diagnostic
from opord.language.syntax import tree
from opord.language.syntax.cursor import UNCLOSED
from opord.language.syntax.lexer import OPEN_TEXT, lex
from opord.language.syntax.parse_declarations import DeclarationParser
from opord.language.syntax.source import Source
from opord.language.syntax.tokens import DECLARATION_WORDS


def parse(source: Source) -> tuple[tree.File, list[Diagnostic]]:
    """Parse a source; the findings come from top to bottom.

    The tree holds everything that could be read, with `Unparsed` where something could not.
    """
    if source.refused:
        return tree.File([], [], (0, 0)), list(source.findings)
    tokens, strange = lex(source)
    findings: list[Diagnostic] = []
    file = DeclarationParser(source, tokens, findings).file()
    findings = _without_echoes(source, strange, findings)
    findings.sort(key=lambda finding: finding.order)
    return file, findings[:FINDINGS_MAX]


# Findings after which the parser has to find its place again.
_LOST = frozenset({"OP010", "OP011", "OP013", "OP015", "OP017", "OP020", "OP027", "OP032", "OP033"})


# Things that stand where they cannot, as all do behind a brace that is not closed.
_OUT_OF_PLACE = frozenset({"OP010", "OP013", "OP015", "OP020", "OP027"})
_DECLARATION = re.compile(rf"\s*(?:{'|'.join(sorted(DECLARATION_WORDS))})\s+[A-Za-z\"]")


class _Torn:
    """The lines from a brace that is not closed to the next declaration."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._until = 0

    def tear(self, line: int) -> None:
        """Take the declaration that a brace on `line` belongs to for torn."""
        if line in self:
            return
        self._until = line + 1
        last = len(self._source.line_starts)
        while self._until <= last and not _DECLARATION.match(self._source.line(self._until)):
            self._until += 1

    def __contains__(self, line: int) -> bool:
        return line < self._until


def _without_echoes(
    source: Source, strange: list[Diagnostic], findings: list[Diagnostic]
) -> list[Diagnostic]:
    """Join what the lexer and the parser found, without what comes of another finding on the same line.

    Behind what is no token, or where the parser lost its place, something else is always expected. A text that
    is not closed has taken the signs up to the end of its line, among them the quote of the next text and the
    bracket that would have closed.
    """
    torn = _Torn(source)
    spoilt: dict[int, int] = {}
    open_texts: dict[int, Diagnostic] = {}
    for finding in sorted(strange, key=lambda finding: finding.order):
        spoilt.setdefault(finding.place.line, finding.place.column)
        if finding.code is OPEN_TEXT:
            open_texts.setdefault(finding.place.line, finding)
    kept = [each for each in strange if each.code is not OPEN_TEXT or open_texts[each.place.line] is each]
    for finding in sorted(findings, key=lambda finding: finding.order):
        line, column = finding.place.line, finding.place.column
        if finding.code is UNCLOSED and source.line(line)[column - 1 : column] == "{":
            torn.tear(line)
        elif finding.code.id in _OUT_OF_PLACE and line in torn:
            continue
        if finding.code.id in _LOST:
            before = spoilt.get(line, column)
            # A comma is where reading starts afresh, but in a text that nothing closes.
            afresh = line not in open_texts and "," in source.line(line)[before : column - 1]
            if before < column and not afresh:
                continue
            spoilt[line] = column
        if not (finding.code is UNCLOSED and line in open_texts):
            kept.append(finding)
    return kept
