"""Write the guarantee sheet as one HTML page for screen and paper.

The page has no scripts and fetches nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib import resources
from typing import assert_never

from opord.language.sheet.contents import lay_out
from opord.language.sheet.model import Sheet
from opord.language.sheet.outline import (
    CodeText,
    Flow,
    Inline,
    InlineLine,
    LabelledRow,
    NameEntry,
    NameLink,
    Paragraph,
    Rows,
    SheetDocument,
    SheetSection,
    StorySteps,
    Table,
    Tag,
)
from opord.language.sheet.visible import visible

# If a text of the contract were ever taken as markup, the page would still run and fetch nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_ALT = "A diagram of the states; all that it shows stands in words below."


def render_html(sheet: Sheet, diagram: str | None = None) -> str:
    """Return a sheet as an HTML page that needs no other file.

    `diagram` is an SVG to show above the rest. It is embedded as an image, so nothing in it can
    run, and its ids and styles do not mix with those of the page.
    """
    return _Page(lay_out(sheet), diagram).text()


class _Page:
    """Writes one document. Names with an entry become links to it."""

    def __init__(self, document: SheetDocument, diagram: str | None) -> None:
        self._document = document
        self._diagram = diagram
        self._entries = {
            block.name
            for section in document.sections
            for block in section.blocks
            if isinstance(block, NameEntry)
        }

    def text(self) -> str:
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        document = self._document
        yield from (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{_text(document.title)}</title>",
            f"<style>\n{_style()}</style>",
            "</head>",
            "<body>",
            "<header>",
            f"<h1>{_text(document.title)}</h1>",
        )
        for paragraph in document.about:
            yield from self._flow(paragraph)
        yield from self._flow(document.summary)
        yield from ("</header>", *self._contents(), "<main>")
        if self._diagram is not None:
            yield from (
                '<section id="diagram">',
                "<h2>The states, and how one becomes another</h2>",
                f'<figure><img src="data:image/svg+xml;base64,{_base64(self._diagram)}" alt="{_ALT}"></figure>',
                "</section>",
            )
        for section in document.sections:
            yield from self._section(section)
        yield from ("</main>", "</body>", "</html>")

    def _contents(self) -> Iterator[str]:
        yield '<nav aria-label="Contents">'
        yield "<ul>"
        for section in self._document.sections:
            yield f'<li><a href="#{section.anchor}">{_text(section.title.partition(":")[0].partition(",")[0])}</a></li>'
        yield "</ul>"
        yield "</nav>"

    def _section(self, section: SheetSection) -> Iterator[str]:
        yield f'<section id="{section.anchor}">'
        yield f"<h2>{_text(section.title)}</h2>"
        for block in section.blocks:
            yield from self._entry(block) if isinstance(block, NameEntry) else self._flow(block)
        yield "</section>"

    def _entry(self, entry: NameEntry) -> Iterator[str]:
        name, tags = entry.name, "".join(f" {_tag(tag)}" for tag in entry.tags)
        signature = "".join(part for part in entry.title if isinstance(part, str))
        after = f"<code>{_text(signature)}</code>" if signature else ""
        yield f'<article id="{_anchor(name)}" class="{name.kind}">'
        yield f'<h3><a href="#{_anchor(name)}">{_text(name.name)}</a>{after}{tags}</h3>'
        for block in entry.blocks:
            yield from self._flow(block)
        yield "</article>"

    def _flow(self, block: Flow) -> Iterator[str]:
        match block:
            case Paragraph(line):
                yield f"<p>{self._line(line)}</p>"
            case Rows(rows):
                yield "<dl>"
                for row in rows:
                    yield self._row(row)
                yield "</dl>"
            case Table(heads, rows):
                yield '<div class="table" tabindex="0">'
                yield "<table>"
                columns = "".join(f'<th scope="col">{_text(head)}</th>' for head in heads)
                yield f"<thead><tr>{columns}</tr></thead>"
                yield "<tbody>"
                for first, *others in rows:
                    cells = "".join(f"<td>{self._line(cell)}</td>" for cell in others)
                    yield f'<tr><th scope="row">{self._line(first)}</th>{cells}</tr>'
                yield "</tbody>"
                yield "</table>"
                yield "</div>"
            case StorySteps(lines):
                yield "<ol>"
                yield from (f"<li>{self._line(line)}</li>" for line in lines)
                yield "</ol>"
            case _:
                assert_never(block)

    def _row(self, row: LabelledRow) -> str:
        definitions = "".join(f"<dd>{self._line(line)}</dd>" for line in row.lines)
        return f"<div><dt>{_text(row.label)}</dt>{definitions}</div>"

    def _line(self, line: InlineLine) -> str:
        return "".join(self._inline(part) for part in line)

    def _inline(self, part: Inline) -> str:
        match part:
            case str():
                return _text(part)
            case NameLink() if part in self._entries:
                return f'<a href="#{_anchor(part)}"><code>{_text(part.name)}</code></a>'
            case NameLink(name=name):
                return f"<code>{_text(name)}</code>"
            case CodeText(text):
                return f"<code>{_text(text)}</code>"
            case Tag():
                return _tag(part)
            case _:
                assert_never(part)


def _anchor(name: NameLink) -> str:
    """Return the anchor of an entry.

    Names consist of letters, digits and `_`, and two names can differ in case only.
    """
    return _text(f"{name.kind}-{name.name}")


def _tag(tag: Tag) -> str:
    return f'<span class="tag {tag.tone}">{_text(tag.text)}</span>'


def _text(text: str) -> str:
    return escape(visible(text), quote=True)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


@cache
def _style() -> str:
    return resources.files("opord.language.sheet").joinpath("style.css").read_text(encoding="utf-8")
