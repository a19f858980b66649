"""The ways in which a test names a contract."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from opord.generated.workflow import Workflow
from opord.loading import load
from opord.testing.script import ScriptError

ContractSource: TypeAlias = type[Workflow] | Workflow | ModuleType | str | Path
"""A contract's class, with or without handlers; a module that has one; or a file to be loaded."""


def workflow_of(contract: ContractSource) -> tuple[type[Workflow], Any]:
    """Return a contract's class, and the handlers that are joined with it, if any."""
    if isinstance(contract, Workflow):
        return type(contract), contract.handlers
    if isinstance(contract, type) and issubclass(contract, Workflow):
        return contract, None
    module: Any = load(contract) if isinstance(contract, str | Path) else contract
    workflows = [
        value
        for value in getattr(module, "__dict__", {}).values()
        if isinstance(value, type) and issubclass(value, Workflow) and value.__module__ == module.__name__
    ]
    if len(workflows) != 1:
        raise ScriptError(f"expected a contract's class, got: {contract!r}")
    return workflows[0], None
