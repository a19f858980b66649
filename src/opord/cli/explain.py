"""`opord explain`: the sheet of a contract, or the page of a finding."""

from __future__ import annotations

import dataclasses
import re
from importlib import resources
from pathlib import Path

import click

from opord.cli.contracts import checked
from opord.cli.errors import CliError
from opord.cli.output import on_terminal, width, write, write_json
from opord.cli.settings import json_option

_CODE = re.compile(r"OP\d{3}", re.IGNORECASE)


@click.command()
@click.argument("subject", metavar="FILE|CODE")
@json_option
def command(subject: str, as_json: bool) -> int:
    """Explain a contract, or a finding by its code.

    For a FILE: the sheet that an operator or an auditor reads. Which states there are, what each can become
    and why, what each action guarantees, who may send what, what is final, which failures can be tried again.

    For a CODE such as OP301: what the finding means, why it matters, and how to mend it.

    \b
    Examples:
      opord explain order.opord
      opord explain OP301
    """
    if _CODE.fullmatch(subject) and not Path(subject).exists():
        _explain_code(subject.upper(), as_json)
        return 0
    result = checked(Path(subject))
    if result.contract is None:
        problem = "has errors" if result.errors else "has types alone, and no contract"
        raise CliError("contract_refused", f"{subject} {problem}; see `opord check {subject}`")
    from opord.language.sheet import explain_sheet, render_text

    sheet = explain_sheet(result.contract)
    if as_json:
        write_json(dataclasses.asdict(sheet))
    else:
        write(render_text(sheet, width=min(width(), 120) if on_terminal() else 100))
    return 0


def _explain_code(code: str, as_json: bool) -> None:
    pages = resources.files("opord.language.diagnostics").joinpath("pages")
    page = pages.joinpath(f"{code}.md")
    if not page.is_file():
        page = pages.joinpath(f"{code.lower()}.md")
    if not page.is_file():
        raise CliError("code_unknown", f"there is no finding {code}; `opord check` names the code of each")
    text = page.read_text(encoding="utf-8")
    if as_json:
        write_json({"code": code, "page": text})
    else:
        write(text.rstrip("\n"))
