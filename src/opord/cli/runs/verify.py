"""`opord runs verify`: are journals unbroken, and every move in them legal?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from opord.cli.archived import ArchivedRuns, archive_option
from opord.cli.output import note, write, write_json
from opord.cli.reading import Reader, open_reader
from opord.cli.settings import json_option, store_option
from opord.story.signs import safe

if TYPE_CHECKING:
    from opord.kernel.rows import Kept, RunRow


@click.command()
@click.argument("run", required=False)
@archive_option
@store_option
@json_option
def command(run: str | None, archive: str | None, store: str, as_json: bool) -> int:
    """Prove that journals are unbroken and every move in them legal.

    Each record carries a hash over itself and the one before it. This follows them from end to end, holds every
    transition, event, timer and call against the contract that the run was started with, and compares the sum with
    the run as stored. Without RUN it does so for all runs. Of a run whose contract cannot be read, it follows the records
    alone, and says so. Exit 1 if something is wrong, or a run needs a person.
    With --archive it does the same for the runs that `opord prune` has put there.
    """
    results = []
    for result in _of_store(run, store) if archive is None else _of_archive(run, archive):
        results.append(result)
        if not as_json and (run is not None or not _fine(result)):
            _tell(result)
    if as_json:
        write_json(results)
    elif run is None:
        wrong = sum(bool(result["problems"]) for result in results)
        need = sum(result["needs_person"] for result in results)
        records = sum(result["records"] for result in results)
        runs = sum(result["run"] is not None for result in results)
        write(f"{runs:,} runs, {records:,} records: {wrong:,} with problems, {need:,} need a person")
    return int(not all(_fine(result) for result in results))


def _of_store(run: str | None, store: str) -> Iterator[dict[str, Any]]:
    from opord.stores.base import RunFilter

    with open_reader(store) as reader:
        for row in [reader.row(run)] if run is not None else reader.rows(RunFilter()):
            yield _examine(reader, row)


def _of_archive(run: str | None, path: str) -> Iterator[dict[str, Any]]:
    """Examine what is in an archive; a line that is damaged is a result without a run."""
    archived = ArchivedRuns(path)
    archive = archived.archive
    for kept in [archived.only(run)] if run is not None else (story.kept for story in archive.runs()):
        yield _result(archived, kept)
    for damage in archive.damages:
        yield {
            "run": None,
            "records": 0,
            "problems": [{"seq": None, "what": "line", "why": damage.why}],
            "line": damage.line,
            "needs_person": False,
            "status": None,
        }
    if archive.torn:
        note(
            "a line is not whole: a prune was cut off there, and the run that it was about is still in its store"
        )


def _result(archived: ArchivedRuns, kept: Kept) -> dict[str, Any]:
    from opord.drive.errors import ContractUnreadable
    from opord.kernel.legality import Problem, verify, verify_chain

    try:
        problems = verify(archived.program(kept.row), kept.row, kept.records, kept.inbox, kept.values)
    except ContractUnreadable as wrong:
        chain = verify_chain(archived.by_row(kept.row), kept.row, kept.records, kept.values)
        problems = [Problem(None, "contract", _only_chain(wrong)), *chain]
    return {
        "run": kept.row.run,
        "records": len(kept.records),
        "problems": [problem._asdict() for problem in problems],
        "needs_person": False,
        "status": kept.row.head.status,
    }


def _only_chain(wrong: Exception) -> str:
    return f"{wrong}; its records were followed from end to end, and not held against the contract"


def _fine(result: dict[str, Any]) -> bool:
    return not result["problems"] and not result["needs_person"]


def _examine(reader: Reader, row: RunRow) -> dict[str, Any]:
    """Examine a run; one that moves meanwhile is looked at anew."""
    from opord.drive.errors import ContractUnreadable
    from opord.kernel.legality import Problem, verify, verify_chain
    from opord.kernel.views import needs_person

    needs = False
    while True:
        records = list(reader.journal(row.run))
        inbox = reader.store.inbox(row.run)
        values = reader.store.values(row.run)
        again = reader.row(row.run)
        if (again.seq, again.epoch, again.arrivals) == (
            row.seq,
            row.epoch,
            row.arrivals,
        ) and again.head == row.head:
            break
        row = again
    try:
        problems = verify(reader.program(row), row, records, inbox, values)
        if not problems:
            needs = needs_person(reader.run(row))
    except ContractUnreadable as wrong:
        chain = verify_chain(reader.by_row(row), row, records, values)
        problems = [Problem(None, "contract", _only_chain(wrong)), *chain]
    return {
        "run": row.run,
        "records": len(records),
        "problems": [problem._asdict() for problem in problems],
        "needs_person": needs,
        "status": row.head.status,
    }


def _tell(result: dict[str, Any]) -> None:
    name = safe(result["run"] or "the archive")
    for problem in result["problems"]:
        where = f"record {problem['seq']}" if problem["seq"] is not None else "the run as stored"
        where = f"line {result['line']}" if result["run"] is None else where
        write(
            f"{name}: {click.style('wrong', fg='red')} at {where} ({problem['what']}): {safe(problem['why'])}"
        )
    if not result["problems"]:
        said = "needs a person" if result["needs_person"] else result["status"].replace("_", " ")
        write(f"{name}: {result['records']} records, unbroken and legal; it is {said}"
              if not result["needs_person"]
              else f"{name}: {result['records']} records, unbroken and legal; it {said}")  # fmt: skip
