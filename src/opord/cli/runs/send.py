"""`opord runs send`: send a run an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from opord.cli.acting import Session, on_backend
from opord.cli.completing import offer_runs
from opord.cli.errors import CliError, ShapedRefusal
from opord.cli.inputs import INPUT_HELP, read_one
from opord.cli.output import write, write_json
from opord.cli.settings import actor_options, json_option, store_option
from opord.values.types import RunId
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.base import InputInvalid
    from opord.generated.handles import Sent

_RECEPTIONS = {
    "taken": "took it",
    "stored": "keeps it until a state handles it",
    "ignored": "put it on record, and does nothing else with it",
    "duplicate": "had this event before; nothing changed",
    "repeated": "had this event before; nothing changed",
    "dropped": "had this event before, and a person dropped it; nothing changed",
}


@click.command()
@click.argument("run", shell_complete=offer_runs)
@click.argument("event")
@click.option("--input", "members_text", metavar="INPUT", help=INPUT_HELP)
@actor_options
@store_option
@json_option
def command(
    run: str, event: str, members_text: str | None, actor: str, role: str | None, store: str, as_json: bool
) -> int:
    """Send a run an event.

    The command says at once what became of the event: the run took it, keeps it for later, or
    refused it. A refusal names the events that the run's state handles; it has changed nothing.
    `opord runs show RUN` lists what a run waits for.

    \b
    Example:
      opord runs send OrderFulfilment/ord-1001 approve --input '{"note": "ok"}' --as ann --role manager
    """  # noqa: W505 - the line is shown as it stands
    members, unread = _read(members_text)

    async def send(session: Session) -> Sent:
        from opord.backends.base import InputInvalid

        if unread is not None:
            raise await _with_shape(session, run, event, unread) from unread
        try:
            return await session.backend.send(RunId(run), event, members, actor=actor, role=role)
        except InputInvalid as wrong:
            raise await _with_shape(session, run, event, wrong) from wrong

    answer = on_backend(store, send)
    reception = str(answer[0])
    if as_json:
        write_json({"run": run, "event": event, "reception": reception, "state": answer.state})
    else:
        write(
            f"{safe(run)} {_RECEPTIONS.get(reception, reception)} ({safe(event)}); the run is in {answer.state}"
        )
    return 0


def _read(argument: str | None) -> tuple[Any, CliError | None]:
    """Return an input, or why it is none that can be sent."""
    try:
        return read_one(argument), None
    except CliError as wrong:
        if wrong.code != "input_invalid":
            raise
        return None, wrong


async def _with_shape(session: Session, run: str, event: str, wrong: InputInvalid | CliError) -> Exception:
    """Return a refusal with the shape of INPUT that the event wants, if its content is refused."""
    from opord.backends.shown import Shown
    from opord.cli.input_shape import input_shape

    shown = Shown(session.backend)
    program = await shown.program_if_readable(await session.backend.row(RunId(run)))
    about_sender = getattr(wrong, "what", None) == "the sender"
    if program is None or event not in program.events or about_sender:
        return wrong
    return ShapedRefusal(wrong, input_shape(program.contract, program.events[event].declaration.params))
