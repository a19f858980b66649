"""What an editor is told of a contract has no control and no hidden signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from opord.lsp.features import hints, hover, lenses, outline, problems, sheet, signature_help
from opord.lsp.features.completion import complete
from tests.lsp.kit import analyse
from tests.support.nasty import CONTRACT, raw


def texts(answer: Any) -> Iterator[str]:
    """Yield every text in an answer."""
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, dict):
        yield from texts(list(answer.values()))
    elif isinstance(answer, list | tuple):
        for part in answer:
            yield from texts(part)
    elif is_dataclass(answer):
        for member in fields(answer):
            yield from texts(getattr(answer, member.name))


def test_no_answer_about_a_place_is_raw() -> None:
    analysis = analyse(CONTRACT)
    told = [
        text
        for offset in analysis.tokens.starts
        for answer in (
            hover.hover(analysis, offset),
            signature_help.signature_help(analysis, offset),
            complete(analysis, offset)[1],
        )
        for text in texts(answer)
    ]
    assert sum("alert(1)" in text for text in told) > 20, "comments are shown"
    assert [text for text in told if raw(text)] == []


def test_no_answer_about_a_file_is_raw() -> None:
    analysis = analyse(CONTRACT)
    answers = (
        [(each.message, each.help) for each in analysis.diagnostics],
        problems.problems(analysis),
        outline.outline(analysis),
        hints.hints(analysis, (0, len(analysis.text))),
        lenses.lenses(analysis),
    )
    assert [text for text in texts(answers) if raw(text)] == []
    assert raw(sheet.explained(analysis)) == []
