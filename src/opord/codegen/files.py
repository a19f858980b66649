"""Generated modules on disk: written, and held against their contracts."""

from __future__ import annotations

from pathlib import Path

from opord import contract as ir
from opord.codegen.names import module_name
from opord.codegen.python import Sources, generate


def module_path(contract: ir.Contract, folder: Path) -> Path:
    """Return where a contract's module goes."""
    return folder / f"{module_name(contract)}.py"


def write_module(contract: ir.Contract, sources: Sources, folder: Path) -> Path:
    """Write a contract's module into `folder`, which is made if need be; a module that fits stays untouched."""
    path = module_path(contract, folder)
    if is_stale(contract, sources, folder):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(generate(contract, sources), encoding="utf-8", newline="\n")
    return path


def is_stale(contract: ir.Contract, sources: Sources, folder: Path) -> bool:
    """Say whether the module in `folder` is missing or is not what the contract gives now."""
    path = module_path(contract, folder)
    try:
        return path.read_text(encoding="utf-8") != generate(contract, sources)
    except (OSError, UnicodeDecodeError):
        return True
