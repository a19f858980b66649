"""Output: JSON, plain text for pipes, colour for terminals, and no control characters."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO, TypeVar

import click

from opord.cli.errors import CliError
from opord.values.visible import readable

STATUS_STYLES = {
    "running": "cyan",
    "waiting": "blue",
    "in_doubt": "yellow",
    "stalled": "red",
    "ended": "green",
    "success": "green",
    "failure": "red",
    "cancelled": "magenta",
    "terminated": "magenta",
}
"""One colour for each status of a run, the same in every command."""


_COLOUR = "opord.color"
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def prepare_streams() -> None:
    """Make stdout and stderr able to write every text that a contract may hold.

    A file or a pipe gets UTF-8 and plain line feeds on every system, as contracts have them, unless
    PYTHONIOENCODING asks for something else. A terminal, or an encoding that was asked for, shows
    an escape for each character that it does not have.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue  # there is no such stream, or a program has put its own in the place
        if stream.isatty() or os.environ.get("PYTHONIOENCODING"):
            stream.reconfigure(errors="backslashreplace" if stream.errors == "strict" else stream.errors)
        else:
            stream.reconfigure(encoding="utf-8", newline="\n")


_kept_stderr: TextIO | None = None


def keep_stderr() -> TextIO | None:
    """Return a stream to where stderr writes now; it goes on when somebody closes stderr.

    Messages are written to it from then on if stderr is closed.
    """
    global _kept_stderr
    stream, before = sys.stderr, _kept_stderr
    if before is not None:
        before.close()
    try:
        _kept_stderr = open(  # noqa: SIM115 - it lasts as long as the process
            os.dup(stream.fileno()), "w", buffering=1, encoding=stream.encoding, errors=stream.errors
        )
    except (AttributeError, OSError, ValueError):
        _kept_stderr = None  # a program has put a stream of its own in the place, or there is none
    return _kept_stderr or stream


def _stderr() -> TextIO | None:
    stream: TextIO | None = sys.stderr
    return _kept_stderr if stream is not None and stream.closed else stream


def flush_stdout() -> None:
    """Write what stdout still holds. If somebody closed it, go on as if there were none.

    The interpreter itself has None in its place then.
    """
    if sys.stdout is not None and sys.stdout.closed:
        sys.stdout = None
    if sys.stdout is not None:
        sys.stdout.flush()


def write(text: str = "") -> None:
    """Write a line to stdout; colours are left out where they would not be seen."""
    _echo(text, color=has_colour())


def _echo(text: str, *, color: bool) -> None:
    try:
        click.echo(text, color=color)
    except BrokenPipeError:
        raise
    except OSError as wrong:
        stop_output()
        raise CliError(
            "output",
            f"the output cannot be written: {wrong.strerror or wrong}; write it to another place",
            2,
        ) from wrong


def error(code: str, message: str) -> None:
    """Write an error to stderr with its code."""
    head = click.style(f"error[{code}]", fg="red", bold=True)
    _say(f"{head}: {readable(message)}")


def note(message: str) -> None:
    """Write a remark to stderr that is not an error."""
    _say(readable(message))


def _say(line: str) -> None:
    stream = _stderr()
    if stream is not None:
        click.echo(line, file=stream, color=_coloured(stream))


def write_json(value: Any, *, as_it_stands: bool = False) -> None:
    """Write data to stdout: canonical JSON in one line, or on a terminal with indents.

    `as_it_stands`: fields keep their order, because readers expect that order.
    """
    if on_terminal():
        text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=not as_it_stands)
        _echo("".join(_json_sign(sign) for sign in text), color=False)
    else:
        text = json.dumps(
            value, ensure_ascii=not _has_unicode(), separators=(",", ":"), sort_keys=not as_it_stands
        )
        _echo(text, color=False)


def write_json_line(value: Any) -> None:
    """Write data to stdout as JSON in one line, on a terminal too."""
    text = json.dumps(value, ensure_ascii=not _has_unicode(), separators=(",", ":"), sort_keys=True)
    _echo("".join(map(_json_sign, text)) if on_terminal() else text, color=False)


def write_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows in columns under their headings. The texts must be safe already."""
    widths = [max(map(_width, column)) for column in zip(heads, *rows, strict=True)]
    write(click.style(_row(heads, widths), dim=True))
    for row in rows:
        write(_row(row, widths))


def status_words(status: str, outcome: str | None) -> str:
    """Write a run's status in its colour: its outcome once it has ended."""
    words = outcome or status
    return click.style(words.replace("_", " "), fg=STATUS_STYLES.get(words))


def on_terminal() -> bool:
    """Say whether stdout is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def has_colour() -> bool:
    """Say whether stdout shows colours."""
    return _coloured(sys.stdout)


def width() -> int:
    """Return how many columns a line may take on the terminal."""
    return max(60, shutil.get_terminal_size((100, 24)).columns)


def stop_output() -> None:
    """Stop all output, including what the interpreter flushes at exit."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def colour_option(command: CommandT) -> CommandT:
    """Give a command the option `--color`, which overrides the environment."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        expose_value=False,
        callback=_keep_colour,
        is_eager=True,
        help="When to use colours. auto: on a terminal unless NO_COLOR is set, and always if FORCE_COLOR is set.",
    )(command)


def _keep_colour(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.meta[_COLOUR] = value


def _coloured(stream: Any) -> bool:
    context = click.get_current_context(silent=True)
    choice = context.meta.get(_COLOUR, "auto") if context is not None else "auto"
    if choice != "auto":
        return bool(choice == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return stream is not None and bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (wide - _width(cell)) for cell, wide in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def _width(cell: str) -> int:
    return len(click.unstyle(cell))


def _has_unicode() -> bool:
    """Say whether stdout has every character, so that JSON needs no escapes."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def _json_sign(sign: str) -> str:
    if sign == "\n" or sign.isprintable():
        return sign
    return "".join(f"\\u{ord(half):04x}" for half in _halves(sign))


def _halves(sign: str) -> str:
    encoded = sign.encode("utf-16-be", "surrogatepass")
    return "".join(chr(int.from_bytes(encoded[i : i + 2], "big")) for i in range(0, len(encoded), 2))
