"""`opord runs start`: start a run, or one for each line of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opord.cli.acting import Session, on_backend
from opord.cli.completing import offer_contracts
from opord.cli.contracts import program_at
from opord.cli.errors import CliError, ShapedRefusal, explain_error
from opord.cli.inputs import INPUT_HELP, InputLine, is_bulk, lines_of, parsed, read_one
from opord.cli.output import error, on_terminal, write, write_json
from opord.cli.scheduling import scheduling_options
from opord.cli.settings import json_option, outside_option, secrets_option, store_option
from opord.kernel.scheduling import NO_LABEL, Scheduling
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.base import Backend, Started
    from opord.kernel.program import Program

AT_ONCE = 1000
"""How many starts run at a time: enough to fill the store's batches, few enough for memory."""


@click.command()
@click.argument("contract", metavar="FILE", shell_complete=offer_contracts)
@click.option(
    "--input",
    "input_text",
    metavar="INPUT",
    help=f"{INPUT_HELP} @file.jsonl has one input a line, and starts a run for each.",
)
@scheduling_options
@store_option
@secrets_option
@json_option
@outside_option
def command(
    contract: str, input_text: str | None, priority: int, label: str | None, store: str, as_json: bool
) -> int:
    """Start a run, or one for each line of a file.

    FILE is a contract (order.opord), or a generated class (shop.order_fulfilment:OrderFulfilment).
    If a run with the same key and the same input exists, the command finds it and starts nothing.
    If its input is different, the start is refused. No handlers are needed: a worker carries the
    run out. --priority and --label are for the run, or for the run of each line. A run that exists
    already keeps its own.

    \b
    Examples:
      opord runs start order.opord --input '{"order": {"id": "ord-1001"}}'
      opord runs start order.opord --input @order.json
      opord runs start order.opord --input @orders.jsonl
      opord runs start order.opord --input @order.json --priority 10 --label gpu
    """
    program = program_at(contract)
    if input_text is not None and is_bulk(input_text):
        return _start_many(program, input_text, store, as_json, Scheduling(priority, label or NO_LABEL))
    members = _read_and_check(program, input_text, store)  # before a store is made
    started = on_backend(
        store,
        lambda session: session.backend.start(program, members, priority=priority, label=label),
        [program.workflow],
        create=True,
    )
    if as_json:
        write_json(_shown(started))
    else:
        write(f"{safe(started.run)} {_how(started)}")
    return 0


def _check(program: Program, members: Any, store: str) -> None:
    """Refuse an input that no run can start with.

    What a `require` refuses may have a run in a store that exists, so there the backend decides.
    """
    from opord.backends.base import accepted, refusal
    from opord.backends.opening import store_exists

    refused = refusal(program, accepted(program, members))
    if refused is not None and not store_exists(store):
        raise refused


def _read_and_check(program: Program, argument: str | None, store: str) -> Any:
    """Return the input of a single run, or refuse it with the shape of one that fits."""
    from opord.backends.base import InputInvalid
    from opord.cli.input_shape import input_shape

    try:
        members = read_one(argument)
        _check(program, members, store)
    except (InputInvalid, CliError) as wrong:
        if wrong.code != "input_invalid":
            raise
        raise ShapedRefusal(wrong, input_shape(program.contract, program.contract.params)) from wrong
    return members


def _how(started: Started) -> str:
    if started.created:
        return "started"
    gone = "; the run has ended, and was pruned" if started.pruned else ""
    return f"exists already, with the same input{gone}"


def _shown(started: Started) -> dict[str, Any]:
    shown: dict[str, Any] = {"run": started.run, "created": started.created}
    return {**shown, "pruned": True} if started.pruned else shown


# --- many ----------------------------------------------------------------------------------------


def _start_many(program: Program, argument: str, store: str, as_json: bool, scheduling: Scheduling) -> int:
    path = argument[1:]
    reports: list[dict[str, Any]] = []
    with _progress(path) as advance:
        lines = _from_first_that_fits(program, lines_of(argument), store, reports)

        async def all_lines(session: Session) -> None:
            while part := list(islice(lines, AT_ONCE)):
                # All begin before the first is written, so that they share the store's commits.
                reports.extend(
                    await asyncio.gather(
                        *(_start_line(session.backend, program, line, scheduling) for line in part)
                    )
                )
                session.answered()
                advance(part)

        # A file without a valid line creates no store.
        if (first := next(lines, None)) is not None:
            lines = chain([first], lines)
            on_backend(store, all_lines, [program.workflow], create=True)
    bad = [one for one in reports if "error" in one]
    for one in bad:
        error(one["error"], f"{path}:{one['line']}: {one['message']}")
    if as_json:
        write_json(reports)
    else:
        created = sum(bool(one.get("created")) for one in reports)
        there = len(reports) - len(bad) - created
        counts = [(created, "started"), (there, "there already"), (len(bad), "refused")]
        write(
            ", ".join(f"{number:,} {word}" for number, word in counts if number)
            or "the file has no lines; nothing was started"
        )
    return int(bool(bad))


def _from_first_that_fits(
    program: Program, lines: Iterator[InputLine], store: str, reports: list[dict[str, Any]]
) -> Iterator[InputLine]:
    """Leave out the lines before the first that fits the contract.

    The reason for each refusal is added to `reports`.
    """
    for line in lines:
        try:
            _check(program, parsed(_within_limit(line), "the line"), store)
        except Exception as wrong:
            reports.append(_refused(line, wrong))
        else:
            yield line
            break
    yield from lines


async def _start_line(
    backend: Backend, program: Program, line: InputLine, scheduling: Scheduling
) -> dict[str, Any]:
    try:
        members = parsed(_within_limit(line), "the line")
        priority, label = scheduling.priority, scheduling.label or None
        started = await backend.start(program, members, priority=priority, label=label)
    except Exception as wrong:
        return _refused(line, wrong)
    return {"line": line.number, **_shown(started)}


def _refused(line: InputLine, wrong: Exception) -> dict[str, Any]:
    """Return why a line is refused; raise errors again that are not about the line."""
    explained = explain_error(wrong)
    if explained.status != 1 or explained.code == "internal":
        raise wrong
    message = getattr(wrong, "short", explained.message)  # of many problems of a line, the first
    return {"line": line.number, "error": explained.code, "message": message}


def _within_limit(line: InputLine) -> bytes:
    if line.text is None:
        raise CliError("input_invalid", "the line is longer than 1 MiB")
    return line.text


@contextmanager
def _progress(path: str) -> Iterator[Callable[[list[InputLine]], None]]:
    """Show on a terminal how much of the file is read, in bytes."""
    if not on_terminal():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting runs", total=_lines_in(path))

        def advance(lines: list[InputLine]) -> None:
            bar.update(task, completed=lines[-1].number)

        yield advance


def _lines_in(path: str) -> int | None:
    try:
        with Path(path).open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return None  # reading the lines reports the error
