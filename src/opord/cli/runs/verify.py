"""`opord runs verify`: are journals unbroken, and is every move in them legal?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opord.cli.archived import archive_option, story_of
from opord.cli.completing import offer_runs
from opord.cli.output import note, write, write_json
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.story.counting import counted
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.base import Verified
    from opord.backends.shown import Shown

UNENDED = (
    "the last batch has no end: a prune was interrupted, and the next `opord prune` mends this, "
    "or somebody removed lines"
)


@click.command()
@click.argument("run", required=False, shell_complete=offer_runs)
@archive_option
@store_option
@json_option
def command(run: str | None, archive: str | None, store: str, as_json: bool) -> int:
    """Check that journals are unbroken and every move in them is legal.

    Each record has a hash over itself and the record before it. The command follows these from end
    to end. It checks every transition, event, timer and call against the contract that the run was
    started with, and compares the result with the run as stored. Without RUN it does so for all
    runs. If a contract cannot be read, the command checks only the records of its runs, and says
    so. Exit 1 if something is wrong, or if a run has an open doubt, stall, alarm or collision. With
    --archive, it checks the runs that `opord prune` has put there.
    """
    results: list[dict[str, Any]] = []

    def tell(result: dict[str, Any]) -> None:
        results.append(result)
        if not as_json and (run is not None or not _fine(result)):
            _tell(result)

    if archive is None:
        _of_store(run, store, tell)
    else:
        _of_archive(run, archive, tell)
    if as_json:
        write_json(results)
    elif run is None:
        wrong = sum(bool(result["problems"]) for result in results)
        need = sum(bool(result["needs"]) for result in results)
        records = sum(result["records"] for result in results)
        runs = sum(result["run"] is not None for result in results)
        write(
            f"{counted(runs, 'run')}, {counted(records, 'record')}: {wrong:,} with problems, "
            f"{need:,} {'needs' if need == 1 else 'need'} a person"
        )
    return int(not all(_fine(result) for result in results))


def _of_store(run: str | None, store: str, tell: Callable[[dict[str, Any]], None]) -> None:
    async def examine(shown: Shown) -> None:
        async for result in shown.backend.verify(run):
            tell(_result(result))

    on_reader(store, examine)


def _of_archive(run: str | None, path: str, tell: Callable[[dict[str, Any]], None]) -> None:
    """Verify the runs of an archive; a damaged line is a result without a run."""
    from opord.backends.archived import ArchivedRuns

    archived = ArchivedRuns(Path(path))
    for content in [story_of(archived, run)] if run is not None else archived.runs():
        tell(_result(archived.verify(content)))
    for damage in archived.damages:
        tell(_of_line(damage.why, damage.line))
    if archived.unended and not archived.torn:
        tell(_of_line(UNENDED, None))
    if archived.torn:
        note("the last line is incomplete: a prune was interrupted there, and that run is still in its store")


def _of_line(why: str, line: int | None) -> dict[str, Any]:
    """Return what is wrong with a line of an archive, as a result without a run.

    `line` is None for the end of the archive.
    """
    return {
        "run": None,
        "records": 0,
        "problems": [{"seq": None, "what": "line", "why": why}],
        "line": line,
        "needs": [],
        "status": None,
    }


def _result(result: Verified) -> dict[str, Any]:
    return {
        **result._asdict(),
        "problems": [problem._asdict() for problem in result.problems],
        "needs": [*result.needs],
    }


def _fine(result: dict[str, Any]) -> bool:
    return not result["problems"] and not result["needs"]


def _tell(result: dict[str, Any]) -> None:
    name = safe(result["run"] or "the archive")
    for problem in result["problems"]:
        where = f"record {problem['seq']}" if problem["seq"] is not None else "the run as stored"
        if result["run"] is None:
            where = f"line {result['line']}" if result["line"] is not None else "its end"
        write(
            f"{name}: {click.style('wrong', fg='red')} at {where} ({problem['what']}): {safe(problem['why'])}"
        )
    if not result["problems"]:
        write(f"{name}: {counted(result['records'], 'record')}, unbroken and legal; it {_is(result)}")


def _is(result: dict[str, Any]) -> str:
    if result["needs"]:
        return f"needs a person ({', '.join(result['needs'])})"
    return f"is {result['status'].replace('_', ' ')}"
