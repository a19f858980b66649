"""`opord runs resume`: let stalled runs go on.

`opord runs retry` is the same command under its older name.
"""

from __future__ import annotations

import click

from opord.cli.acting import Act, Selection, act_on, act_options
from opord.values.types import RunId


@click.command()
@act_options
def command(
    selection: Selection, actor: str, role: str | None, reason: str | None, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Let stalled runs go on.

    A run stalls when its handler raises an undeclared error, or when its step cannot be computed.
    Mend the cause first; `opord runs show RUN` has the error and its place. Then resume the run: it
    goes on where it was. An action that is on record as done is not called again.

    \b
    Examples:
      opord runs resume OrderFulfilment/ord-1001 --reason "customer service is back"
      opord runs resume --contract OrderFulfilment --status stalled --dry-run
    """
    act = Act(
        "resume",
        "going on",
        lambda backend, name: backend.resume(RunId(name), actor=actor, role=role, reason=reason),
    )
    return act_on(selection, act, store=store, dry_run=dry_run, as_json=as_json)
