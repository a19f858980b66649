"""Texts are the same on every system: encodings, line ends, and the names of files."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import opord
import opord.examples.orders
from opord.codegen import generate
from opord.language import check_text
from opord.language.syntax.formatter import format_source
from opord.language.syntax.source import read_source, with_slashes

PACKAGE = Path(opord.__file__).parent
CONTRACT = Path(opord.examples.orders.__file__).with_name("order.opord").read_text(encoding="utf-8")
OF_WINDOWS = CONTRACT.replace("\n", "\r\n")

WRONG = "contract Desk(id: str) key id\ninitial state Ä -> Done { goto Done }\nfinal state Done success\n"
PROGRAM = [sys.executable, "-c", "from opord.cli import main; main()"]


def test_the_formatter_keeps_the_line_ends_of_a_file() -> None:
    assert format_source(CONTRACT) == CONTRACT
    assert format_source(OF_WINDOWS) == OF_WINDOWS
    assert format_source(OF_WINDOWS.replace("  ", "   ")) == OF_WINDOWS


def test_the_first_line_end_decides_where_they_are_mixed() -> None:
    first, rest = CONTRACT.split("\n", 1)
    assert format_source(f"{first}\r\n{rest}") == OF_WINDOWS
    assert format_source(f"{first}\n{rest.replace(chr(10), chr(13) + chr(10))}") == CONTRACT


def test_line_ends_change_no_generated_module() -> None:
    modules = []
    for text in (CONTRACT, OF_WINDOWS):
        result = check_text(text, "order.opord")
        assert result.contract is not None
        modules.append(generate(result.contract, result.sources))
    assert modules[0] == modules[1]


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf# a\r\n# \x1a b\r\n"
    (tmp_path / "a.opord").write_bytes(content)
    assert read_source(tmp_path / "a.opord") == content


@pytest.mark.parametrize(
    ("path", "separator", "shown"),
    [
        (r"contracts\orders\a.opord", "\\", "contracts/orders/a.opord"),
        (r"C:\shop\a.opord", "\\", "C:/shop/a.opord"),
        ("contracts/a.opord", "\\", "contracts/a.opord"),
        (r"odd\name.opord", "/", r"odd\name.opord"),  # a backslash is a letter of a POSIX name
    ],
)
def test_findings_name_files_with_slashes(path: str, separator: str, shown: str) -> None:
    assert with_slashes(path, separator) == shown


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "ä.opord").write_text(WRONG, encoding="utf-8")
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, env=os.environ | environment, capture_output=True, timeout=60
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437", "ascii:strict"])
def test_what_an_encoding_does_not_have_is_escaped(tmp_path: Path, encoding: str) -> None:
    ran = run(tmp_path, "check", "ä.opord", PYTHONIOENCODING=encoding)
    assert (ran.returncode, ran.stderr) == (1, b"")
    assert b"names are made of the letters a to z" in ran.stdout


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize("form", ["json", "sarif"])
def test_json_stays_json_in_every_encoding(tmp_path: Path, encoding: str, form: str) -> None:
    ran = run(tmp_path, "check", "--format", form, "ä.opord", PYTHONIOENCODING=encoding)
    assert (ran.returncode, ran.stderr) == (1, b"")
    found = json.loads(ran.stdout.decode(encoding))
    if form == "json":
        assert found[0]["file"] == "ä.opord"


def test_a_pipe_gets_utf_8_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    settings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    ran = run(tmp_path, "check", "ä.opord", **settings)
    assert "│" in ran.stdout.decode("utf-8")


# --- Every file that the package opens ----------------------------------------------------------


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Yield the calls that open a file as text: the place, the call, and the name of it."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (name := called(node)) and not is_binary(node):
                yield f"{file.relative_to(PACKAGE)}:{node.lineno}", node, name


def called(node: ast.Call) -> str | None:
    match node.func:
        case ast.Name("open"):
            return "open"
        case ast.Attribute(attr="read_text" | "write_text" | "fdopen" as name):
            return name
        case ast.Attribute(ast.Call(ast.Name("Path")), "open"):
            return "open"
        case _:  # open: whatever else is called
            return None


def is_binary(node: ast.Call) -> bool:
    modes = [
        part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return any("b" in mode and len(mode) <= 3 for mode in modes)


def test_every_text_file_is_opened_with_its_encoding_and_written_with_its_line_ends() -> None:
    found = list(calls())
    assert len(found) > 5
    wrong = []
    for place, node, name in found:
        given = {keyword.arg for keyword in node.keywords}
        wrong += [f"{place}: {name} without {lost}" for lost in {"encoding"} - given]
        wrong += [f"{place}: {name} without {lost}" for lost in {"newline"} - given if name == "write_text"]
    assert not wrong, "\n".join(["Windows would take another encoding or other line ends:", *wrong])
