"""`opord runs show`: where is this run?"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from opord.cli.output import status_words, write, write_json
from opord.cli.reading import open_reader
from opord.cli.settings import json_option, store_option
from opord.story.signs import readable, safe

if TYPE_CHECKING:
    from opord.stores.base import Tombstone


@click.command()
@click.argument("run")
@store_option
@json_option
def command(run: str, store: str, as_json: bool) -> int:
    """Show where a run is, what it carries, and what it waits for.

    A stalled run shows its error with the whole traceback, one in doubt shows the call and its key. Secrets are
    never shown. `opord runs history RUN` tells how it came there.
    """
    with open_reader(store) as reader:
        gone = reader.store.tombstone(run) if reader.store.load(run) is None else None
        if gone is not None:
            _tell_pruned(gone, as_json)
            return 0
        row = reader.row(run)
        view = reader.view(row)
        if as_json:
            write_json(view)
            return 0
        from opord.drive.errors import ContractUnreadable

        try:
            program = reader.program(row)
            run_read = reader.run(row)
            shown_input, body = program.input.show(run_read.input_rest.rest), run_read.body
        except ContractUnreadable:
            program, shown_input, body = None, {}, None
    from opord.cli.page import data_text, next_text, painted
    from opord.story.lines import Part, where_it_is
    from opord.story.page import waits_text

    write(painted([Part(safe(run), "state"), Part(f"  {view['contract']} version {view['version']}", "dim")]))
    write(painted(where_it_is(view)))
    for line in (
        *waits_text(view, program),
        *data_text("data", view["data"]),
        *data_text("input", shown_input),
    ):
        write(line)
    intent = body.pending.intent if body is not None and body.pending is not None else None
    if intent is not None:
        write(f"{'call':<9}  {intent.call}, attempt {intent.attempt}, key {safe(intent.key)}")
    for line in next_text(program, view) if program is not None else ():
        write(line)
    trouble = body.trouble if body is not None else None
    if trouble and trouble.get("traceback"):
        write()
        write(readable(str(trouble["traceback"]).rstrip("\n")))
    return 0


def _tell_pruned(gone: Tombstone, as_json: bool) -> None:
    """Say of a run that was pruned how it ended, and where its story went."""
    from opord.kernel.instants import text
    from opord.story.words import when

    if as_json:
        write_json(
            {
                "run": gone.run,
                "contract": gone.name,
                "version": gone.version,
                "state": gone.state,
                "status": "ended",
                "outcome": gone.outcome,
                "since": text(gone.ended_at),
                "pruned": {
                    "at": text(gone.pruned_at),
                    "archive": gone.archive,
                    "key_kept_until": text(gone.forget_at),
                },
            }
        )
        return
    write(f"{safe(gone.run)}  {gone.name} version {gone.version}")
    write(f"{status_words('ended', gone.outcome)} in {gone.state}  since {when(text(gone.ended_at))} UTC")
    where = f"its story is in {safe(gone.archive)}" if gone.archive is not None else "without an archive"
    write(f"pruned     {when(text(gone.pruned_at))} UTC, {where}")
    write(f"key        kept until {when(text(gone.forget_at))} UTC: no other run can be started under it")
    if gone.archive is not None:
        write(
            f"you can    opord runs history {shlex.quote(safe(gone.run))} --archive {shlex.quote(safe(gone.archive))}"
        )
