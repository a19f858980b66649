"""Contracts with a cursor in them (`‸`), and short ways to ask a feature about the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opord.language.syntax.source import Source
from opord.lsp.analysis import Analysis
from opord.lsp.features import (
    actions,
    colours,
    folding,
    formatting,
    hints,
    hover,
    lenses,
    navigate,
    outline,
    problems,
    signature_help,
)
from opord.lsp.features import rename as renames
from opord.lsp.features.completion import Offer, complete

CURSOR = "‸"
ROOT = Path(__file__).parent.parent.parent
EXAMPLE = (ROOT / "src" / "opord" / "examples" / "orders" / "order.opord").read_text(encoding="utf-8")

DESK = """\
## Lends books.
contract Desk(book: Book, reader: str) key book.id
## What is lent.
record Book { id: str, title: str, pages: int = 1, shelf: Shelf, tags: map[str, int], note: str? }
enum Shelf { upper, Lower(row: int) }
failure Refusal { No(reason: str), Busy transient, Never settles }
role clerk, boss
event decide(note: str, score: int) by clerk | boss
pure fee(book: Book) -> decimal
effect look(id: str) -> Book? fails Refusal { timeout 2s }
## Lends it.
action lend(book: Book, days: int) -> str fails Refusal { key book.id, in doubt report }
action remind(text: str) { in doubt skip }
"""
ENDS = """
state Lent(slip: str, days: int) -> Back {\n  commit remind("{slip}")\n  goto Back\n}
final state Back success
final state Lost(why: str) failure
"""


def acting(body: str, targets: str = "Lent | Back | Lost") -> str:
    """Write a contract whose initial state has this body."""
    return f"{DESK}\ninitial state Start -> {targets} {{\n  {body}\n}}\n{ENDS}"


def waiting(body: str) -> str:
    """Write a contract with a state that waits with these handlers and has a field `since`."""
    return (
        f"{DESK}\ninitial state Start -> Waiting {{ goto Waiting(now) }}\n"
        f"state Waiting(since: datetime) -> Back | Lost {{\n  {body}\n}}\n{ENDS}"
    )


def at_cursor(text: str) -> tuple[Analysis, int]:
    """Analyse a text without its cursor, and return the offset of the cursor."""
    offset = text.index(CURSOR)
    return analyse(text.replace(CURSOR, "")), offset


def analyse(text: str, **files: str) -> Analysis:
    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    return Analysis(Source("desk.opord", text), read)


def offers(text: str) -> list[Offer]:
    return complete(*at_cursor(text))[1]


def labels(text: str) -> list[str]:
    return [each.label for each in offers(text)]


def ask_everything(analysis: Analysis, offset: int) -> Iterator[Any]:
    """Ask every feature that answers about a place."""
    yield hover.hover(analysis, offset)
    yield navigate.definition(analysis, offset)
    yield navigate.references(analysis, offset)
    yield navigate.highlights(analysis, offset)
    yield signature_help.signature_help(analysis, offset)
    yield actions.actions(analysis, (offset, offset))
    yield complete(analysis, offset)
    try:
        yield renames.prepare(analysis, offset)
    except renames.RenameRefused as why:
        yield str(why)


def ask_of_file(analysis: Analysis) -> Iterator[Any]:
    """Ask every feature that answers about a whole file."""
    yield problems.problems(analysis)
    yield colours.coloured(analysis)
    yield folding.folds(analysis)
    yield outline.outline(analysis)
    yield outline.find([analysis], "a")
    yield hints.hints(analysis, (0, len(analysis.text)))
    yield lenses.lenses(analysis)
    yield actions.fix_all(analysis)
    try:
        yield formatting.formatted(analysis)
    except formatting.FormattingRefused as why:
        yield str(why)
