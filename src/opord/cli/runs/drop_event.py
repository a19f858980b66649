"""`opord runs drop-event`: take an event out of a run."""

from __future__ import annotations

import click

from opord.cli.acting import on_backend
from opord.cli.output import write, write_json
from opord.cli.settings import actor_options, json_option, store_option
from opord.values.types import RunId
from opord.values.visible import safe


@click.command()
@click.argument("run")
@click.argument("event_id")
@click.option("--reason", metavar="TEXT", help="Why you do it. The journal keeps this text.")
@click.option("--dry-run", is_flag=True, help="Say whether the drop would be refused, and do nothing.")
@actor_options
@store_option
@json_option
def command(
    run: str, event_id: str, reason: str | None, dry_run: bool,
    actor: str, role: str | None, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Drop an event that a run must not handle.

    EVENT_ID is the id of a stored event, or of the event that a stalled step answers; `opord runs
    show RUN` has the ids. After that, the run waits in its state again, with the timers that it had
    on entry. If the dropped event has a key and is sent again, the answer says that it was dropped.
    If the step has begun to commit an action, the drop is refused.

    \b
    Example:
      opord runs drop-event OrderFulfilment/ord-1001 0199f3d2a1c4 --reason "sent by mistake"
    """
    on_backend(
        store,
        lambda session: session.backend.drop_event(
            RunId(run), event_id, actor=actor, role=role, reason=reason, dry_run=dry_run
        ),
    )
    if as_json:
        would = "would" if dry_run else "done"
        write_json({"run": run, "event_id": event_id, would: "drop"})
    else:
        write(f"{safe(run)}: {safe(event_id)} {'would be dropped' if dry_run else 'dropped'}")
    return 0
