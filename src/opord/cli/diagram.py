"""`opord diagram`: the picture of a contract."""

from __future__ import annotations

from pathlib import Path

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import CONTRACT_FILE, checked
from opord.cli.errors import CliError
from opord.cli.output import write
from opord.cli.settings import outside_option

_FORMATS = ("svg", "dot", "mermaid")
_BY_ENDING = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid"}


@click.command()
@click.argument("file", type=CONTRACT_FILE, metavar="FILE", shell_complete=offer_contracts)
@click.option("--format", "form", type=click.Choice(_FORMATS),
              help="What to write. The default comes from the ending of the output file; without a file it is svg.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The file to write. Without it, the drawing goes to standard output.")  # fmt: skip
@click.option("--theme", type=click.Choice(("auto", "light", "dark")), default="auto", show_default=True,
              help="The colours of an SVG. auto follows the reader's own setting, light or dark.")  # fmt: skip
@click.option("--highlight", metavar="STATES", default="",
              help="Light up a path in an SVG: names of states, separated by commas.")  # fmt: skip
@click.option("--legend", is_flag=True, help="Explain the shapes and signs below an SVG.")
@outside_option
def command(
    file: Path, form: str | None, output: Path | None, theme: str, highlight: str, legend: bool
) -> int:
    """Draw a contract.

    The drawing has the states, the phases, the moves with their causes, and what each state
    commits. Graphviz lays out an SVG; it comes with `pip install 'opord[diagram]'`. dot and mermaid
    are texts for other tools and need nothing more. The same contract gives the same bytes.

    \b
    Examples:
      opord diagram order.opord -o order.svg
      opord diagram --format mermaid order.opord
      opord diagram --highlight Received,Review,Charging order.opord -o run.svg
    """
    from opord.codegen import diagram
    from opord.loading.errors import ContractRefused

    output_form = form or _form_of(output)
    result = checked(file)
    if result.contract is None:
        if result.errors:
            raise ContractRefused(str(file), result.diagnostics)
        raise CliError(
            "contract_refused", f"{file} has only types and no contract, so there is nothing to draw"
        )
    if output_form == "svg":
        way = [name for part in highlight.split(",") if (name := part.strip())]
        _hold_known(way, [state.name for state in result.contract.states])
        try:
            text = diagram.to_svg(
                result.contract,
                theme=next(each for each in diagram.THEMES if each == theme),
                highlight=way,
                legend=legend,
            )
        except diagram.DiagramError as wrong:
            raise CliError(wrong.code, str(wrong)) from wrong
    else:
        text = (diagram.to_dot if output_form == "dot" else diagram.to_mermaid)(result.contract)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")
        write(f"{output} written")
    return 0


def _form_of(output: Path | None) -> str:
    """Return the form that the ending of the output file asks for; without an ending it is svg.

    Raises:
        UsageError: the ending is of a form that is not drawn here.
    """
    ending = output.suffix.lower() if output is not None else ""
    if not ending:
        return "svg"
    if ending not in _BY_ENDING:
        raise click.UsageError(
            f"{output}: no drawing ends in {ending}; give a name that ends in {', '.join(_BY_ENDING)}, "
            "or say --format"
        )
    return _BY_ENDING[ending]


def _hold_known(way: list[str], states: list[str]) -> None:
    from opord.language.diagnostics.suggest import nearest

    for name in way:
        if name not in states:
            near = nearest(name, states)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(states)}"
            raise CliError("usage", f"the contract has no state `{name}`; {hint}", 2)
