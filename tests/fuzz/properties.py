"""What holds for every text: the checker answers, in words that can be shown."""

from __future__ import annotations

import json
from collections.abc import Mapping

from opord.codegen.python import generate
from opord.content import contract_digest
from opord.contract import Place
from opord.language import CheckResult, check_text
from opord.language.diagnostics.model import Diagnostic
from opord.language.diagnostics.render.human import render_one
from opord.language.diagnostics.render.json import as_data
from opord.language.sheet import explain_sheet, render_text
from opord.language.syntax.formatter import NotFormatted, format_source
from opord.language.syntax.source import Source

FILE = "fuzzed.opord"

# The files that a fuzzed contract may `use`; other files do not exist.
USED: Mapping[str, str] = {
    "types.opord": "record Line { sku: str, quantity: int = 1 }\nenum Size { Small, Large(extra: int) }\n",
    "circle.opord": 'use "circle.opord" { Round }\nrecord Round { centre: Round? }\n',
    "more.opord": 'use "types.opord" { Line }\nrecord Basket { lines: list[Line] }\n',
}


def read_used(path: str) -> str:
    """Return a file that a contract uses.

    Raises:
        FileNotFoundError: there is no file of that name.
    """
    if path not in USED:
        raise FileNotFoundError(path)
    return USED[path]


def hold(text: str) -> CheckResult:
    """Check a text in every way, and assert what must hold for every result."""
    result = check_text(text, FILE, read=read_used)
    assert isinstance(result, CheckResult)
    hold_findings(result)
    _hold_formatter(text, result)
    if result.contract is not None:
        module = generate(result.contract, result.sources)
        compile(module, "<generated>", "exec", dont_inherit=True)
        assert render_text(explain_sheet(result.contract))
    return result


def hold_findings(result: CheckResult) -> None:
    """Assert that findings explain a refusal, at places that exist, in words that can be shown."""
    sources = {path: Source(path, text) for path, text in result.sources}
    assert FILE in sources
    types_only = result.contract is None and not result.errors
    assert types_only or (result.contract is None) == bool(result.errors)
    for finding in result.diagnostics:
        hold_place(finding.place, sources)
        for label in finding.labels:
            hold_place(label.place, sources)
        hold_words(finding, sources)


def hold_place(place: Place, sources: Mapping[str, Source]) -> None:
    """Assert that a place is within its file, and does not end before it starts."""
    source = sources[place.file]
    lines = source.text.split("\n")
    assert 1 <= place.line <= place.end_line <= max(len(lines), 1), place
    assert 1 <= place.column <= len(lines[place.line - 1]) + 1, place
    assert 1 <= place.end_column <= len(lines[place.end_line - 1]) + 1, place
    assert (place.line, place.column) <= (place.end_line, place.end_column), place


def hold_words(finding: Diagnostic, sources: Mapping[str, Source]) -> None:
    """Assert that a finding has a message, and that no renderer shows control characters of it."""
    assert finding.message
    shown = render_one(finding, sources)
    assert finding.code.id in shown
    assert all(sign == "\n" or sign.isprintable() for sign in shown), finding
    assert render_one(finding, sources, colour=True)
    told = json.loads(json.dumps(as_data(finding)))
    assert told["message"].startswith(finding.message)
    assert len(told["story"]) == len(finding.story)


def _laid_out(text: str) -> str | None:
    try:
        return format_source(text, FILE)
    except NotFormatted:
        return None


def _hold_formatter(text: str, before: CheckResult) -> None:
    laid_out = _laid_out(text)
    if laid_out is None:
        assert before.errors
        return
    assert format_source(laid_out, FILE) == laid_out
    after = check_text(laid_out, FILE, read=read_used)
    assert after.contract == before.contract
    assert sorted(each.code.id for each in after.diagnostics) == sorted(
        each.code.id for each in before.diagnostics
    )
    if before.contract is not None and after.contract is not None:
        assert contract_digest(after.contract) == contract_digest(before.contract)
