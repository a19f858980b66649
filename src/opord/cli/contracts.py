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
        CliError: it cannot be read, or is Python code.
    """
    from opord.language import check_file

    refuse_python(str(path), class_too=False)
    try:
        return check_file(path, allow_outside=allows_outside())
    except OSError as wrong:
        raise unreadable(path, wrong) from wrong


def unreadable(path: Path, wrong: OSError) -> CliError:
    """Return the error for a file that cannot be read. For a missing one, offer what is meant."""
    hint = _meant(path) if isinstance(wrong, FileNotFoundError) else ""
    return CliError("file", f"{path}: {wrong.strerror or wrong}{hint}", 2)


def _meant(path: Path) -> str:
    """Say which file may be meant by one that does not exist, or how a contract is named."""
    if not path.parent.is_dir():
        return ""
    from difflib import get_close_matches

    from opord.cli.contract_files import files_of_contract

    if having := files_of_contract(path.name, path.parent):
        return f"; the contract {path.name} is in {' and in '.join(f'`{each}`' for each in having)}"
    names = [each.name for each in path.parent.iterdir() if each.suffix == ".opord" and each.is_file()]
    if near := get_close_matches(path.name, names, 1, cutoff=0.8):
        return f"; did you mean `{path.parent / near[0]}`?"
    return "" if path.suffix else "; a contract is named by its file, such as order.opord"


def refuse_python(place: str, *, class_too: bool = True) -> None:
    """Refuse Python code where a contract's file is wanted, or its generated class if `class_too`.

    Raises:
        CliError: it is; the message says how a contract is named.
    """
    file, _, name = place.partition(":")
    if not file.endswith((".py", ".pyi")):
        return
    by_class = f", or its generated class, as in `{_dotted(file)}:{name or 'Name'}`" if class_too else ""
    message = f"{place} is Python code; a contract is a file such as order.opord{by_class}"
    raise CliError("contract_unknown", message, 2)


def _dotted(file: str) -> str:
    """Return the module of a file, as it is imported from the working directory."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    parts = [part for part in path.with_suffix("").parts if part not in (path.anchor, ".", "..")]
    return ".".join(parts[:-1] if parts[-1:] == ["__init__"] else parts)


def program_at(place: str) -> Program:
    """Return the program of a contract file, or of a generated class (`package.module:Class`).

    Raises:
        CliError: the file, module or class does not exist.
        ContractRefused: the contract has errors.
    """
    from opord.loading import load_program, program_of

    refuse_python(place)
    module, colon, name = place.rpartition(":")
    if colon and not Path(place).exists() and not place.endswith(".opord"):
        workflow = found_in(module, name, what="contract")
        try:
            return program_of(workflow)
        except TypeError as wrong:
            raise CliError("contract_unknown", f"{place} is not a generated contract: {wrong}", 2) from wrong
    try:
        return load_program(place, allow_outside=allows_outside())
    except OSError as wrong:
        raise unreadable(Path(place), wrong) from wrong


def found_in(module_name: str, name: str, *, what: str) -> Any:
    """Import a module, also from the working directory, and return it or the object called `name`.

    Raises:
        CliError: the module or name does not exist, or the module raises.
    """
    if "/" in module_name or not all(part.isidentifier() for part in module_name.split(".")):
        raise CliError(f"{what}_unknown", _no_module_name(module_name, name, what), 2)
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        target: Any = import_module(module_name)
    except Exception as wrong:
        missing = isinstance(wrong, ModuleNotFoundError) and module_name.startswith(wrong.name or "?")
        if missing:
            message = f"there is no module `{module_name}` in this folder or among the installed packages"
            raise CliError(f"{what}_unknown", message + _other_spelling(module_name, name), 2)
        from opord.backends.own_code import told

        raise CliError(f"{what}_broken", f"`{module_name}` cannot be imported: {told(wrong)}", 1) from wrong
    for part in name.split(".") if name else ():
        if not hasattr(target, part):
            raise CliError(f"{what}_unknown", f"`{module_name}` has no `{name}`{_near(part, target)}", 2)
        target = getattr(target, part)
    return target


def _near(name: str, target: Any) -> str:
    near = _nearest(name, target)
    return f"; did you mean `{near}`?" if near else ""


def _nearest(name: str, target: Any) -> str | None:
    from difflib import get_close_matches

    near = get_close_matches(name, vars(target) if hasattr(target, "__dict__") else (), 1)
    return near[0] if near else None


def _no_module_name(module_name: str, name: str, what: str) -> str:
    """Say how a module is named, to somebody who names something else."""
    if module_name.endswith(".opord"):
        return (
            f"{module_name} is a contract; {what} are a Python module, or a class in one: package.module:Name"
        )
    if module_name.endswith(".py"):
        as_in = f"`{_dotted(module_name)}:{name or 'Name'}`"
        return f"{module_name} is a file; {what} are named as Python imports them, as in {as_in}"
    return f"expected {what} as package.module:Name, got {module_name!r}"


def _other_spelling(module_name: str, name: str) -> str:
    """Return the spelling that is probably meant for a module that does not exist; or nothing."""
    if module_name.endswith(".py"):
        return f"; without `.py` it is `{module_name.removesuffix('.py')}{f':{name}' if name else ''}`"
    if module_name.endswith(".opord"):
        return "; it is a contract, and handlers are a Python module, or a class in one: package.module:Name"
    home, _, last = module_name.rpartition(".")
    inside = sys.modules.get(home)  # the import has tried it before
    if inside is None or name:
        return ""
    near = _nearest(last, inside)
    return (
        f"; did you mean `{home}:{last if hasattr(inside, last) else near}`?"
        if hasattr(inside, last) or near
        else ""
    )
