"""`opord explain`: the sheet of a contract. The pages of findings are in `finding_pages`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import checked
from opord.cli.errors import CliError
from opord.cli.finding_pages import explain_finding, is_finding
from opord.cli.output import colour_option, note, on_terminal, width, write, write_json
from opord.cli.settings import json_option, outside_option
from opord.loading.errors import ContractRefused

if TYPE_CHECKING:
    from opord.contract import Contract
    from opord.language.sheet import Sheet, TextKind

_FORMATS = ("text", "json", "markdown", "html")
_WIDTH = 100


@click.command()
@click.argument("subject", metavar="FILE|CODE|RULE", shell_complete=offer_contracts)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="The format of the sheet. html is one page that needs no other file.",
)
@json_option
@colour_option
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@outside_option
def command(subject: str, form: str, as_json: bool, output: Path | None) -> int:
    """Explain a contract, a finding by its code, or a rule by its name.

    For a FILE, this prints the sheet that an operator or an auditor reads. It says what each state
    proves, what can happen next and why, what each action guarantees, who may send what and when,
    what can go wrong and who can act, which promises hold, and where secrets are.

    For a CODE such as OP301, this says what the finding means, why it matters, and how to mend it.
    For a RULE such as exhaustive, it lists the findings of the rule with their codes.

    \b
    Examples:
      opord explain order.opord
      opord explain order.opord --format html -o order.html
      opord explain OP301
      opord explain exhaustive
    """
    form = "json" if as_json else form
    if is_finding(subject) and not Path(subject).is_file():
        if form in ("markdown", "html") or output is not None:
            raise click.UsageError(
                "the page of a finding goes to the terminal only, as text or as --json; leave out the other options"
            )
        explain_finding(subject, as_json=form == "json")
        return 0
    result = checked(Path(subject))
    contract = result.contract
    if result.errors and all(each.rule == "ensure" for each in result.errors):
        contract = result.model
    if contract is None:
        if result.errors:
            raise ContractRefused(subject, result.diagnostics)
        raise CliError(
            "contract_refused", f"{subject} has only types and no contract; see `opord check {subject}`"
        )
    _explain_contract(contract, form, output)
    if result.errors:
        broken = (
            "a promise that does" if len(result.errors) == 1 else f"{len(result.errors)} promises that do"
        )
        raise CliError("contract_refused", f"{subject} has {broken} not hold; see `opord check {subject}`")
    return 0


def _explain_contract(contract: Contract, form: str, output: Path | None) -> None:
    from opord.language.sheet import explain_sheet

    sheet = explain_sheet(contract)
    if output is None:
        if form == "json":
            write_json(sheet.to_plain())
        elif form == "text":
            wide = min(width(), 120) if on_terminal() else _WIDTH
            write(_text(sheet, wide).rstrip("\n"))
        else:
            write(_document(contract, sheet, form).rstrip("\n"))
        return
    text = _text(sheet, _WIDTH, plain=True) if form == "text" else _document(contract, sheet, form)
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as wrong:
        raise CliError("file", f"{output}: {wrong.strerror or wrong}", 2) from wrong
    write(f"{output} written")


def _text(sheet: Sheet, wide: int, plain: bool = False) -> str:
    from opord.language.sheet import render_text

    return render_text(sheet, wide, None if plain else _paint)


def _paint(part: TextKind, line: str) -> str:
    """Style headings and names; colours are left out if they would not be seen."""
    match part:
        case "title":
            return click.style(line, bold=True)
        case "heading":
            return click.style(line, fg="cyan", bold=not line.startswith("="))
        case "name":
            return click.style(line, bold=True)
        case "plain":
            return line
        case _:
            assert_never(part)


def _document(contract: Contract, sheet: Sheet, form: str) -> str:
    from opord.language.sheet import render_html, render_markdown

    if form == "json":
        import json

        return json.dumps(sheet.to_plain(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return render_markdown(sheet) if form == "markdown" else render_html(sheet, _diagram(contract))


def _diagram(contract: Contract) -> str | None:
    """Draw the contract; if that is impossible, say why and go on without the diagram."""
    from opord.codegen import diagram

    try:
        return diagram.to_svg(contract)
    except diagram.DiagramError as wrong:
        note(f"the page has no diagram: {wrong}")
        return None
