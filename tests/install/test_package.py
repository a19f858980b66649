"""What is built has all that it needs and no more, and its page works on an index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.install.lowest import ROOT, project
from tests.install.package import problems_of_sdist, problems_of_wheel

TREE = ["src/opord/__init__.py", "src/opord/py.typed", "README.md", "tests/test_a.py", ".ci/run", "LICENSE"]
WHEEL = [
    "opord/__init__.py",
    "opord/py.typed",
    "opord-1.dist-info/licenses/LICENSE",
    "opord-1.dist-info/entry_points.txt",
]
SDIST = ["opord-1/" + name for name in [*TREE, "PKG-INFO"] if name != ".ci/run"]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)|<(?:a|img)[^>]+(?:href|src)=[\"']([^\"']+)")
ELSEWHERE = ("https://", "mailto:", "#")


def links(text: str) -> list[str]:
    """List where the links and pictures of a page lead to. Code is none of it."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    return [inline or tag for inline, tag in LINK.findall(prose)]


def index_page() -> str:
    return (ROOT / project()["readme"]).read_text(encoding="utf-8")


def test_the_page_of_an_index_has_no_link_that_leads_nowhere_there() -> None:
    broken = [link for link in links(index_page()) if not link.startswith(ELSEWHERE)]
    assert not broken, f"there is no such place beside the page of an index: {', '.join(broken)}"


@pytest.mark.parametrize(
    ("text", "led"),
    [
        ("see [a](docs/a.md)", ["docs/a.md"]),
        ("![a picture](images/a.svg 'title')", ["images/a.svg"]),
        ('<img src="a.png">', ["a.png"]),
        ("[a](https://example.org/a) and [b](#b)", ["https://example.org/a", "#b"]),
        ("`[a](b.md)` is code, and so is\n```\n[a](b.md)\n```\n", []),
    ],
)
def test_links_are_found(text: str, led: list[str]) -> None:
    assert links(text) == led


def test_every_link_of_the_readme_leads_to_a_file_of_the_tree() -> None:
    found = links((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(found) > 10
    relative = [link.partition("#")[0] for link in found if not link.startswith(ELSEWHERE)]
    assert [link for link in relative if not (ROOT / link).exists()] == []


def test_both_pages_tell_the_same_contract_and_the_same_reasons() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for part in (
        re.compile(r"```opord\n.*?```", re.DOTALL),
        re.compile(r"## What it prevents\n.*?(?=\n## )", re.DOTALL),
    ):
        (mine,), (theirs,) = part.findall(readme), part.findall(index_page())
        assert mine == theirs


def test_extras_that_the_pages_name_are_there() -> None:
    extras = project()["optional-dependencies"]
    for page in (index_page(), (ROOT / "README.md").read_text(encoding="utf-8")):
        named = {name for found in re.findall(r"(?:opord|\.)\[([\w,]+)\]", page) for name in found.split(",")}
        assert named
        assert named <= extras.keys()


def test_the_licence_is_named_and_shipped() -> None:
    assert (project()["license"], project()["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert (ROOT / "src" / "opord" / "py.typed").is_file()
    assert not [line for line in project()["classifiers"] if line.startswith("License ::")]


def test_a_whole_package_has_no_problem() -> None:
    assert list(problems_of_wheel(WHEEL, TREE)) == []
    assert list(problems_of_sdist(SDIST, TREE)) == []


def test_what_is_missing_and_what_is_too_much_is_named() -> None:
    assert list(problems_of_wheel([*WHEEL[1:-1], "tests/test_a.py"], TREE)) == [
        "the wheel lacks opord/__init__.py",
        "the wheel has tests/test_a.py, which is not in the tree",
        "the wheel lacks entry_points.txt",
    ]
    assert list(problems_of_sdist([*SDIST[1:], "opord-1/opord.db"], TREE)) == [
        "the source distribution lacks src/opord/__init__.py",
        "the source distribution has opord.db, which is not in the tree",
        "opord.db was left behind by a run or a tool",
    ]


def test_what_the_source_distribution_names_is_there() -> None:
    settings = tomllib.loads(Path(ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [name for name in named if not (ROOT / name.strip("/")).exists()] == []
