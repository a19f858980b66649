"""`opord check`: what is wrong with contracts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never, get_args

import click

from opord.cli.completing import offer_contracts
from opord.cli.contract_files import contract_files
from opord.cli.contracts import checked
from opord.cli.output import colour_option, has_colour, note, on_terminal, width, write, write_json
from opord.cli.settings import allows_outside, json_option, outside_option
from opord.story.counting import counted

if TYPE_CHECKING:
    from opord.language import CheckResult
    from opord.language.diagnostics import Diagnostic

Form: TypeAlias = Literal["human", "json", "github", "sarif"]
"""The formats in which findings are written."""

CALLS_NAMED, FILES_NAMED = 5, 3
"""How many calls of a file, and how many files, the line on calls without `timeout` names."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER…", shell_complete=offer_contracts)
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option("--fix", is_flag=True, help="First make the safe changes, and list them.")
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(Form)),
    help="human is for a reader (the default), json for a program, github and sarif for a code host.",
)
@click.option(
    "--stdin-name", default="<stdin>", metavar="PATH", help="The file name to show for `-`. Its `use` paths start in that file's folder."
)  # fmt: skip
@json_option
@colour_option
@outside_option
def command(
    files: tuple[str, ...], strict: bool, fix: bool, form: Form | None, stdin_name: str, as_json: bool
) -> int:
    """Say what is wrong with contracts.

    Each finding has a place, says what was seen, and says how to mend it. `opord explain CODE`
    tells more about one. A contract without errors can run. Read the warnings too; with --strict
    they are errors.

    For a FOLDER, all contracts in it and below it are checked. Hidden folders, node_modules, venv
    and __pycache__ are left out. Files that a contract uses are checked with it. `-` reads standard
    input.

    --fix makes only safe changes. They cannot alter what a contract does, or they are clearly what
    was meant: a name in the wrong case or with one slip, a header's targets, a comma or an arrow.

    \b
    Examples:
      opord check order.opord
      opord check --strict contracts
      opord check --fix order.opord
      opord check --format sarif . > findings.sarif
      git show HEAD:order.opord | opord check - --stdin-name order.opord
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} ask for different formats; give one of them")
    if fix and "-" in files:
        raise click.UsageError(
            "--fix changes files, and `-` is standard input; name a file, or leave --fix out"
        )
    paths = contract_files([file for file in files if file != "-"])
    results = _checked(files, paths, stdin_name)
    if fix:
        results = _fixed(results, files, paths, stdin_name)
    findings = _each_once(results)
    count = len(paths) + ("-" in files)
    _show(findings, results, "json" if as_json else form or "human", count, fix=fix)
    return int(_refused(findings, strict))


def _refused(findings: Sequence[Diagnostic], strict: bool) -> bool:
    return any(strict or each.severity == "error" for each in findings)


def _checked(files: Sequence[str], paths: Sequence[str], stdin_name: str) -> list[CheckResult]:
    results = [checked(Path(path)) for path in paths]
    if "-" in files:
        from opord.language.compile import check_source, reader_for
        from opord.language.syntax.source import Source, with_slashes

        source = Source.from_bytes(with_slashes(stdin_name), sys.stdin.buffer.read())
        reader = reader_for(stdin_name, allow_outside=allows_outside())
        results.append(check_source(source, read=reader))
    return results


def _fixed(
    results: list[CheckResult], files: Sequence[str], paths: Sequence[str], stdin_name: str
) -> list[CheckResult]:
    from opord.cli.fixing import ROUNDS_MAX, fix_files

    for _ in range(ROUNDS_MAX):
        changes = fix_files(results, paths)
        if not changes:
            break
        note("\n".join(changes))
        results = _checked(files, paths, stdin_name)
    return results


def _each_once(results: Sequence[CheckResult]) -> list[Diagnostic]:
    """List the findings in the order of results, without the repeats in files that several use."""
    findings: dict[tuple[str, int, int, str, str], Diagnostic] = {}
    for result in results:
        for each in result.diagnostics:
            place = each.place
            key = (os.path.realpath(place.file), place.line, place.column, each.code.id, each.message)
            findings.setdefault(key, each)
    return list(findings.values())


def _show(
    findings: list[Diagnostic], results: Sequence[CheckResult], form: Form, count: int, *, fix: bool
) -> None:
    match form:
        case "json":
            from opord.language.diagnostics.render.json import as_data

            write_json([as_data(finding) for finding in findings], as_it_stands=True)
        case "github":
            from opord.language.diagnostics.render.github import render_one as as_command

            for finding in findings:
                write(as_command(finding))
        case "sarif":
            from opord import __version__
            from opord.language.diagnostics.render.sarif import render as as_log

            write_json(as_log(findings, version=__version__), as_it_stands=True)
        case "human":
            _show_reader(findings, results)
            write(_summary(count, findings, fix=fix))
            for line in _without_timeout(results):
                write(line)
        case _:
            assert_never(form)


def _show_reader(findings: Sequence[Diagnostic], results: Sequence[CheckResult]) -> None:
    from opord.language.diagnostics.render.human import render_one
    from opord.language.syntax.source import Source

    sources = {path: Source(path, text) for result in results for path, text in result.sources}
    columns = width() if on_terminal() else None
    for finding in findings:
        write(render_one(finding, sources, colour=has_colour(), width=columns))


def _summary(files: int, findings: Sequence[Diagnostic], *, fix: bool) -> str:
    errors = sum(1 for finding in findings if finding.severity == "error")
    warnings = len(findings) - errors
    counts = [counted(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
    text = f"{counted(files, 'file')} checked: {', '.join(counts) or 'no findings'}"
    fixable = 0 if fix else sum(1 for each in findings if each.fixes and each.fixes[0].safe)
    if fixable:
        text += f"; `opord check --fix` mends {fixable if fixable < len(findings) else 'all'} of them"
        if len(findings) == 1:
            text = text.replace("mends all of them", "mends it")
    return text


def _without_timeout(results: Sequence[CheckResult]) -> Iterator[str]:
    """Say in a line which calls of contracts without errors have no `timeout`. It is no finding."""
    from opord.language.ensure import CALL_LIMIT, calls_without_timeout
    from opord.language.spelling import in_words

    counts: dict[str, tuple[str, ...]] = {}
    for result in results:
        if result.contract is not None and (names := calls_without_timeout(result.contract)):
            counts[result.sources[0][0]] = names
    if not counts:
        return
    parts = [
        f"{_few(names)}{f' in {file}' if len(results) > 1 else ''}"
        for file, names in list(counts.items())[:FILES_NAMED]
    ]
    if len(counts) > FILES_NAMED:
        parts.append(f"{counted(len(counts) - FILES_NAMED, 'more file')}")
    total = sum(map(len, counts.values()))
    file = next(iter(counts)) if len(counts) == 1 else "FILE"
    yield (
        f"{'1 call has' if total == 1 else f'{total} calls have'} no `timeout` ({'; '.join(parts)}): the worker's call "
        f"limit ends an attempt, {in_words(CALL_LIMIT)} unless set; see `opord explain {file}`"
    )


def _few(names: Sequence[str]) -> str:
    """List names; of many, the first ones."""
    more = f" and {len(names) - CALLS_NAMED} more" if len(names) > CALLS_NAMED else ""
    return f"{', '.join(names[:CALLS_NAMED])}{more}"
