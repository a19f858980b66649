"""Helpers for the tests of the sheet: contracts to explain, and readers of the results."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import opord
from opord.contract import Contract
from opord.language.compile import check_file, check_text
from opord.language.sheet import Sheet, explain_sheet

HERE = Path(__file__).parent
ORDER = Path(opord.__file__).parent / "examples" / "orders" / "order.opord"
GOOD = sorted((HERE.parent / "good").glob("*.opord"))
TRIP = HERE.parent / "good" / "travel_saga.opord"
ODD = HERE / "odd.opord"


def sheet_of(path: Path) -> Sheet:
    result = check_file(path)
    assert {each.rule for each in result.errors} <= {"ensure"}
    return explain_sheet(result.model)


def contract_with(action: str, body: str = "commit a(id)\n  goto Z") -> Contract:
    text = (
        f"contract Case(id: str) key id\nfailure F {{ No, Busy transient }}\neffect seen(key: str) -> bool\n{action}\n"
        f"initial state A -> Z {{\n  {body}\n}}\nfinal state Z success\n"
    )
    result = check_text(text)
    assert result.errors == []
    return result.model


VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Reads a page: its elements and their nesting, its anchors, its links, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.anchors: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.unclosed: list[str] = []
        self.declarations: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if found.get("id"):
            self.anchors.append(str(found["id"]))
        if tag == "a":
            self.links.append(str(found.get("href")))
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.unclosed and self.unclosed[-1] != "style":
            self.words.append(data)

    def handle_decl(self, decl: str) -> None:
        self.declarations.append(decl)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)
