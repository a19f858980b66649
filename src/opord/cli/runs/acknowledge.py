"""`opord runs acknowledge`: a person has looked at the alarms of a run."""

from __future__ import annotations

import click

from opord.cli.acting import Act, Selection, act_on, act_options
from opord.values.types import RunId


@click.command()
@click.option("--seen", type=click.IntRange(min=1), metavar="RECORD",
              help="The number of the newest record that you saw; `opord runs show` gives it. If an alarm came later, nothing is done.")  # fmt: skip
@act_options
def command(
    seen: int | None,
    selection: Selection, actor: str, role: str | None, reason: str | None, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Close the alarms of runs that you have looked at.

    A run has an alarm when later evidence contradicts a decision: an action took effect after all,
    or a second time. An alarm does not move the run, and it stays open after the run's end. `opord
    runs show RUN` says what was decided and what came later. First put the other side right:
    reverse by hand what should not have happened, or book what did. Then acknowledge the alarm. The
    journal keeps your reason.

    \b
    Examples:
      opord runs acknowledge OrderFulfilment/ord-1001 --seen 9 --reason "second charge refunded"
      opord runs acknowledge --needs alarm --contract OrderFulfilment --dry-run
    """
    if seen is not None and len(selection.runs) != 1:
        raise click.UsageError("--seen needs exactly one RUN")
    act = Act(
        "acknowledge",
        "acknowledged",
        lambda backend, name: backend.acknowledge(
            RunId(name), seen=seen, actor=actor, role=role, reason=reason
        ),
    )
    return act_on(selection, act, store=store, dry_run=dry_run, as_json=as_json)
