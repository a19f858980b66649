"""The sheet as Markdown, read back by a parser.

Tables keep their columns, links have their headings, and texts stay texts.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from opord.language.sheet import render_markdown
from opord.language.sheet.markdown import code, escaped, opening, slug_of
from tests.language.sheet.kit import GOOD, ODD, ORDER, sheet_of

ALL = pytest.mark.parametrize("contract", [ORDER, ODD, *GOOD], ids=lambda path: path.stem)


def parsed(text: str) -> list[Token]:
    """Read Markdown as GitHub does: with tables, struck text, and raw HTML."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def inlines(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def words(token: Token) -> str:
    return "".join(child.content for child in token.children or ())


@ALL
def test_a_sheet_has_no_raw_html_no_accidental_emphasis_and_no_outside_link(contract: Path) -> None:
    tokens = parsed(render_markdown(sheet_of(contract)))
    found = {token.type for token in (*tokens, *inlines(tokens))}
    assert not found & {
        "html_block",
        "html_inline",
        "image",
        "s_open",
        "hr",
        "blockquote_open",
        "fence",
        "code_block",
    }
    links = [str(token.attrs["href"]) for token in inlines(tokens) if token.type == "link_open"]
    assert links != []
    assert all(link.startswith("#") for link in links)


@ALL
def test_every_link_has_a_heading(contract: Path) -> None:
    tokens = parsed(render_markdown(sheet_of(contract)))
    taken: dict[str, int] = {}
    anchors = {
        slug_of(words(tokens[index + 1]), taken)
        for index, token in enumerate(tokens)
        if token.type == "heading_open"
    }
    assert {str(token.attrs["href"])[1:] for token in inlines(tokens) if token.type == "link_open"} <= anchors


@ALL
def test_a_row_of_a_table_has_as_many_cells_as_its_head(contract: Path) -> None:
    text = render_markdown(sheet_of(contract))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    read = [token for token in parsed(text) if token.type == "tr_open"]
    rules = [row for row in rows if set(row) <= set("| -")]
    assert len(read) == len(rows) - len(rules)
    # The parser fills short rows and cuts long ones. The written rows must need neither.
    heads = {rows.index(rule) - 1: rule.count("|") - 1 for rule in rules}
    columns = 0
    for index, row in enumerate(rows):
        columns = heads.get(index, columns)
        assert row.replace("\\|", "").count("|") - 1 == columns, row


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "a | b || c",
        "*stars* and _lines_ and ~~struck~~ and `ticks`",
        "<script>alert(1)</script> &amp; &lt;",
        "[text](javascript:alert(1)) ![image](x) [ref]: y",
        "back\\slash \\| \\` \\* $x$",
        "# no heading",
        "- no item",
        "12. no number",
        "1) no number",
        "> no quote",
        "+ no item",
        "=== no heading",
        "``",
        "`a``b",
    ],
)
def test_a_text_is_read_back_unchanged(text: str) -> None:
    (paragraph,) = [token for token in parsed(opening(escaped(text))) if token.type == "inline"]
    assert words(paragraph) == text
    assert parsed(opening(escaped(text)))[0].type == "paragraph_open"
    (spanned,) = [token for token in parsed(code(text)) if token.type == "inline"]
    assert [(each.type, each.content) for each in spanned.children or ()] == [("code_inline", text)]
    cell = code(text).replace("|", "\\|")
    table = parsed(f"| a | b |\n| --- | --- |\n| {cell} | {escaped(text)} |\n")
    cells = [words(token) for token in table if token.type == "inline"]
    assert cells[2:] == [text, text]


def test_two_names_that_differ_only_in_case_have_two_anchors() -> None:
    taken: dict[str, int] = {}
    assert [slug_of(f"State {name}", taken) for name in ("Ab", "AB")] == ["state-ab", "state-ab-1"]
