"""`opord runs acknowledge`: a person has looked at the alarms of a run."""

from __future__ import annotations

import click

from opord.cli.acting import Act, Selection, act_on, act_options
from opord.kernel.rows import known_needs
from opord.values.types import RunId


@click.command()
@click.option("--seen", type=click.IntRange(min=1), metavar="RECORD",
              help="The newest record that you saw, as `opord runs show` gives it: if an alarm came after it, nothing is done.")  # fmt: skip
@act_options
def command(
    seen: int | None,
    selection: Selection, actor: str, role: str | None, reason: str | None, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Close the alarms of runs that you have looked at.

    A run has an alarm when what came in contradicts what was decided: an action took effect after
    all, or a second time. Nothing moves the run for it, and it stays open after the run's end.
    `opord runs show RUN` says what was decided and what came. See to the other side first (reverse
    by hand what should not have happened, or book what did), then acknowledge it; the reason goes
    on record.

    \b
    Examples:
      opord runs acknowledge OrderFulfilment/ord-1001 --seen 9 --reason "second charge refunded"
      opord runs acknowledge --needs alarm --contract OrderFulfilment --dry-run
    """
    if seen is not None and len(selection.runs) != 1:
        raise click.UsageError("--seen goes with one RUN")
    act = Act(
        "acknowledge",
        "acknowledged",
        lambda row: "alarm" in known_needs(row.head.needs),
        lambda backend, name: backend.acknowledge(
            RunId(name), seen=seen, actor=actor, role=role, reason=reason
        ),
    )
    return act_on(selection, act, store=store, dry_run=dry_run, as_json=as_json)
