"""Every finding as a reader meets it: its contract, the whole rendered text, the fixed contract.

A file `findings/<code>.md` has a section (`## …`) for each case, with these blocks in this order:

- an `opord` block, the bad contract; it has this finding and no other, unless the section says so
- a `text` block, the text that `opord check` writes about it
- an `opord` block, the fixed contract, which has no finding of this code, and no errors

A block such as `opord types.opord` is a file that both contracts use. `OPORD_GOLDEN=rewrite` (`make
golden`) rewrites the `text` blocks; read the diff as prose.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import opord.language.compile
from opord.language import CheckResult, check_text
from opord.language.diagnostics.model import Code, registered_codes
from opord.language.diagnostics.render.human import render
from opord.language.lowering.reach import OutsideFolder
from opord.language.syntax.source import Source

FOLDER = Path(__file__).parent / "findings"
PAGES = Path(opord.language.compile.__file__).parent / "diagnostics" / "pages"
# A contract with so many moves is too long to read beside its finding.
WITHOUT_EXAMPLE = {"OP312"}
CODES = [code for code in registered_codes() if code.rule != "syntax" and code.id not in WITHOUT_EXAMPLE]

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


@dataclass
class Case:
    """One section of a file."""

    file: Path
    title: str
    bad: str = ""
    good: str | None = None
    expected: str | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return self.file.stem

    @property
    def id(self) -> str:
        return f"{self.code} {self.title}"


def cases() -> Iterator[Case]:
    for file in sorted(FOLDER.glob("*.md")):
        parts = _SECTION.split(file.read_text("utf-8"))
        for title, text in zip(parts[1::2], parts[2::2], strict=True):
            yield read_case(Case(file, title.strip()), text)


def read_case(case: Case, text: str) -> Case:
    contracts = []
    for kind, name, content in _FENCE.findall(text):
        if kind == "opord" and name:
            case.files[name] = content
        elif kind == "opord":
            contracts.append(content)
        elif kind == "text":
            case.expected = content
    case.bad = contracts[0]
    case.good = contracts[1] if len(contracts) > 1 else None
    return case


CASES = list(cases())


def check(case: Case, text: str) -> CheckResult:
    def read(path: str) -> str:
        if path.startswith("../"):
            raise OutsideFolder("/contracts/orders", f"/contracts/{path[3:]}", by_link=False)
        if path not in case.files:
            raise FileNotFoundError(path)
        return case.files[path]

    return check_text(text, "order.opord", read=read)


def rendered(case: Case, result: CheckResult) -> str:
    shown = result.diagnostics
    return render(shown, {path: Source(path, text) for path, text in result.sources})


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_golden_text_of_a_finding(case: Case) -> None:
    result = check(case, case.bad)
    found = {each.code.id for each in result.diagnostics}
    assert found == {case.code}
    assert all(each.help for each in result.diagnostics)
    text = rendered(case, result)
    if os.environ.get("OPORD_GOLDEN") and text != case.expected:
        rewrite(case, text)
    else:
        assert text == case.expected


def rewrite(case: Case, text: str) -> None:
    """Write the rendered text into the section; a new one goes after the bad contract."""
    content = case.file.read_text("utf-8")
    at = content.index(f"## {case.title}\n")
    bad_at = content.index(f"```opord\n{case.bad}```", at)
    after = bad_at + len(f"```opord\n{case.bad}```")
    if case.expected is not None:
        old = f"```text\n{case.expected}```"
        old_at = content.index(old, after)
        content = content[:old_at] + f"```text\n{text}```" + content[old_at + len(old) :]
    else:
        content = f"{content[:after]}\n\n```text\n{text}```{content[after:]}"
    case.file.write_text(content, "utf-8")


@pytest.mark.parametrize("case", [case for case in CASES if case.good is not None], ids=lambda case: case.id)
def test_the_fixed_contract_does_not_have_the_finding(case: Case) -> None:
    assert case.good is not None
    result = check(case, case.good)
    assert [each for each in result.errors if each.code.id != case.code] == []
    assert case.code not in {each.code.id for each in result.diagnostics}


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.id)
def test_every_finding_has_a_page_and_its_golden_text(code: Code) -> None:
    page = (PAGES / f"{code.id}.md").read_text("utf-8")
    assert page.startswith(f"# {code.id} {code.rule}: {code.title}\n")
    assert (FOLDER / f"{code.id}.md").exists()


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.id)
def test_the_bad_example_of_a_page_has_the_finding_and_the_good_one_does_not(code: Code) -> None:
    page = (PAGES / f"{code.id}.md").read_text("utf-8")
    case = Case(PAGES / f"{code.id}.md", "page")
    case.files = {name: content for kind, name, content in _FENCE.findall(page) if kind == "opord" and name}
    bad, good = [content for kind, name, content in _FENCE.findall(page) if kind == "opord" and not name]
    assert code.id in {each.code.id for each in check(case, bad).diagnostics}
    mended = check(case, good)
    assert mended.errors == []
    assert code.id not in {each.code.id for each in mended.diagnostics}
