"""`opord runs resolve`: a person says whether an action happened."""

from __future__ import annotations

from typing import Any

import click

from opord.cli.acting import Act, Selection, act_on, act_options
from opord.cli.errors import CliError
from opord.cli.inputs import parsed, read_one
from opord.values.types import RunId

_NO_RESULT = "\0"
"""The value of `--happened` without a RESULT; no argument of a program can contain a NUL."""


@click.command()
@click.option("--happened", is_flag=False, flag_value=_NO_RESULT, metavar="[RESULT]",
              help="It happened, with this RESULT (JSON, or @file.json). Leave RESULT out if the action has none.")  # fmt: skip
@click.option("--did-not-happen", is_flag=True, help="It did not happen. The run calls it (again).")
@click.option("--another", is_flag=True,
              help="For a collision: this is another commit. The run makes it under its own key.")  # fmt: skip
@click.option("--seen", type=click.IntRange(min=1), metavar="RECORD",
              help="The number of the newest record that you saw; `opord runs show` gives it. If the run has moved since, nothing is done.")  # fmt: skip
@act_options
def command(
    happened: str | None, did_not_happen: bool, another: bool, seen: int | None,
    selection: Selection, actor: str, role: str | None, reason: str | None, dry_run: bool, store: str, as_json: bool,
) -> int:  # fmt: skip
    """Say whether an action that is in doubt happened.

    An action is in doubt when it was called and nobody knows the outcome: the worker died, the call
    timed out, or the answer was lost. Look at the other side (its dashboard, its ledger); `opord
    runs show RUN` has the key. Then say what you found. If the action happened, the run goes on
    with the result. If not, the run calls it with the same key. Copy the command from `opord runs
    show`: its --seen refuses your answer if the run is by then in doubt about another call.

    A run also asks you about a collision: the key of an action took effect in this run before, with
    other arguments. --happened says that it is the same commit; the run takes the result on record.
    --another says that it is another commit; the run makes it under its own key.

    \b
    Examples:
      opord runs resolve OrderFulfilment/ord-1001 --did-not-happen --as ann
      opord runs resolve OrderFulfilment/ord-1001 --as ann --happened \\
          '{"charge_id": "ch_1", "charged_at": "2026-01-31T12:00:00Z"}'
    """
    if (happened is not None) + did_not_happen + another != 1:
        raise click.UsageError("give exactly one of --happened [RESULT], --did-not-happen and --another")
    if not selection.runs and happened is not None and "/" in happened and happened[:1] not in '{["@':
        # `resolve --happened RUN`: an option takes the next word, and a RUN is never JSON.
        selection, happened = selection._replace(runs=(happened,)), _NO_RESULT
    if seen is not None and len(selection.runs) != 1:
        raise click.UsageError("--seen needs exactly one RUN")
    result = _result(happened)
    act = Act(
        "resolve",
        "resolved",
        lambda backend, name: backend.resolve(
            RunId(name),
            happened=None if another else happened is not None,
            another=another,
            result=result,
            seen=seen,
            actor=actor,
            role=role,
            reason=reason,
        ),
    )
    return act_on(selection, act, store=store, dry_run=dry_run, as_json=as_json)


def _result(happened: str | None) -> Any:
    if happened is None or happened == _NO_RESULT:
        return None
    if happened == "-":
        raise CliError("usage", "give the RESULT as JSON, or as @file.json", 2)
    return read_one(happened) if happened.startswith("@") else parsed(happened, "the result")
