"""From a source to its syntax tree and the findings of `syntax`: the whole front of the language.

The parser is written by hand, one method for each thing of the grammar, and works in linear time. It returns
a tree and findings, never an exception, whatever the text.
"""

from __future__ import annotations

from opord.language import tree
from opord.language.cursor import EXPECTED
from opord.language.diagnostics.model import FINDINGS_MAX, Diagnostic
from opord.language.lexer import lex
from opord.language.parse_declarations import DeclarationParser
from opord.language.source import Source


def parse(source: Source) -> tuple[tree.File, list[Diagnostic]]:
    """Parse a source; the findings come from top to bottom.

    The tree holds everything that could be read, with `Unparsed` where something could not.
    """
    if source.refused:
        return tree.File([], [], (0, 0)), list(source.findings)
    tokens, strange = lex(source)
    findings: list[Diagnostic] = []
    file = DeclarationParser(source, tokens, findings).file()
    # Behind what is no token on a line, something else is always expected.
    spoilt = {finding.place.line: finding.place.column for finding in reversed(strange)}
    findings = strange + [
        finding
        for finding in findings
        if finding.code is not EXPECTED or finding.place.column <= spoilt.get(finding.place.line, 1 << 30)
    ]
    findings.sort(key=lambda finding: finding.order)
    return file, findings[:FINDINGS_MAX]
