"""`opord fmt`: write contracts in their one form."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import refuse_python, unreadable
from opord.cli.errors import CliError
from opord.cli.output import error, has_colour, note, on_terminal, write
from opord.story.counting import counted
from opord.values.visible import readable


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE…",
    shell_complete=offer_contracts,
)
@click.option(
    "--check", "only_check", is_flag=True, help="Change nothing. Exit 1 if a file is not formatted."
)
def command(files: tuple[str, ...], only_check: bool) -> int:
    """Format contracts.

    There is one form for all contracts, and no setting. Every comment stays, and the meaning never
    changes. `-` reads a contract from standard input and writes it to standard output. A file with
    syntax errors is not changed; its errors are shown.

    \b
    Examples:
      opord fmt order.opord
      opord fmt --check contracts/*.opord
      cat order.opord | opord fmt -
    """
    refused = as_they_should_be = 0
    for file in files:
        text = _text(file)
        laid_out = _laid_out(text, file)
        if laid_out is None:
            refused += 1
        elif file == "-":
            refused += only_check and laid_out != text
            if not only_check:
                click.echo(readable(laid_out) if on_terminal() else laid_out, nl=False, color=False)
        elif laid_out == text:
            as_they_should_be += 1
        elif only_check:
            refused += 1
            error("not_formatted", f"{file} is not formatted; run `opord fmt {file}`")
        else:
            _replace(Path(file), laid_out)
            write(f"{file} formatted")
    if as_they_should_be == 1 and len(files) == 1:
        write(f"{files[0]} is formatted already")
    elif as_they_should_be:
        write(
            f"{counted(as_they_should_be, 'file')} {'is' if as_they_should_be == 1 else 'are'} formatted already"
        )
    return int(refused > 0)


def _text(file: str) -> str:
    from opord.language.syntax.source import MAX_SOURCE_BYTES, read_source

    refuse_python(file, class_too=False)
    try:
        # One byte more than the limit shows that the text is too long, however long it is.
        content = sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1) if file == "-" else read_source(file)
        if len(content) > MAX_SOURCE_BYTES:
            raise CliError("file", f"{file}: more than 1 MiB; a contract may have at most that", 1)
        return content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise CliError("file", f"{file}: not UTF-8: {wrong.reason} at byte {wrong.start}", 1) from wrong
    except OSError as wrong:
        raise unreadable(Path(file), wrong) from wrong


def _laid_out(text: str, file: str) -> str | None:
    from opord.language.syntax.formatter import NotFormatted, format_source
    from opord.language.syntax.source import with_slashes

    path = "<stdin>" if file == "-" else with_slashes(file)
    try:
        return format_source(text, path)
    except NotFormatted as wrong:
        from opord.language.diagnostics.render.human import render
        from opord.language.syntax.source import Source

        click.echo(
            render(wrong.findings, {path: Source(path, text)}, colour=has_colour()), err=True, nl=False
        )
        note(f"{path} has syntax errors, and was not formatted")
        return None


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole: after a crash it is the old one or the new one."""
    path = path.resolve()
    fresh = path.with_name(f".{path.name}.opord-fmt")
    try:
        fresh.write_bytes(text.encode("utf-8"))
        fresh.chmod(path.stat().st_mode & 0o7777)
        fresh.replace(path)
    except OSError as wrong:
        fresh.unlink(missing_ok=True)
        raise CliError("file", f"{path}: {wrong.strerror or wrong}", 2) from wrong
