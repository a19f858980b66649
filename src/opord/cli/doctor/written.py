"""Checks of the contracts in the folder, and of the modules that were generated from them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from opord.cli.contract_files import SKIPPED, contract_files
from opord.cli.doctor.observation import CheckState, Observation
from opord.cli.doctor.secrets import check_secrets
from opord.cli.errors import CliError
from opord.story.counting import counted

if TYPE_CHECKING:
    from opord.contract import Contract
    from opord.language import CheckResult

# Packaging tools make copies in these folders; a copy is as old as the last build.
_COPIES = frozenset({"build", "dist"})


def check_contracts(folder: Path) -> Iterator[Observation]:
    """Check every contract in a folder and below it, and compare generated modules with them."""
    from opord.cli.contracts import checked

    try:
        files = contract_files([str(folder)])
    except CliError:
        yield Observation(
            "contracts", "note", "there are no contracts in this folder", "make a project: opord new NAME"
        )
        return
    modules = _modules(folder)
    for file in files:
        try:
            result = checked(Path(file))
        except CliError as wrong:
            yield Observation(
                "contracts", "wrong", str(wrong), "give this user the right to read it", {"file": file}
            )
            continue
        yield _checked(file, result)
        if result.contract is not None:
            yield from _held(file, result, result.contract, modules)
            yield from check_secrets(file, result.contract)


def _checked(file: str, result: CheckResult) -> Observation:
    errors = len(result.errors)
    warnings = len(result.diagnostics) - errors
    facts = {"file": file, "errors": errors, "warnings": warnings}
    counts = [counted(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    if not counts:
        what = "types alone" if result.contract is None else f"contract {result.contract.name}"
        return Observation("contracts", "fine", f"{file}: {what}, no findings", facts=facts)
    state: CheckState = "wrong" if errors else "warning"
    return Observation("contracts", state, f"{file}: {', '.join(counts)}", f"opord check {file}", facts)


def _modules(folder: Path) -> dict[tuple[str, str], list[Path]]:
    """Find generated modules, by the name of their source file and of their contract."""
    from opord.codegen import origin_of

    modules: dict[tuple[str, str], list[Path]] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            each for each in folders if not each.startswith(".") and each not in SKIPPED | _COPIES
        )
        for name in sorted(names):
            if name.endswith(".py") and (origin := origin_of(Path(place, name))) is not None:
                folders_of = modules.setdefault((origin.file, origin.contract), [])
                if Path(place) not in folders_of:
                    folders_of.append(Path(place))
    return modules


def _held(
    file: str, result: CheckResult, contract: Contract, modules: dict[tuple[str, str], list[Path]]
) -> Iterator[Observation]:
    from opord.codegen import is_stale, module_path, move_away, origin_of

    for folder in modules.get((Path(file).name, contract.name), []):
        path = module_path(contract, folder)
        facts = {"module": str(path), "contract": file}
        if is_stale(contract, result.sources, folder):
            message, command = (
                f"{path} is not the module that {file} generates now",
                f"opord gen {file} -o {folder}",
            )
            origin = origin_of(path)
            if origin is not None and origin.version != contract.version:
                message = f"{path} is the module of version {origin.version}, and {file} has version {contract.version}"
                command = f"{move_away(path, origin)} && {command}"
            yield Observation("modules", "wrong", message, command, facts)
        else:
            yield Observation("modules", "fine", f"{path} is up to date with {file}", facts=facts)
