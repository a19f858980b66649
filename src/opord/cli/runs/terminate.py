"""`opord runs terminate`: end runs by an administrator's decision."""

from __future__ import annotations

import click

from opord.cli.acting import Act, Selection, act_on, act_options
from opord.values.types import RunId


@click.command()
@act_options
def command(
    selection: Selection, actor: str, role: str | None, reason: str | None, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """End runs by an administrator's word.

    No contract foresees this end. Nothing is undone, and an action that is under way may still take
    effect. The run keeps its last state, and the journal says who ended it and why. If the contract
    should decide how a run ends, use `opord runs cancel`.

    \b
    Examples:
      opord runs terminate OrderFulfilment/ord-1001 --reason "test order"
      opord runs terminate --contract OrderFulfilment --version 1 --since-before 30d --dry-run
    """
    act = Act(
        "terminate",
        "terminated",
        lambda backend, name: backend.terminate(RunId(name), actor=actor, role=role, reason=reason),
    )
    return act_on(selection, act, store=store, dry_run=dry_run, as_json=as_json)
