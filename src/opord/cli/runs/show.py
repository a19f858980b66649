"""`opord runs show`: where is this run?"""

from __future__ import annotations

from typing import Any

import click

from opord.cli.output import write, write_json
from opord.cli.reading import open_reader
from opord.cli.settings import json_option, store_option
from opord.story.signs import readable, safe


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
        row = reader.row(run)
        view = reader.view(row)
        if as_json:
            write_json(view)
            return 0
        from opord.engine.programs import ContractUnreadable

        try:
            program = reader.program(row)
            shown_input = _input(program, row.input)
            body = reader.run(row).body
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


def _input(program: Any, text: str) -> dict[str, Any]:
    from opord.values.canonical import loads

    shown: dict[str, Any] = program.input.show(loads(text))
    return shown
