"""The rooms of the package in their order, and what each lists in `__all__`."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent.parent / "src" / "opord"

ORDER = [
    "contract",  # the checked contract: plain data
    "statements",  # the parts of a body, visited in order
    "values",  # canonical JSON, codecs, secrets, durations, checked arithmetic
    "content",  # what a contract is, apart from how it is written, and its digest
    "language",  # source text to checked contract
    "codegen",  # checked contract to Python
    "kernel",  # what a run is, and what comes next
    "generated",  # what generated modules import, and what binds one into a program
    "loading",  # from a file to a program: language, codegen and generated, one after the other
    "story",  # a run's history in words
    "drive",  # what carries one run on and what acts upon it, on any runtime
    "stores",
    "engine",
    "temporal",
    "backends",  # the one protocol of all faces, a module per runtime, and the front
    "errors",  # every error that a program can meet, in one place
    "telemetry",  # numbers, traces and health of a process
    "server",
    "testing",
    "simulate",  # explores a contract with the engine and the virtual time of `testing`
    "lsp",
    "examples",
    "cli",
    "__main__",  # `python -m opord`
]


@cache
def listed(package: Path) -> tuple[str, ...]:
    """Return what a package lists in `__all__`, read without importing it."""
    for node in ast.parse((package / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: tuple[str, ...] = tuple(ast.literal_eval(node.value))
            return names
    return ()
