"""`opord simulate`: a contract explored without handlers."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opord.cli.completing import offer_contracts
from opord.cli.contracts import checked
from opord.cli.errors import CliError
from opord.cli.output import colour_option, on_terminal, width, write, write_json
from opord.cli.settings import allows_outside, json_option, outside_option

if TYPE_CHECKING:
    from opord.kernel.program import Program
    from opord.simulate.explore import Exploration

RUNS = 500
SEED_MAX = 2**53 - 1
"""The largest integer that every reader of JSON keeps exactly."""

_STYLES = {
    "head": {"fg": "cyan", "bold": True}, "good": {"fg": "green"}, "bad": {"fg": "red"},
    "warn": {"fg": "yellow"}, "dim": {"dim": True}, "name": {"bold": True},
}  # fmt: skip


@click.command()
@click.argument("file", metavar="FILE", shell_complete=offer_contracts)
@click.option("--runs", type=click.IntRange(1, 1_000_000), default=RUNS, show_default=True,
              help="How many runs to explore. With 1, the whole story of that run is shown.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, SEED_MAX), default=0, show_default=True,
              help="The seed of the first run. Each further run has the next number.")  # fmt: skip
@click.option("--pure", metavar="MODULE[:NAME]",
              help="Real `pure` handlers: a module, or a class or object in one. All other answers are random.")  # fmt: skip
@json_option
@colour_option
@outside_option
def command(file: str, runs: int, seed: int, pure: str | None, as_json: bool) -> int:
    """Explore a contract without handlers: what can happen, and what never does.

    The real engine carries the runs, in virtual time. Calls answer by chance, in every way that the
    contract declares. Answers get lost, workers die, events come twice, too early or too late, and
    people answer for doubts. The output lists the states, moves and outcomes that were reached. For
    those that were not, it gives a hint why. It also says how often actions were in doubt and how
    long runs took, and it tells the story of each run that got stuck or stalled.

    A `pure` answers by chance too, unless --pure has its handler. A stall that comes from such a
    random answer is listed apart.

    The same seed gives the same output. Ctrl-C stops the exploration and shows what was seen so
    far.

    \b
    Exit status: 0 nothing is wrong; 1 a run got stuck or stalled, broke a promise or had an effect twice, or
    the contract has errors; 2 wrong usage; 130 ended by Ctrl-C.

    \b
    Examples:
      opord simulate order.opord
      opord simulate order.opord --runs 5000 --seed 7
      opord simulate order.opord --seed 42 --runs 1
      opord simulate order.opord --pure shop.handlers:Handlers
    """  # noqa: W505 - the line is shown as it stands
    program, pures = _with_pures(_program(file), pure, file)
    from opord.simulate.drive import NoInput
    from opord.simulate.explore import explore
    from opord.testing.plausible import ValueTooLarge

    with _interruptible() as interrupts:
        try:
            exploration = explore(
                program,
                runs=runs,
                seed=seed,
                pures=pures,
                progress=_progress(runs),
                stopped=lambda: bool(interrupts),
            )
        except NoInput as wrong:
            raise CliError("no_input", f"{program.name} refused every random input: {wrong}") from wrong
        except ValueTooLarge as wrong:
            raise CliError("value_too_large", str(wrong)) from wrong
        finally:
            _clear()
    _show(exploration, file, pure, as_json)
    if interrupts:
        return 130
    return 0 if exploration.sound else 1


def _program(file: str) -> Program:
    result = checked(Path(file))
    if result.errors:
        from opord.language.diagnostics.render.human import render_one
        from opord.language.syntax.source import Source

        sources = {path: Source(path, text) for path, text in result.sources}
        for finding in result.errors:
            click.echo(render_one(finding, sources, colour=sys.stderr.isatty()), err=True)
        raise CliError(
            "contract_refused",
            f"{file} has errors; mend them first, since only a contract without errors can be explored",
        )
    if result.contract is None:
        raise CliError("contract_refused", f"{file} has only types and no contract")
    from opord.loading import load_program

    return load_program(file, allow_outside=allows_outside())


def _with_pures(
    program: Program, where: str | None, file: str
) -> tuple[Program, dict[str, Callable[..., Any]]]:
    """Return the program, as the real pures know it, with these.

    Raises:
        CliError: they cannot be found, or do not fit.
    """
    if where is None:
        return program, {}
    from opord.cli.handlers import as_the_handlers_know_it, handlers_at
    from opord.simulate.pures import check_pures, pures_of

    handlers = handlers_at(where)
    program = as_the_handlers_know_it(program, handlers, file)
    problems = check_pures(program, handlers)
    if problems:
        raise CliError("handlers_invalid", "; ".join(problems))
    return program, pures_of(program, handlers)


def _show(exploration: Exploration, file: str, pures: str | None, as_json: bool) -> None:
    if as_json:
        from opord.simulate.report import as_data

        write_json(as_data(exploration, file, pures))
        return
    from opord.simulate.text import page

    columns = min(width(), 110) if on_terminal() else 100
    if exploration.last_story and not exploration.cases:
        for line in exploration.last_story:
            write(line)
        write()
    for line in page(exploration, file, pures, paint=_paint, columns=columns):
        write(line.rstrip())


def _paint(text: str, style: str) -> str:
    return click.style(text, **_STYLES[style]) if text else ""  # type: ignore[arg-type]


# --- while it goes on ----------------------------------------------------------------------------


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Let the first Ctrl-C end the exploration in order, and a second one end the program."""
    signals: list[int] = []

    def note_it(number: int, frame: object) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(number)

    try:
        before = signal.signal(signal.SIGINT, note_it)
    except ValueError:  # not on the main thread: no Ctrl-C arrives here
        yield signals
        return
    try:
        yield signals
    finally:
        signal.signal(signal.SIGINT, before)


def _progress(runs: int) -> Callable[[int], None]:
    if not sys.stderr.isatty():
        return lambda count: None
    every = max(1, runs // 50)

    def tell(count: int) -> None:
        if count % every == 0:
            click.echo(f"\r{count:,} of {runs:,} runs", nl=False, err=True)

    return tell


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
