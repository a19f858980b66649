"""`opord runs show`: where is this run?"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from opord.cli.completing import offer_runs
from opord.cli.output import status_words, write, write_json
from opord.cli.reading import on_reader
from opord.cli.settings import json_option, store_option
from opord.values.types import RunId
from opord.values.visible import readable, safe

if TYPE_CHECKING:
    from opord.backends.shown import Shown
    from opord.kernel.program import Program
    from opord.kernel.rows import Tombstone
    from opord.kernel.run import Intent, RunBody


class ShownRun(NamedTuple):
    """A run as shown, with more details if its contract can be read."""

    view: dict[str, Any]
    program: Program | None
    input: dict[str, Any]
    body: RunBody | None


class Gone(NamedTuple):
    """A run that was pruned."""

    tombstone: Tombstone


@click.command()
@click.argument("run", shell_complete=offer_runs)
@store_option
@json_option
def command(run: str, store: str, as_json: bool) -> int:
    """Show where a run is, what it carries, and what it waits for.

    A stalled run shows its error with the whole traceback. A run in doubt shows the call, its key,
    and since when it is in doubt. Stored events show their ids. Secrets are never shown. `opord
    runs history RUN` tells what happened before.
    """
    page = on_reader(store, lambda shown: _shown_run(shown, run))
    if isinstance(page, Gone):
        _tell_pruned(page.tombstone, as_json)
        return 0
    view, program = page.view, page.program
    if as_json:
        write_json(view)
        return 0
    from opord.cli.page import data_text, next_text, painted
    from opord.story.lines import Part, where_it_is
    from opord.story.page import waits_text
    from opord.story.troubles import frame_lines
    from opord.story.words import scheduling_in_words

    write(painted([Part(safe(run), "state"), Part(f"  {view['contract']} version {view['version']}", "dim")]))
    write(painted(where_it_is(view)))
    if scheduling := scheduling_in_words(view):
        write(f"{'scheduled':<9}  {scheduling}")
    for line in (
        *waits_text(view, program),
        *data_text("data", view["data"]),
        *data_text("input", page.input),
    ):
        write(line)
    body = page.body
    pending = body.pending if body is not None else None
    intent, tries = (pending.intent, pending.tries) if pending is not None else (None, None)
    if view["doubt"] is not None:
        write(f"{'in doubt':<9}  {_doubt_text(view['doubt'])}")
    elif intent is not None:
        write(f"{'call':<9}  {intent.call}, attempt {intent.attempt}, key {safe(intent.key)}")
        if view["under_way"] is not None:
            write(f"{'under way':<9}  {_under_way_text(view['under_way'])}")
    elif view["under_way"] is not None:
        call = view["under_way"]
        write(f"{'call':<9}  {call['call']}, attempt {call['attempt']}")
        write(f"{'under way':<9}  {_under_way_text(call)}")
    elif tries is not None:
        write(f"{'call':<9}  {tries.call}, attempt {tries.number}")
    for index, line in enumerate(frame_lines(view["trouble"], every=False)):
        write(f"{'code' if not index else '':<9}  {line}")
    until = _until_taken(intent)
    for index, one in enumerate(view["stored"]):
        write(f"{'stored' if not index else '':<9}  {_stored_text(one, until)}")
    for line in next_text(program, view) if program is not None else ():
        write(line)
    trouble = body.trouble if body is not None else None
    if trouble and trouble.get("traceback"):
        write()
        write(readable(str(trouble["traceback"]).rstrip("\n")))
    return 0


def _doubt_text(doubt: dict[str, Any]) -> str:
    """Say what is in doubt, since when, and under which key."""
    from opord.story.words import when

    since = f"since {when(doubt['since'])} UTC"
    return f"{safe(doubt['call'])} {since}, attempt {doubt['attempt']}, key {safe(doubt['key'])}"


def _under_way_text(call: dict[str, Any]) -> str:
    """Say since when a call is under way, and when it is given up."""
    from opord.story.words import when

    ends = f"at {when(call['until'])} UTC" if call["until"] is not None else "at its worker's call limit"
    return f"since {when(call['since'])} UTC; the worker gives it up {ends}"


def _until_taken(intent: Intent | None) -> str:
    """Say until when stored events wait."""
    if intent is None:
        return "waits until a state handles it"
    return f"waits until {intent.call} has an outcome and a state handles it"


def _stored_text(one: dict[str, Any], until: str) -> str:
    """Say which event waits, since when and until when, and its id."""
    from opord.story.words import when

    if "damaged" in one:
        return f"an event that cannot be read: {safe(one['damaged'])}"
    return f"{safe(one['event'] or '?')} since {when(one['at'])} UTC, {until}, id {safe(one['id'])}"


async def _shown_run(shown: Shown, run: str) -> ShownRun | Gone:
    from opord.backends.base import RowDamaged, RunPruned

    try:
        row = await shown.backend.row(RunId(run))
    except RunPruned as pruned:
        return Gone(pruned.tombstone)
    except RowDamaged as damage:
        if damage.readable is None:
            raise
        return ShownRun(await shown.page(damage.readable, str(damage)), None, {}, None)
    view = await shown.page(row)
    decoded_run = await shown.readable(row)
    if decoded_run is None:
        return ShownRun(view, None, {}, None)
    return ShownRun(
        view,
        decoded_run.program,
        decoded_run.program.input.show(decoded_run.input_rest.rest),
        decoded_run.body,
    )


def _tell_pruned(tombstone: Tombstone, as_json: bool) -> None:
    """Report of a pruned run how it ended, and where its story is."""
    from opord.kernel.instants import text
    from opord.story.words import when

    if as_json:
        write_json(
            {
                "run": tombstone.run,
                "contract": tombstone.name,
                "version": tombstone.version,
                "state": tombstone.state,
                "status": "ended",
                "outcome": tombstone.outcome,
                "since": text(tombstone.ended_at),
                "pruned": {
                    "at": text(tombstone.pruned_at),
                    "archive": tombstone.archive,
                    "key_kept_until": text(tombstone.forget_at),
                },
            }
        )
        return
    write(f"{safe(tombstone.run)}  {tombstone.name} version {tombstone.version}")
    write(
        f"{status_words('ended', tombstone.outcome)} in {tombstone.state}  since {when(text(tombstone.ended_at))} UTC"
    )
    where = (
        f"its history is in {safe(tombstone.archive)}"
        if tombstone.archive is not None
        else "its history was not archived"
    )
    write(f"pruned     {when(text(tombstone.pruned_at))} UTC, {where}")
    write(
        f"key        kept until {when(text(tombstone.forget_at))} UTC: until then no other run can start under it"
    )
    if tombstone.archive is not None:
        write(
            f"you can    opord runs history {shlex.quote(safe(tombstone.run))} --archive {shlex.quote(safe(tombstone.archive))}"
        )
