"""The glossary: one meaning a word, and no class or module with a glossary word for a name that means another thing.

Only what other rooms may use counts, as `tests/test_imports.py` says. A word of the contract language may name up to three
things that are one to a reader: its declaration, the same as it is written, and what it is while a run goes on.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.rooms import ORDER, PACKAGE, listed

PAGE = Path(__file__).parent.parent / "docs" / "glossary.md"
ENTRY = re.compile(r"^\*\*(?P<term>[^*]+)\*\*: (?P<meaning>.+?)(?: In code: (?P<code>.+)\.)?$")

SAME_THING = {
    "contract": "a declaration, checked",
    "language.syntax.tree": "the same as it is written",
    "kernel.requests": "what a step asks for while it runs",
    "values.failure": "what a handler raises",
    "testing": "what a test holds of a run",
}


@cache
def entries() -> dict[str, list[str]]:
    """Return the terms of the page, in its order, each with the names in code that it gives."""
    found = [ENTRY.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return {one["term"]: re.findall(r"`([\w.]+)`", one["code"] or "") for one in found if one is not None}


@cache
def public_modules() -> list[str]:
    """Return the modules that other rooms may use, by their names below `opord`."""

    def below(package: Path) -> list[Path]:
        found = [package]
        for name in listed(package):
            if (package / f"{name}.py").is_file():
                found.append(package / f"{name}.py")
            elif (package / name / "__init__.py").is_file():
                found += below(package / name)
        return found

    paths = [
        path
        for room in ORDER
        for path in (below(PACKAGE / room) if (PACKAGE / room).is_dir() else [PACKAGE / f"{room}.py"])
        if path.exists()
    ]
    return [".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in paths]


@cache
def public_classes() -> list[str]:
    """Return the classes that other rooms may use: those of public modules, and those that a front hands out."""
    found = []
    for module in public_modules():
        folder = PACKAGE.joinpath(*module.split("."))
        if folder.is_dir():
            loaded = import_module(f"opord.{module}")
            handed = [name for name in listed(folder) if isinstance(getattr(loaded, name, None), type)]
            homes = [(name, getattr(loaded, name).__module__.removeprefix("opord.")) for name in handed]
            # One that is public where it stands is not counted twice.
            found += [f"{module}.{name}" for name, home in homes if home not in public_modules()]
        else:
            tree = ast.parse(folder.with_suffix(".py").read_text(encoding="utf-8"))
            found += [f"{module}.{node.name}" for node in tree.body if isinstance(node, ast.ClassDef)]
    return [name for name in found if not name.rpartition(".")[2].startswith("_")]


def named_by(term: str) -> list[str]:
    """Return the public modules and classes that have a term for their name."""
    module, of_class = term.replace(" ", "_"), "".join(word.capitalize() for word in term.split())
    return sorted(
        [name for name in public_modules() if name.rpartition(".")[2] == module and "." in name]
        + [name for name in public_classes() if name.rpartition(".")[2] == of_class]
    )


def test_every_entry_can_be_read() -> None:
    paragraphs = PAGE.read_text(encoding="utf-8").split("\n\n")[2:]
    unread = [text for text in paragraphs if ENTRY.match(text.strip()) is None]
    assert not unread, "\n".join(["expected `**term**: Meaning. In code: `module.Name`.`, got:", *unread])
    assert len(paragraphs) == len(entries()) > 50, "a term stands there twice"


def test_the_terms_stand_in_the_order_of_the_alphabet() -> None:
    assert list(entries()) == sorted(entries())


@pytest.mark.parametrize("term", entries())
def test_what_a_term_names_in_code_is_there(term: str) -> None:
    for name in entries()[term]:
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            if (
                PACKAGE.joinpath(*parts[:length]).is_dir()
                or PACKAGE.joinpath(*parts[:length]).with_suffix(".py").is_file()
            ):
                found = import_module(".".join(["opord", *parts[:length]]))
                for part in parts[length:]:
                    found = getattr(found, part)
                break
        else:
            pytest.fail(f"`{name}` is no name below `opord`")


@pytest.mark.parametrize("term", entries())
def test_a_term_names_one_class_or_module_and_it_is_the_glossarys(term: str) -> None:
    # What another term means is that term's: `server.state` is the server state.
    theirs = [one for other, meant in entries().items() if other != term for one in meant]
    named = [
        name
        for name in named_by(term)
        if not any(name == one or name.startswith(f"{one}.") for one in theirs) or name in entries()[term]
    ]
    same = [name for name in named if name.rpartition(".")[0] in SAME_THING]
    others = [name for name in named if name not in same]
    # A module and the class in it are one thing.
    things = {name for name in others if name.rpartition(".")[0] not in others}
    assert len(things) <= 1, f"`{term}` names several things: {', '.join(named)}"
    meant = entries()[term]
    strangers = [
        name
        for name in named
        if not name.startswith("language.syntax.tree.")
        and not any(name == one or one.startswith(f"{name}.") for one in meant)
    ]
    assert not strangers, f"the glossary says `{term}` is {meant}, and there is {', '.join(strangers)}"


def test_several_things_of_one_name_are_seen() -> None:
    assert named_by("record type") == ["contract.RecordType", "language.syntax.tree.RecordType"]
    assert named_by("inbox") == ["kernel.inbox"]
    assert named_by("store") == ["stores.base.Store"]
