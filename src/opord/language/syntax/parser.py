"""Turn a source into its syntax tree and the findings of the rule `syntax`.

The parser is written by hand, with one method for each construct of the grammar, and takes linear
time. For every text it returns a tree and findings and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from opord.language.diagnostics.model import FINDINGS_MAX, Diagnostic
from opord.language.diagnostics.suppressors import LostPlace, OnItsLine, UnclosedBrace
from opord.language.syntax import tree
from opord.language.syntax.cursor import UNCLOSED
from opord.language.syntax.lexer import OPEN_TEXT, lex
from opord.language.syntax.parse_declarations import DeclarationParser
from opord.language.syntax.source import Source
from opord.language.syntax.tokens import DECLARATION_WORDS


def parse(source: Source) -> tuple[tree.File, list[Diagnostic]]:
    """Parse a source; the findings are in the order of the text.

    The tree holds everything that could be read, with `Unparsed` nodes for the rest.
    """
    if source.refused:
        return tree.File([], [], (0, 0)), list(source.findings)
    tokens, strange = lex(source)
    findings: list[Diagnostic] = []
    file = DeclarationParser(source, tokens, findings).file()
    findings = _without_consequences(source, strange, findings)
    findings.sort(key=lambda finding: finding.order)
    return file, findings[:FINDINGS_MAX]


_DECLARATION = re.compile(rf"\s*(?:{'|'.join(sorted(DECLARATION_WORDS))})\s+[A-Za-z\"]")


class _Torn:
    """The lines between an unclosed brace and the next declaration."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._until = 0

    def tear(self, line: int) -> None:
        """Mark the declaration that contains the brace on `line` as torn."""
        if line in self:
            return
        self._until = line + 1
        last = len(self._source.line_starts)
        while self._until <= last and not _DECLARATION.match(self._source.line(self._until)):
            self._until += 1

    def __contains__(self, line: int) -> bool:
        return line < self._until


def _without_consequences(
    source: Source, strange: list[Diagnostic], findings: list[Diagnostic]
) -> list[Diagnostic]:
    """Join the findings of lexer and parser; leave out those that follow from another of them.

    After a foreign sign, or after a place where the parser was stuck, the parser always expects
    something else. An unclosed text contains the rest of its line, perhaps also the quote of the
    next text and a closing bracket. `Code.suppressed_by` says which findings follow from which.
    """
    torn = _Torn(source)
    spoilt: dict[int, int] = {}
    first_on_line: dict[tuple[str, int], Diagnostic] = {}
    for finding in sorted(strange, key=lambda finding: finding.order):
        spoilt.setdefault(finding.place.line, finding.place.column)
        first_on_line.setdefault((finding.code.id, finding.place.line), finding)
    remaining = [each for each in strange if not _follows(each, first_on_line)]
    for finding in sorted(findings, key=lambda finding: finding.order):
        line, column = finding.place.line, finding.place.column
        if finding.code is UNCLOSED and source.line(line)[column - 1 : column] == "{":
            torn.tear(line)
        elif UnclosedBrace() in finding.code.suppressed_by and line in torn:
            continue
        if LostPlace() in finding.code.suppressed_by:
            before = spoilt.get(line)
            # After a comma, reading starts again, except in an unclosed text.
            open_text = (OPEN_TEXT.id, line) in first_on_line
            afresh = before is not None and not open_text and "," in source.line(line)[before : column - 1]
            if before is not None and before <= column and not afresh:
                continue
            spoilt[line] = column
        if not _follows(finding, first_on_line):
            remaining.append(finding)
    return remaining


def _follows(finding: Diagnostic, first_on_line: Mapping[tuple[str, int], Diagnostic]) -> bool:
    """Say whether a finding of the lexer on the same line suppresses this one."""
    return any(
        isinstance(suppressor, OnItsLine)
        and first_on_line.get((suppressor.code, finding.place.line), finding) is not finding
        for suppressor in finding.code.suppressed_by
    )
