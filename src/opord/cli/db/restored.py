"""`opord db restored`: mark a store as restored from a copy, before workers go on with its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from opord.cli.errors import CliError
from opord.cli.output import note, write, write_json, write_table
from opord.cli.settings import actor_options, json_option, store_option
from opord.story.counting import counted
from opord.story.words import when
from opord.values.types import START_OF_TIME, Instant
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.upkeep import Marked

SHOWN = 50
"""How many runs are listed on a terminal; `--json` has all."""


@click.command()
@click.option(
    "--copied-at",
    metavar="INSTANT",
    help="When the copy was made, such as 2026-01-31T03:00:00Z. Without it, the time of a run's last record counts.",
)
@click.option("--reason", metavar="TEXT", help="Why you do it. The journal keeps this text.")
@click.option("--dry-run", is_flag=True, help="List the runs that would be marked, and change nothing.")
@actor_options
@store_option
@json_option
def command(
    copied_at: str | None, reason: str | None, dry_run: bool,
    actor: str, role: str | None, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Mark the runs of a store that was restored from a copy, before any worker goes on with it.

    What was done after the copy was made is not on record, so runs would do it again. This command
    marks each live run. The next action of a marked run is then in doubt before it is called,
    unless the other side would recognise it by its key. The other side recognises only a key that
    the contract computes (`key order_id`). The contract's own rule ends the doubt; where that rule
    goes by another key, a person is asked. A mark ends after thirty days, or once it is certain
    that nothing was done after the copy. The command lists the runs. You can stop it and run it
    again: a run that has not moved since is not marked twice.

    \b
    Examples:
      opord db restored --copied-at 2026-01-31T03:00:00Z --dry-run
      opord db restored --copied-at 2026-01-31T03:00:00Z --reason "disk of host 7 lost"
      opord db restored --json > marked.json
    """
    from opord.backends.upkeep import mark_restored

    since = _instant(copied_at)
    runs: list[Marked] = []
    try:
        for one in mark_restored(
            store, actor=actor, copied_at=since, role=role, reason=reason, dry_run=dry_run
        ):
            runs.append(one)
    except BaseException:
        if runs and not dry_run:
            note(
                f"{len(runs):,} runs were marked before this error; run the command again before any worker starts"
            )
        raise
    if as_json:
        write_json(_data(runs, dry_run=dry_run))
    else:
        _tell(runs, dry_run=dry_run)
    return int(any(one.how == "unreadable" for one in runs))


def _instant(argument: str | None) -> Instant:
    from opord.kernel.instants import from_datetime
    from opord.values.duration import parse_instant
    from opord.values.guard import BadValue

    if argument is None:
        return START_OF_TIME
    try:
        return max(from_datetime(parse_instant(argument)), START_OF_TIME)
    except BadValue:
        raise CliError(
            "usage", f"--copied-at: expected an instant such as 2026-01-31T03:00:00Z, got: {argument!r}", 2
        ) from None


def _data(runs: list[Marked], *, dry_run: bool) -> dict[str, Any]:
    marked = "would_mark" if dry_run else "marked"
    return {
        "format": 1,
        marked: sum(one.how in _MARKED_NOW for one in runs),
        "marked_before": sum(one.how == "marked before" for one in runs),
        "unreadable": sum(one.how == "unreadable" for one in runs),
        "runs": [one._asdict() for one in runs],
    }


_MARKED_NOW = ("marked", "to be marked")


def _tell(runs: list[Marked], *, dry_run: bool) -> None:
    if not runs:
        write("no live runs: no action can be done a second time")
        return
    shown = sorted(runs, key=lambda one: one.open is None)[:SHOWN]
    write_table(
        ["RUN", "STATE", "STATUS", "NOT ON RECORD SINCE", "IN DOUBT FIRST"], [_row(one) for one in shown]
    )
    if len(runs) > SHOWN:
        note(f"{len(runs) - SHOWN:,} more are not shown; --json lists all")
    before = sum(one.how == "marked before" for one in runs)
    marked = sum(one.how in _MARKED_NOW for one in runs)
    was = f"; {before:,} {'was' if before == 1 else 'were'} marked before" if before else ""
    now = "would be marked" if dry_run else f"{'is' if marked == 1 else 'are'} marked now"
    write(f"{counted(marked, 'live run')} {now}{was}")
    if unreadable := sum(one.how == "unreadable" for one in runs):
        write(
            f"{unreadable:,} cannot be read and got no mark; mend this before you start a worker: "
            "`opord runs verify` says what is wrong"
        )
    write("Runs that were started after the copy are not listed: this store does not know them.")
    if dry_run:
        write("Nothing was changed: start no worker before you have given the command without --dry-run.")
    elif not unreadable:
        write("Workers may start now.")


def _row(one: Marked) -> list[str]:
    if one.how == "unreadable":
        first = "cannot be read: not marked"
    elif one.open is not None:
        first = f"{one.open['call']} is open, attempt {one.open['attempt']}, key {safe(one.open['key'])}"
    else:
        late = [f"{name} (once its key is forgotten)" for name in one.with_time]
        other = [f"{one.colliding} (if it is another commit)"] if one.colliding is not None else []
        first = (
            ", ".join([*other, *one.first_in_doubt, *late])
            or "nothing: every action has a key that the contract computes and that lasts"
        )
    return [
        safe(one.run),
        one.state,
        one.status.replace("_", " "),
        when(one.since) if one.since else "",
        first,
    ]
