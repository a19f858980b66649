"""`opord prune`: runs that ended long ago leave the store, into an archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from opord.cli.errors import CliError
from opord.cli.output import note, write, write_json
from opord.cli.reading import open_reader
from opord.cli.settings import json_option, store_option
from opord.story.signs import safe
from opord.story.words import when

if TYPE_CHECKING:
    from opord.engine.pruning import Tally
    from opord.stores.archive import ArchiveWriter
    from opord.stores.base import Store

_WEEKS = re.compile(r"(\d{1,9})w(.*)", re.ASCII)


class Wish(NamedTuple):
    """What was asked for, as given."""

    ended_before: str
    archive: str | None
    keep_keys: str
    contract: str | None
    limit: int | None
    compact: bool


@click.command()
@click.option(
    "--ended-before",
    required=True,
    metavar="WHEN",
    help="Runs that ended longer ago than 90d (or 12h, 4w), or before an instant such as 2026-01-31T00:00:00Z.",
)
@click.option("--archive", metavar="FILE", help="Append their stories to this file; it is made if need be.")
@click.option("--no-archive", is_flag=True, help="Delete them, and keep their stories nowhere.")
@click.option(
    "--keep-keys",
    default="365d",
    show_default=True,
    metavar="DURATION",
    help="For how long no other run can be started under their keys.",
)
@click.option("--contract", metavar="NAME", help="Only runs of this contract.")
@click.option("--limit", type=click.IntRange(min=1), help="How many at the most; the oldest go first.")
@click.option("--compact", is_flag=True, help="Give the space back to the disk; this holds up workers.")
@click.option("--dry-run", is_flag=True, help="Say how many runs that would be, and do nothing.")
@store_option
@json_option
def command(
    ended_before: str, archive: str | None, no_archive: bool, keep_keys: str, contract: str | None,
    limit: int | None, compact: bool, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Take runs that ended long ago out of the store, into an archive.

    Each run's whole story goes to the archive, which is made durable before anything is deleted. Runs that have not
    ended are never touched. It can be stopped anywhere, and run again: a story may then stand in the archive twice,
    which reading it sees. Workers go on meanwhile. A start under the key of a pruned run finds that run, as before,
    until --keep-keys is over.

    \b
    Examples:
      opord prune --ended-before 90d --archive old-runs.jsonl
      opord prune --ended-before 90d --dry-run
      opord runs history Refund/o1 --archive old-runs.jsonl
    """
    if archive == "-":
        raise click.UsageError("--archive takes a file: what goes to standard output cannot be made durable")
    if (archive is None) != no_archive and not dry_run:
        raise click.UsageError(
            "say --archive FILE, or --no-archive to keep the stories of these runs nowhere"
        )
    wish = Wish(ended_before, archive, keep_keys, contract, limit, compact)
    with open_reader(store) as reader:
        return _survey(reader.store, wish, as_json) if dry_run else _prune(reader.store, wish, as_json)


def _survey(store: Store, wish: Wish, as_json: bool) -> int:
    from opord.engine.pruning import survey

    before = _before(wish.ended_before, store.now())
    _kept_for(wish.keep_keys)
    tally = survey(store, before=before, contract=wish.contract, limit=wish.limit)
    _tell(tally, wish, as_json, dry=True)
    return 0


def _prune(store: Store, wish: Wish, as_json: bool) -> int:
    from opord.engine.pruning import Pruning

    before, keep_us = _before(wish.ended_before, store.now()), _kept_for(wish.keep_keys)
    with _open(store, wish.archive) as archive:
        pruning = Pruning(
            store, before=before, archive=archive, keep_us=keep_us, contract=wish.contract, limit=wish.limit
        )
        try:
            with _progress(store, before, wish) as advance:
                for tally in pruning.steps():
                    advance(tally)
        except BaseException:
            if pruning.tally.pruned:
                note(f"{pruning.tally.pruned:,} runs were pruned before this; run it again to go on")
            raise
    if wish.compact:
        store.compact()
    _tell(pruning.tally, wish, as_json, archive=archive.name if archive is not None else None)
    return 0


@contextmanager
def _open(store: Store, path: str | None) -> Iterator[ArchiveWriter | None]:
    if path is None:
        yield None
        return
    from opord.kernel.instants import text
    from opord.stores.archive import ArchiveWriter

    archive = ArchiveWriter.open(Path(path), store.identity(), text(store.now()))
    try:
        yield archive
    finally:
        archive.close()


# --- WHEN ----------------------------------------------------------------------------------------


def _before(given: str, now: int) -> int:
    """Return the instant that WHEN means, by the store's clock."""
    from opord.kernel.instants import from_datetime
    from opord.values.duration import parse_instant
    from opord.values.guard import BadValue

    span = _span(given)
    if span is not None:
        return max(now - span, 0)
    try:
        return max(from_datetime(parse_instant(given)), 0)
    except BadValue:
        raise CliError(
            "usage", f"--ended-before: expected 90d, 12h, 4w or 2026-01-31T00:00:00Z, got: {given!r}", 2
        ) from None


def _kept_for(given: str) -> int:
    span = _span(given)
    if span is None:
        raise CliError(
            "usage", f"--keep-keys: expected a duration such as 365d, 12h or 4w, got: {given!r}", 2
        )
    return span


def _span(given: str) -> int | None:
    """Return a duration in microseconds; None if it is none, or negative."""
    from opord.kernel.instants import microseconds
    from opord.values.duration import parse_duration
    from opord.values.guard import BadValue

    weeks = _WEEKS.fullmatch(given)
    rest = weeks[2] if weeks is not None else given
    try:
        span = microseconds(parse_duration(rest)) if rest or weeks is None else 0
    except BadValue:
        return None
    if span < 0 or rest.startswith("-"):
        return None
    return span + (int(weeks[1]) * 7 * 86_400_000_000 if weeks is not None else 0)


# --- telling -------------------------------------------------------------------------------------


@contextmanager
def _progress(store: Store, before: int, wish: Wish) -> Iterator[Any]:
    """Show on a terminal how far it has come."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from opord.engine.pruning import survey

    total = survey(store, before=before, contract=wish.contract, limit=wish.limit).pruned
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pruning runs", total=total)
        yield lambda tally: bar.update(task, completed=tally.pruned + tally.left)


def _tell(tally: Tally, wish: Wish, as_json: bool, *, dry: bool = False, archive: str | None = None) -> None:
    from opord.kernel.instants import text

    ends = [
        None if ended is None else {"run": ended.run, "ended_at": text(ended.ended_at)}
        for ended in (tally.oldest, tally.newest)
    ]
    if as_json:
        said: dict[str, Any] = {
            "would_prune" if dry else "pruned": tally.pruned,
            "oldest": ends[0],
            "newest": ends[1],
        }
        if not dry:
            said["archive"] = archive
            said |= {
                "left": tally.left,
                "keys_forgotten": tally.keys_forgotten,
                "bytes": tally.bytes_archived,
            }
        write_json(said)
        return
    where = "" if dry else " into the archive" if wish.archive is not None else ", without an archive"
    runs = f"{tally.pruned:,} run{'' if tally.pruned == 1 else 's'}"
    write(f"{runs} would be pruned" if dry else f"{runs} pruned{where}")
    for what, end in zip(("oldest", "newest"), ends, strict=True):
        if end is not None:
            write(f"{what:<9}  {safe(end['run'])}, ended {when(end['ended_at'])} UTC")
    if tally.left:
        write(f"{tally.left:,} left: something came for them meanwhile; run it again")
    if tally.keys_forgotten:
        write(f"{tally.keys_forgotten:,} keys of runs pruned earlier are free again")
