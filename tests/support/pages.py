"""The pages of the documents, as the fenced blocks that stand on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Block:
    """A fenced block: its place, what it is, and its text without the fence's indentation."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str
    file: str | None = None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    """Find the fenced blocks of a page; one that is never closed fails the page."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        opening = re.match(r"^(\s*)(`{3,})([\w-]*)\s*(.*)$", line)
        if opening is None:
            continue
        indent, fence, language, rest = opening.groups()
        body: list[str] = []
        for _, inner in lines:
            if re.fullmatch(rf"\s*{fence}`*\s*", inner):
                break
            body.append(inner.removeprefix(indent))
        else:
            pytest.fail(f"{page.relative_to(ROOT)}:{number}: the block is never closed")
        words = rest.split()
        file = next((word.removeprefix("file=") for word in words if word.startswith("file=")), None)
        plain = tuple(word for word in words if not word.startswith("file="))
        yield Block(page, number, language, plain, "\n".join(body) + "\n", file)
