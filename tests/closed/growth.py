"""Add an unknown member to closed unions in a copy of the package, and read what mypy reports.

Each union gets a throw-away member, and each `assert_never(x)` becomes `reveal_type(x)`. mypy skips
unreachable code, so it reports such a line only if `x` can still have a value: the throw-away
member, as it should be, or `Any`. With `Any`, the wildcard would never have noticed a missing case.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from tests.closed.matches import parsed

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "src" / "opord"

_LINE = re.compile(r"opord/(?P<module>[\w/]+\.py):(?P<line>\d+): (?P<level>error|note): (?P<said>.*)")
_ANY = re.compile(r'Revealed type is "(?:[^"]*\b)?Any\b')


class Union(NamedTuple):
    """A closed union: the module and the name of its alias, and the fields of its throw-away class.

    A union of literals gets a text as its throw-away member.
    """

    module: str
    alias: str
    fields: str = ""

    @property
    def member(self) -> str:
        """The name of the throw-away member, which no other union uses."""
        places = Path(self.module).with_suffix("").parts
        return f"Thrown{''.join(place.title() for place in places)}{self.alias}"

    def make(self, *values: Any) -> Any:
        """Return a throw-away member, in a copy of the package in which the union has one."""
        module = import_module(".".join(["opord", *Path(self.module).with_suffix("").parts]))
        return getattr(module, self.member)(*values)


class Said(NamedTuple):
    """A message of mypy about a line of the copy."""

    module: str
    line: int
    text: str


class Growth(NamedTuple):
    """The messages of mypy about the copy.

    `pointed` are the modules where mypy reports a throw-away member, by union. `toothless` are the
    lines with `Any`. `others` are all other messages.
    """

    pointed: dict[Union, set[str]]
    toothless: list[Said]
    others: list[Said]


def grown(unions: Iterable[Union], folder: Path) -> Growth:
    """Add a member to each union in a copy of the package in `folder`; return what mypy reports."""
    copy = folder / "src" / "opord"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("assert_never(", "reveal_type("), encoding="utf-8")
    for union in unions:
        path = copy / union.module
        path.write_text(with_member(path.read_text(encoding="utf-8"), union), encoding="utf-8")
    run = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), "--no-pretty",
            "--no-color-output", "--cache-dir", str(folder / "cache"), str(copy),
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return _sorted_out(run.stdout, list(unions))


def read_with(unions: Iterable[Union], folder: Path, reading: str) -> Any:
    """Add a member to each union in a copy of the package in `folder`; run a module on the copy.

    Return the JSON that the module prints.
    """
    copy = folder / "opord"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for union in unions:
        path = copy / union.module
        path.write_text(with_member(path.read_text(encoding="utf-8"), union), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", reading], env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}, cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def with_member(text: str, union: Union) -> str:
    """Return a module in which the union has its throw-away member."""
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == union.alias:
                return _grown(text, node, node.value, union)
    raise LookupError(f"{union.module} has no alias {union.alias}")


def _grown(text: str, node: ast.stmt, value: ast.expr, union: Union) -> str:
    declared = _at(text, node.lineno, 0)
    match value:
        case ast.Subscript(value=ast.Name("Literal"), slice=members):
            last = members.elts[-1] if isinstance(members, ast.Tuple) else members
            assert last.end_lineno is not None
            assert last.end_col_offset is not None
            end = _at(text, last.end_lineno, last.end_col_offset)
            return f'{text[:end]}, "{union.member}"{text[end:]}'
        case ast.Constant(value=str(written)):
            members_text = f'"{" ".join(written.split())} | {union.member}"'
        case ast.BinOp():
            members_text = f"({ast.unparse(value)} | {union.member})"
        case _:
            raise LookupError(f"{union.alias} in {union.module} is of no form that can be given a member")
    assert value.end_lineno is not None
    assert value.end_col_offset is not None
    start, end = _at(text, value.lineno, value.col_offset), _at(text, value.end_lineno, value.end_col_offset)
    return text[:declared] + _class(union) + text[declared:start] + members_text + text[end:]


def _at(text: str, line: int, column: int) -> int:
    """Return the offset of a place in the syntax tree, whose columns count bytes."""
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def _class(union: Union) -> str:
    fields = [f"    {field.strip()}" for field in union.fields.split(";") if field.strip()] or ["    pass"]
    head = ["import dataclasses as _thrown", "@_thrown.dataclass(frozen=True)", f"class {union.member}:"]
    return "\n".join([*head, *fields, "", ""])


def _sorted_out(output: str, unions: list[Union]) -> Growth:
    pointed: dict[Union, set[str]] = {union: set() for union in unions}
    toothless, others = [], []
    for line in output.splitlines():
        found = _LINE.search(line)
        if found is None or found["said"].startswith(("If match statement", "Maybe you forgot")):
            continue
        said = Said(found["module"], int(found["line"]), found["said"])
        about = [union for union in unions if re.search(rf"\b{union.member}\b", said.text)]
        for union in about:
            pointed[union].add(said.module)
        if _ANY.search(said.text):
            toothless.append(said)
        elif not about and found["level"] == "error":
            others.append(said)
    return Growth(pointed, toothless, others)
