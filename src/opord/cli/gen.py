"""`opord gen`: the Python module of a contract."""

from __future__ import annotations

from pathlib import Path

import click

from opord.cli.contracts import CONTRACT_FILE, checked
from opord.cli.errors import CliError
from opord.cli.output import error, write


@click.command()
@click.argument("files", nargs=-1, required=True, type=CONTRACT_FILE, metavar="FILE…")
@click.option("-o", "--output", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="The folder that the modules go to; made if need be.")  # fmt: skip
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a module is missing or stale."
)
def command(files: tuple[Path, ...], folder: Path, only_check: bool) -> int:
    """Write the Python module of a contract.

    The module has the contract's records, enums, failures, states and events as typed Python, the
    protocol that your handlers fill in, and the steps as code that a debugger can walk through. Do
    not edit it: change the contract and write it again. With --check, a build finds a module that
    was forgotten.

    \b
    Examples:
      opord gen order.opord -o src/shop
      opord gen --check contracts/*.opord -o src/shop
    """
    from opord.codegen import is_stale, module_path, write_module
    from opord.loading.errors import ContractRefused

    stale = 0
    for file in files:
        result = checked(file)
        if result.contract is None:
            if result.errors:
                raise ContractRefused(str(file), result.diagnostics)
            raise CliError(
                "contract_refused", f"{file} has types alone, and no contract: there is nothing to write"
            )
        path = module_path(result.contract, folder)
        if not is_stale(result.contract, result.sources, folder):
            write(f"{path} is up to date")
        elif only_check:
            stale += 1
            what = "is not what the contract gives now" if path.exists() else "is missing"
            error("module_stale", f"{path} {what}; run `opord gen {file} -o {folder}`")
        else:
            write_module(result.contract, result.sources, folder)
            write(f"{path} written")
    return int(stale > 0)
