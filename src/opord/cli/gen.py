"""`opord gen`: the Python module of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import CONTRACT_FILE, checked
from opord.cli.errors import CliError
from opord.cli.output import error, write
from opord.cli.settings import outside_option

if TYPE_CHECKING:
    from opord.contract import Contract


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=CONTRACT_FILE, metavar="FILE…", shell_complete=offer_contracts
)
@click.option("-o", "--output", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="The folder to write the modules to. It is created if it is missing.")  # fmt: skip
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing. Exit 1 if a module is missing or out of date."
)
@outside_option
def command(files: tuple[Path, ...], folder: Path, only_check: bool) -> int:
    """Write the Python module of a contract.

    The module has the contract's records, enums, failures, states and events as typed Python. It
    also has the protocol that your handlers implement, and the steps as code that a debugger can
    follow. Do not edit it: change the contract and run this command again. In a build, --check
    finds a module that somebody forgot to write again.

    The newest version of a contract becomes `order.py`. Older ones that are given with it become
    `order_v1.py` and so on. The module of a version that is not given is never overwritten.

    \b
    Examples:
      opord gen order.opord -o src/shop
      opord gen order.opord order.v1.opord -o src/shop
      opord gen --check contracts/*.opord -o src/shop
    """
    from opord.codegen import OtherModule, is_stale, module_path, write_module

    if folder.suffix in (".py", ".pyi") and not folder.is_dir():
        raise click.UsageError(
            f"-o names a folder, and {folder} is the name of a module; the module is called as its contract: "
            f"write -o {folder.parent}"
        )
    results = [_with_contract(file) for file in files]
    beside = [contract for contract, _ in results]
    files_by_path: dict[Path, Path] = {}
    stale = 0
    for file, (contract, sources) in zip(files, results, strict=True):
        path = module_path(contract, folder, beside)
        earlier = files_by_path.setdefault(path, file)
        if earlier != file:
            raise CliError(
                "module_other_version",
                f"{earlier} and {file} would both be written to {path}; give one of the contracts another name or version",
            )
        if not is_stale(contract, sources, folder, beside):
            write(f"{path} is up to date")
        elif only_check:
            stale += 1
            what = "is out of date" if path.exists() else "is missing"
            error("module_stale", f"{path} {what}; run `opord gen {_shown(files)} -o {folder}`")
        else:
            try:
                write_module(contract, sources, folder, beside)
            except OtherModule as other:
                raise CliError("module_other_version", str(other)) from other
            write(f"{path} written")
    return int(stale > 0)


def _with_contract(file: Path) -> tuple[Contract, Sequence[tuple[str, str]]]:
    """Return the contract of a file, and its texts.

    Raises:
        ContractRefused: it has errors.
        CliError: it cannot be read, or has types alone.
    """
    from opord.loading.errors import ContractRefused

    result = checked(file)
    if result.contract is None:
        if result.errors:
            raise ContractRefused(str(file), result.diagnostics)
        raise CliError(
            "contract_refused", f"{file} has only types and no contract, so there is nothing to write"
        )
    return result.contract, result.sources


def _shown(files: Sequence[Path]) -> str:
    return " ".join(map(str, files[:5])) + (" …" if len(files) > 5 else "")
