"""`opord runs cancel`: the built-in event `cancel`."""

from __future__ import annotations

import click

from opord.cli.acting import Act, Selection, act_on, act_options
from opord.values.types import RunId


@click.command()
@act_options
def command(
    selection: Selection, actor: str, role: str | None, reason: str | None, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Ask runs to cancel, as their contract allows.

    This sends the built-in event `cancel` with the reason. The contract says in which states a run
    takes it, and where it leads. While an action is under way, the event waits until the step has
    ended. If no state handles it, it is refused.

    \b
    Examples:
      opord runs cancel OrderFulfilment/ord-1001 --reason "customer called"
      opord runs cancel --contract OrderFulfilment --state Review --since-before 7d --dry-run
    """
    act = Act(
        "cancel",
        "told to cancel",
        lambda backend, name: backend.cancel(RunId(name), actor=actor, role=role, reason=reason),
    )
    return act_on(selection, act, store=store, dry_run=dry_run, as_json=as_json)
