"""`opord runs history`: what happened to this run?"""

from __future__ import annotations

import click

from opord.cli.output import safe, write, write_json
from opord.cli.reading import open_reader
from opord.cli.settings import json_option, store_option


@click.command()
@click.argument("run")
@store_option
@json_option
def command(run: str, store: str, as_json: bool) -> int:
    """Tell what happened to a run.

    From the start to now: the states it went through and why, its calls with their attempts and how long each
    took, who sent what, why it waits, and what a person can do next. Secrets are never shown.
    """
    from opord.kernel.views import history_view

    with open_reader(store) as reader:
        row = reader.row(run)
        program = reader.program(row)
        history = history_view(program, reader.journal(run), reader.store.inbox(run))
        view = reader.view(row)
    if as_json:
        write_json(history)
        return 0
    from opord.cli.page import duration_text, next_text, painted, story_text, waits_text
    from opord.cli.story import Part, tell, where_it_is

    write(
        painted(
            [
                Part(safe(run), "state"),
                Part(f"  version {view['version']}, {duration_text(history, view)}", "dim"),
            ]
        )
    )
    write()
    for line in story_text(tell(program, history)):
        write(line)
    write()
    write(painted(where_it_is(view)))
    for line in (*waits_text(view, program), *next_text(program, view)):
        write(line)
    return 0
