"""The package is typed completely, as a type checker of another program sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def completeness(package: str, *paths: Path, cwd: Path) -> dict[str, Any]:
    """Ask pyright how much of a package is typed. Python looks for it in `paths` first."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    # Outside of the tree, so that no setting of ours takes part.
    ran = subprocess.run(
        [sys.executable, "-m", "pyright", "--verifytypes", package, "--ignoreexternal", "--outputjson"],
        cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(ran.stdout)
    assert not found["generalDiagnostics"], found["generalDiagnostics"]
    told: dict[str, Any] = found["typeCompleteness"]
    return told


def untyped(told: dict[str, Any]) -> list[str]:
    """List the symbols whose type another type checker would have to guess, each with its place."""
    return [
        f"{finding['file']}:{finding['range']['start']['line'] + 1}: {symbol['name']}: {finding['message']}"
        for symbol in told["symbols"]
        for finding in symbol["diagnostics"]
        if finding["severity"] == "error"
    ]


def test_every_name_of_the_package_has_a_type(tmp_path: Path) -> None:
    told = completeness("opord", ROOT / "src", cwd=tmp_path)
    assert Path(told["packageRootDirectory"]) == ROOT / "src" / "opord"
    assert told["exportedSymbolCounts"]["withKnownType"] > 5000
    assert not untyped(told), "\n".join(["annotate these:", *untyped(told)])
    assert told["completenessScore"] == 1


def test_a_name_without_a_type_is_found(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "py.typed").touch()
    (package / "__init__.py").write_text("limit = len('abc')\ndef order(cents): return cents\n")
    told = completeness("shop", tmp_path, cwd=tmp_path)
    assert {line.split(": ")[1] for line in untyped(told)} == {"shop.limit", "shop.order"}
