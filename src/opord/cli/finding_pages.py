"""The pages of `opord explain` about findings: the page of one finding, and the list of a rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, assert_never, get_args

from opord.cli.errors import CliError
from opord.cli.output import has_colour, on_terminal, width, write, write_json

if TYPE_CHECKING:
    from opord.language.diagnostics import Code

_CODE = re.compile(r"OP\d+", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][a-z]*")
_SILENCED = ", which `# opord: allow` can silence"


def is_finding(subject: str) -> bool:
    """Say whether this can be the code of a finding or the name of a rule."""
    return bool(_CODE.fullmatch(subject) or _WORD.fullmatch(subject))


def explain_finding(subject: str, *, as_json: bool) -> None:
    """Write the page of a finding, or the findings of a rule.

    Raises:
        CliError: no finding or rule has that name.
    """
    if _CODE.fullmatch(subject):
        _explain_code(subject.upper(), as_json)
    else:
        _explain_rule(subject, as_json)


def _codes_by_id() -> dict[str, Code]:
    import opord.language.compile  # noqa: F401 - importing it declares the codes
    from opord.language.diagnostics.model import registered_codes

    return {each.id: each for each in registered_codes()}


def _explain_code(code: str, as_json: bool) -> None:
    from opord.language.diagnostics.render.sarif import page_of

    pages = _codes_by_id()
    if code not in pages:
        near = sorted(pages, key=lambda each: (-_alike(each, code), abs(_number(each) - _number(code))))[:3]
        raise CliError("code_unknown", f"there is no finding {code}; similar codes are {', '.join(near)}")
    page = page_of(code)
    if as_json:
        write_json({"code": code, "page": page})
    elif on_terminal():
        _render(page)
    else:
        write(page.rstrip("\n"))


def _alike(one: str, other: str) -> int:
    """Count the leading characters that two codes share: codes of one rule begin alike."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _number(code: str) -> int:
    return int(code[2:])


def _render(page: str) -> None:
    """Show a page on a terminal: headings, lists and examples in colour."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(width(), 100), no_color=not has_colour(), highlight=False)
    console.print(Markdown(page, code_theme="ansi_dark"))


def _explain_rule(subject: str, as_json: bool) -> None:
    from opord.cli.contract_files import files_of_contract
    from opord.language.diagnostics.model import Rule
    from opord.language.diagnostics.suggest import nearest

    errors, warnings = (list(get_args(each)) for each in get_args(Rule))
    rule = subject.lower()
    if rule not in (*errors, *warnings):
        if having := files_of_contract(subject, Path()):
            files = " and in ".join(f"`{each}`" for each in having)
            raise CliError(
                "subject_unknown", f"there is no file `{subject}`; the contract {subject} is in {files}", 2
            )
        near = nearest(rule, (*errors, *warnings))
        hint = f"did you mean `{near}`?" if near else f"the rules are {', '.join((*errors, *warnings))}"
        raise CliError("subject_unknown", f"there is no file and no rule `{rule}`; {hint}", 2)
    codes = [each for each in _codes_by_id().values() if each.rule == rule]
    if as_json:
        write_json([{"code": each.id, "severity": each.severity, "title": each.title} for each in codes])
        return
    silenced = any(each.allowed_by in ("comment", "names") for each in codes)
    kind = "errors" if rule in errors else f"warnings{_SILENCED if silenced else ''}"
    write(f"{rule}: {kind}\n")
    for each in codes:
        is_odd = each.severity == "warning" and rule in errors
        write(f"  {each.id}  {each.title}{' (a warning)' if is_odd else _exception(each)}")
    write(f"\n`opord explain {codes[0].id}` says more about the first of them.")


def _exception(code: Code) -> str:
    """Say what else allows a warning than an `allow` of its rule."""
    match code.allowed_by:
        case "comment":
            return ""
        case "names":
            return " (an `allow` names its actions)"
        case "stands because" | "shared because" as clause:
            return f" (only `{clause}` allows it)"
        case "nothing":
            return " (nothing allows it)"
        case _:
            assert_never(code.allowed_by)
