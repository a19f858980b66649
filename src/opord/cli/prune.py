"""`opord prune`: move runs that ended long ago out of the store, into an archive."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opord.cli.errors import CliError
from opord.cli.output import note, write, write_json
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.cli.times import moment, span
from opord.story.counting import counted
from opord.story.words import when
from opord.values.types import Duration
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.base import ArchiveWriter, PruneWish, Tally
    from opord.backends.shown import Shown


@click.command()
@click.option(
    "--ended-before",
    required=True,
    metavar="WHEN",
    help="Runs that ended more than 90d ago (or 12h, 4w), or before an instant such as 2026-01-31T00:00:00Z.",
)
@click.option(
    "--archive",
    metavar="FILE",
    help="Append the histories of the runs to this file. It is created if it is missing.",
)
@click.option("--no-archive", is_flag=True, help="Delete the runs without keeping their histories.")
@click.option(
    "--keep-keys",
    default="365d",
    show_default=True,
    metavar="DURATION",
    help="How long their keys stay taken: until then no new run can start under them.",
)
@click.option("--contract", metavar="NAME", help="Only runs of this contract.")
@click.option("--limit", type=click.IntRange(min=1), help="Prune at most this many runs, the oldest first.")
@click.option(
    "--compact", is_flag=True, help="Give the freed space back to the disk. Workers have to wait meanwhile."
)
@click.option("--dry-run", is_flag=True, help="Say how many runs would be pruned, and do nothing.")
@store_option
@json_option
def command(
    ended_before: str, archive: str | None, no_archive: bool, keep_keys: str, contract: str | None,
    limit: int | None, compact: bool, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Move runs that ended long ago out of the store, into an archive.

    The whole history of each run goes to the archive. The archive is durable before anything is
    deleted. Runs that have not ended are never touched. You can stop the command at any time and
    run it again; the archive may then have a history twice, and reading it allows for that. Workers
    go on meanwhile. A start under the key of a pruned run still finds that run, until --keep-keys
    is over. A run with an open alarm stays until somebody has acknowledged it.

    \b
    Examples:
      opord prune --ended-before 90d --archive old-runs.jsonl
      opord prune --ended-before 90d --dry-run
      opord runs history Refund/o1 --archive old-runs.jsonl
    """
    if archive == "-":
        raise click.UsageError("--archive needs the name of a file; standard output cannot be made durable")
    if (archive is None) != no_archive and not dry_run:
        raise click.UsageError("give --archive FILE, or --no-archive to delete the runs with their histories")
    wish = _wish(ended_before, keep_keys, contract, limit, compact=compact)
    if contract is not None:
        on_reader(store, lambda shown: _known(shown, contract))
    if dry_run:
        _tell(on_reader(store, lambda shown: _survey(shown, wish)), as_json, dry=True)
        return 0
    tally, name = on_reader(store, lambda shown: _prune(shown, wish, archive))
    _tell(tally, as_json, archive=name)
    return 0


async def _known(shown: Shown, contract: str) -> None:
    """Refuse the name of a contract that no stored contract has: nothing would be pruned.

    Raises:
        CliError: no contract has that name.
    """
    from opord.backends.base import RunFilter
    from opord.backends.listing import check_names

    try:
        await check_names(shown, RunFilter(contract=contract), ())
    except ValueError as wrong:
        raise CliError("name_unknown", str(wrong), 2) from None


async def _survey(shown: Shown, wish: PruneWish) -> Tally:
    (tally,) = [each async for each in shown.backend.prune(wish, None, dry_run=True)]
    return tally


async def _prune(shown: Shown, wish: PruneWish, path: str | None) -> tuple[Tally, str | None]:
    """Prune, and return the tally and the name of the archive."""
    with contextlib.ExitStack() as stack:
        archive: ArchiveWriter | None = None
        if path is not None:
            archive = stack.enter_context(contextlib.closing(await shown.backend.archive(Path(path))))
        advance = stack.enter_context(await _progress(shown, wish))
        tally: Tally | None = None
        try:
            async for tally in shown.backend.prune(wish, archive):
                advance(tally)
        except BaseException:
            if tally is not None and tally.pruned:
                note(f"{tally.pruned:,} runs were pruned before this error; run the command again to go on")
            raise
        assert tally is not None  # the last one is always shown
        return tally, archive.name if archive is not None else None


# --- WHEN ----------------------------------------------------------------------------------------


def _wish(
    ended_before: str, keep_keys: str, contract: str | None, limit: int | None, *, compact: bool
) -> PruneWish:
    from opord.backends.base import PruneWish

    age, before = moment("--ended-before", ended_before)
    return PruneWish(before, age, _kept_for(keep_keys), contract, limit, compact)


def _kept_for(argument: str) -> Duration:
    kept_us = span(argument)
    if kept_us is None:
        raise CliError(
            "usage", f"--keep-keys: expected a duration such as 365d, 12h or 4w, got: {argument!r}", 2
        )
    return kept_us


# --- telling -------------------------------------------------------------------------------------


async def _progress(shown: Shown, wish: PruneWish) -> AbstractContextManager[Callable[[Tally], None]]:
    """Show the progress on a terminal."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext(lambda _: None)
    total = (await _survey(shown, wish)).pruned
    return _bar(total)


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[Tally], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pruning runs", total=total)
        yield lambda tally: bar.update(task, completed=tally.pruned + tally.left)


def _tell(tally: Tally, as_json: bool, *, dry: bool = False, archive: str | None = None) -> None:
    from opord.kernel.instants import text

    ends = [
        None if ended is None else {"run": ended.run, "ended_at": text(ended.ended_at)}
        for ended in (tally.oldest, tally.newest)
    ]
    if as_json:
        report: dict[str, Any] = {
            "would_prune" if dry else "pruned": tally.pruned,
            "oldest": ends[0],
            "newest": ends[1],
            "alarmed": tally.alarmed,
        }
        if not dry:
            report["archive"] = archive
            report |= {
                "left": tally.left,
                "keys_forgotten": tally.keys_forgotten,
                "bytes": tally.bytes_archived,
            }
        write_json(report)
        return
    where = "" if dry else " into the archive" if archive is not None else ", without an archive"
    runs = counted(tally.pruned, "run")
    write(f"{runs} would be pruned" if dry else f"{runs} pruned{where}")
    for what, end in zip(("oldest", "newest"), ends, strict=True):
        if end is not None:
            write(f"{what:<9}  {safe(end['run'])}, ended {when(end['ended_at'])} UTC")
    if tally.left:
        write(f"{tally.left:,} were left, because something came for them meanwhile; run the command again")
    if tally.alarmed:
        runs = "1 run stays" if tally.alarmed == 1 else f"{tally.alarmed:,} runs stay"
        write(f"{runs}, because an alarm is open; `opord runs list --needs alarm` lists them")
    if tally.keys_forgotten:
        write(f"{tally.keys_forgotten:,} keys of runs that were pruned earlier are free again")
