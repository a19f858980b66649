"""Helpers for the tests of diagrams: contracts, and readers of SVG."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

from opord.contract import Contract
from opord.language import check_file, check_text

SVG = "{http://www.w3.org/2000/svg}"
ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
ORDER = ROOT / "tests" / "codegen" / "golden" / "order.opord"
CLAIM = GOLDEN / "claim.opord"

HEAD = """\
contract Try(id: str, cents: int, due: datetime, note: str?) key id
failure Bad { Declined(reason: str), Lost, Busy transient }
role clerk, manager
event approve(text: str) by clerk | manager
event skip()
pure risk(id: str, cents: int) -> float
effect look(id: str) -> int fails Bad { timeout 2s }
action pay(id: str) -> str fails Bad { key id, repeatable, in doubt report }
action tell(id: str) { in doubt skip, repeatable }
"""
ENDS = "\nfinal state Done success\nfinal state Failed failure\nfinal state Gone cancelled\n"


def contract_of(path: Path) -> Contract:
    """Return the contract of a file without errors."""
    result = check_file(path)
    assert result.contract is not None, result.errors
    return result.contract


def model_of(text: str) -> Contract:
    """Return the contract that can be read from a text, with or without errors."""
    return check_text(text).model


def read(svg: str) -> Element:
    """Parse an SVG."""
    return fromstring(svg)


def by_id(root: Element, name: str) -> Element:
    """Return the element with an id."""
    (found,) = [each for each in root.iter() if each.get("id") == name]
    return found


def texts(element: Element) -> list[str]:
    """List the lines of text in an element, without its tooltips."""
    return ["".join(each.itertext()) for each in element.iter(f"{SVG}text")]


def tooltip(element: Element) -> str:
    """Return the tooltip of an element."""
    return element.findtext(f"{SVG}title") or ""


def classes(element: Element) -> set[str]:
    """Return the classes of an element."""
    return set((element.get("class") or "").split())


HOSTILE = (
    f'## </desc><script>alert("&amp;")</script> \\N {{x}}\n{HEAD}'
    'initial state First -> Done | Failed { if id == "</text><b>&" { goto Failed }\n goto Done }'
    f"{ENDS}"
)
