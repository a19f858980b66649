"""The front of `opord.testing`: its names exist, and pytest starts no slower with the plugin."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import opord.testing


def test_every_public_name_is_there_and_known_to_type_checkers() -> None:
    tree = ast.parse(Path(str(opord.testing.__file__)).read_text(encoding="utf-8"))
    typed = [
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("opord.testing.")
        for alias in node.names
    ]
    assert sorted(map(str, typed)) == sorted(opord.testing._HOMES)
    assert set(opord.testing._HOMES) <= set(opord.testing.__all__)
    assert all(getattr(opord.testing, name).__name__ == name for name in opord.testing._HOMES)
    with pytest.raises(AttributeError, match="has no attribute 'Wrld'; it has: Fake"):
        _ = opord.testing.Wrld


def test_the_plugin_loads_nothing_heavy_before_it_is_used() -> None:
    code = "import pytest, opord.testing.plugin, sys; print(sorted({'msgspec', 'apsw'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"
