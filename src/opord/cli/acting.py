"""Acting on runs: on one by its name, or on all that a filter finds."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click

from opord.cli.completing import offer_runs
from opord.cli.errors import explain_error
from opord.cli.filters import filter_options
from opord.cli.output import error, write, write_json
from opord.cli.reading import on_reader
from opord.cli.settings import actor_options, engine_secrets, json_option, store_option
from opord.story.counting import counted
from opord.values.types import RunId
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.acts import Verb
    from opord.backends.base import Backend
    from opord.backends.shown import Shown
    from opord.cli.filters import Filters
    from opord.kernel.rows import RunRow

T = TypeVar("T")

PATIENCE_S = 30.0
"""How long a command waits for a store that does not answer before it gives up, in seconds."""


class Session:
    """An open backend, with a watch on it. Call `answered` whenever work makes progress."""

    backend: Backend
    """Set as soon as it is open."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def outage(self) -> Exception | None:
        """Return why the store does not answer, if it is open and says so."""
        return self.backend.outage() if hasattr(self, "backend") else None

    def answered(self) -> None:
        """Note that the store has answered."""
        self._since = time.monotonic()

    @property
    def silent_s(self) -> float:
        """How long the store has not answered, in seconds."""
        return time.monotonic() - self._since


class Act(NamedTuple):
    """An action on each run: its verb, `done` in words, and how it is done."""

    verb: Verb
    done: str
    do: Callable[[Backend, str], Awaitable[object]]

    def concerns(self, row: RunRow) -> bool:
        """Say whether a filter may find a run for this."""
        from opord.backends.acts import concerns

        return concerns(self.verb, row)


class Selection(NamedTuple):
    """The runs to act on: those named, or those that filters find."""

    runs: tuple[str, ...]
    filters: Filters


def act_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of all commands that act on runs.

    They are RUN, one or more, or a filter, which it gets as `selection`; who acts and why; and
    `--dry-run`.
    """

    @wraps(command)
    def selecting(runs: tuple[str, ...], filters: Filters, **given: Any) -> int:
        return command(selection=Selection(runs, filters), **given)

    acting = json_option(cast("Callable[..., int]", selecting))
    acting = store_option(acting)
    acting = click.option(
        "--dry-run", is_flag=True, help="List the runs that the command would act on, and do nothing."
    )(acting)
    acting = click.option("--reason", metavar="TEXT", help="Why you do it. The journal keeps this text.")(
        acting
    )
    acting = filter_options(actor_options(acting))
    return click.argument("runs", metavar="[RUN]...", nargs=-1, shell_complete=offer_runs)(acting)


def act_on(selection: Selection, act: Act, *, store: str, dry_run: bool, as_json: bool) -> int:
    """Act on the selected runs, report the result of each, and return the exit status."""
    _check_selection(selection)
    if dry_run:
        return _foretell(selection, act, store, as_json)
    runs: Sequence[str] = selection.runs
    if not runs:
        runs = on_reader(store, lambda shown: _run_names(shown, selection, act))
    results = on_backend(store, lambda session: _each(session, runs, act))
    if len(selection.runs) == 1 and not as_json:
        if results[0] is not None:
            raise results[0]
        write(f"{safe(runs[0])}: {act.done}")
        return 0
    reports = []
    for run, wrong in zip(runs, results, strict=True):
        if wrong is None:
            reports.append({"run": run, "done": act.verb})
            continue
        explained = explain_error(wrong)
        reports.append({"run": run, "error": explained.code, "message": explained.message})
        error(explained.code, explained.message)
    if as_json:
        write_json(reports)
    else:
        for run, wrong in zip(runs, results, strict=True):
            if wrong is None:
                write(f"{safe(run)}: {act.done}")
        refused = sum(wrong is not None for wrong in results)
        write(f"{len(runs) - refused} {act.done}" + (f", {refused} refused" if refused else ""))
    return int(any(wrong is not None for wrong in results))


def on_backend(
    url: str, job: Callable[[Session], Awaitable[T]], workflows: Sequence[Any] = (), *, create: bool = False
) -> T:
    """Open an engine without a worker, do a job with its backend, and close it.

    A store that does not exist is created only with `create`. A store that does not answer for
    `PATIENCE_S` ends the process with status 3; nothing is half-written then.
    """

    async def main() -> T:
        from opord.backends.front import Engine
        from opord.backends.opening import check_lasts

        check_lasts(url)
        engine = Engine(url, workflows, create=create, **engine_secrets())
        session = Session()
        watch = asyncio.create_task(_give_up_after(session))
        async with engine:
            session.backend = engine.backend
            result = await job(session)
        watch.cancel()
        return result

    return asyncio.run(main())


async def _give_up_after(session: Session) -> None:
    while (rest_s := PATIENCE_S - session.silent_s) > 0:  # noqa: ASYNC110 - what it waits for is that nothing happens
        await asyncio.sleep(rest_s)
    from opord.backends.codes import unanswered

    said = unanswered(PATIENCE_S, session.outage())
    error(
        "store_unavailable",
        f"{said}. The command may or may not have taken effect; you can safely give it again",
    )
    # A normal exit would wait for the very writes that the store does not take.
    os._exit(3)


async def _each(session: Session, runs: Sequence[str], act: Act) -> list[Exception | None]:
    results: list[Exception | None] = []
    for first in range(0, len(runs), 200):
        # Many at once share the store's commits.
        part = await asyncio.gather(*(_one(session.backend, run, act) for run in runs[first : first + 200]))
        results += part
        session.answered()
    return results


async def _one(backend: Backend, run: str, act: Act) -> Exception | None:
    try:
        await act.do(backend, run)
    except Exception as wrong:
        if explain_error(wrong).status == 3:
            raise
        return wrong
    return None


def _check_selection(selection: Selection) -> None:
    if bool(selection.runs) == selection.filters.given:
        raise click.UsageError(
            "name one RUN or more, or choose runs with filters such as --contract, --state, --status or --needs"
            + (", but not both" if selection.runs else "")
        )
    if len(set(selection.runs)) < len(selection.runs):
        raise click.UsageError("a RUN is named twice")


def _foretell(selection: Selection, act: Act, store: str, as_json: bool) -> int:
    """Say what would be done with each selected run; the status is 1 if one would be refused."""
    if selection.runs:
        rows = on_reader(store, lambda shown: _named(shown, selection.runs))
    else:
        rows = on_reader(store, lambda shown: _rows(shown, selection, act))
    concerned = [act.concerns(row) for row in rows]
    reports = [
        {"run": row.run, "would": act.verb if one else "refuse"}
        for row, one in zip(rows, concerned, strict=True)
    ]
    lines = [
        f"{safe(row.run)}: would be {act.done}" if one else f"{safe(row.run)}: would be refused"
        for row, one in zip(rows, concerned, strict=True)
    ]
    _tell(reports, lines, as_json)
    return int(not all(concerned))


async def _named(shown: Shown, runs: Sequence[str]) -> list[RunRow]:
    return [await shown.backend.row(RunId(run)) for run in runs]


async def _rows(shown: Shown, selection: Selection, act: Act) -> list[RunRow]:
    return [row async for row in selection.filters.rows(shown) if act.concerns(row)]


async def _run_names(shown: Shown, selection: Selection, act: Act) -> list[str]:
    return [row.run for row in await _rows(shown, selection, act)]


def _tell(reports: list[dict[str, str]], lines: list[str], as_json: bool) -> None:
    if as_json:
        write_json(reports)
        return
    for line in lines:
        write(line)
    write(counted(len(lines), "run"))
