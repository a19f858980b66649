"""Shared by the commands on contracts: read a file, and find the program that is named."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opord.cli.errors import CliError
from opord.cli.settings import allows_outside

if TYPE_CHECKING:
    from opord.kernel.program import Program
    from opord.language import CheckResult

CONTRACT_FILE = click.Path(dir_okay=False, path_type=Path)


def checked(path: Path) -> CheckResult:
    """Check a contract file.

    Raises:
        CliError: it cannot be read.
    """
    from opord.language import check_file

    try:
        return check_file(path, allow_outside=allows_outside())
    except OSError as wrong:
        raise unreadable(path, wrong) from wrong


def unreadable(path: Path, wrong: OSError) -> CliError:
    """Return the error for a file that cannot be read; if it is missing, offer a similar name."""
    near: list[str] = []
    if isinstance(wrong, FileNotFoundError) and path.parent.is_dir():
        from difflib import get_close_matches

        names = [each.name for each in path.parent.iterdir() if each.suffix == ".opord" and each.is_file()]
        near = get_close_matches(path.name, names, 1, cutoff=0.8)
    hint = f"; did you mean `{path.parent / near[0]}`?" if near else ""
    return CliError("file", f"{path}: {wrong.strerror or wrong}{hint}", 2)


def program_at(place: str) -> Program:
    """Return the program of a contract file, or of a generated class (`package.module:Class`).

    Raises:
        CliError: the file, module or class does not exist.
        ContractRefused: the contract has errors.
    """
    from opord.loading import load_program, program_of

    module, colon, name = place.rpartition(":")
    if colon and not Path(place).exists() and not place.endswith(".opord"):
        workflow = found_in(module, name, what="contract")
        try:
            return program_of(workflow)
        except TypeError as wrong:
            raise CliError("contract_unknown", f"{place} is no generated contract: {wrong}", 2) from wrong
    try:
        return load_program(place, allow_outside=allows_outside())
    except OSError as wrong:
        raise unreadable(Path(place), wrong) from wrong


def found_in(module_name: str, name: str, *, what: str) -> Any:
    """Import a module, also from the working directory, and return it or the object called `name`.

    Raises:
        CliError: the module or name does not exist, or the module raises.
    """
    if not all(part.isidentifier() for part in module_name.split(".")):
        message = f"expected {what} as package.module:Name, got {module_name!r}"
        raise CliError(f"{what}_unknown", message, 2)
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        target: Any = import_module(module_name)
    except Exception as wrong:
        missing = isinstance(wrong, ModuleNotFoundError) and module_name.startswith(wrong.name or "?")
        if missing:
            message = f"there is no module `{module_name}` here or among those installed"
            if module_name.endswith(".py"):
                message += f"; without `.py` it is `{module_name.removesuffix('.py')}`"
            raise CliError(f"{what}_unknown", message, 2)
        raise CliError(f"{what}_broken", f"`{module_name}` cannot be imported: {_where(wrong)}", 1) from wrong
    for part in name.split(".") if name else ():
        if not hasattr(target, part):
            raise CliError(f"{what}_unknown", f"`{module_name}` has no `{name}`{_near(part, target)}", 2)
        target = getattr(target, part)
    return target


def _near(name: str, target: Any) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, vars(target) if hasattr(target, "__dict__") else (), 1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _where(wrong: Exception) -> str:
    import traceback

    if isinstance(wrong, SyntaxError) and wrong.filename is not None:
        return f"{type(wrong).__name__}: {wrong.msg} ({wrong.filename}:{wrong.lineno})"
    frames = traceback.extract_tb(wrong.__traceback__)
    last = frames[-1] if frames else None
    message = f"{type(wrong).__name__}: {wrong}"
    return f"{message} ({last.filename}:{last.lineno})" if last is not None else message
