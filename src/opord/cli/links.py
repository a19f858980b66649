"""`opord links`: one-use links, such as for an approval by mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opord.cli.completing import offer_runs
from opord.cli.inputs import INPUT_HELP, read_one
from opord.cli.output import note, write, write_json
from opord.cli.server_state import note_act, on_state, state_option
from opord.cli.settings import json_option, login_name, server_setting, store_option
from opord.values.types import Instant, RunId
from opord.values.visible import safe

if TYPE_CHECKING:
    from opord.backends.base import Backend
    from opord.server.state import State
    from opord.server.state.links import Link


@click.group()
def command() -> None:
    """Make links that send one event to one run, once, in the name of one person.

    Who has the link needs no token, so send it to that person alone. To open it changes nothing;
    POST uses it. It ends when it was used, when it expires, and when the run leaves the state that
    it is in now.

    \b
    Examples:
      opord links create Refund/2026-17 approve --as ann --role clerk --expires 3d
      opord links rotate --drop
    """


@command.command()
@click.argument("run", shell_complete=offer_runs)
@click.argument("event")
@click.option(
    "--as", "actor", required=True, metavar="ACTOR", help="Who acts with it. The journal keeps this name."
)
@click.option("--role", metavar="ROLE", help="The role in which the event is sent, if it has several.")
@click.option("--input", "args", metavar="INPUT", help=f"Parameters that the link fixes. {INPUT_HELP}")
@click.option("--expires", default="3d", show_default=True, metavar="WHEN",
              help="When it expires: after a time such as 3d, or at an instant; 90 days at most.")  # fmt: skip
@click.option("--url", default=lambda: server_setting("url", ""), metavar="URL", show_default="url of [server]",
              help="The address at which people reach the server, such as https://ops.example.com.")  # fmt: skip
@store_option
@state_option
@json_option
def create(
    run: str, event: str, actor: str, role: str | None, args: str | None, expires: str, url: str, store: str,
    state: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Make a link. It is shown once: the store keeps no copy that opens it.

    \b
    Example:
      opord links create Refund/2026-17 approve --as ann --role clerk --expires 3d
    """
    maker, fixed = login_name(), read_one(args)

    async def make(backend: Backend, tables: State) -> tuple[Link, str]:
        from opord.server import Principal, approving
        from opord.server.granting import end_of

        end = end_of(expires, await tables.now(), "the link")
        intention = approving.Intention(RunId(run), event, actor, role, fixed, Instant(end or 0))
        made = await approving.make(backend, tables, Principal(maker, None), intention)
        await note_act(tables, maker, "create link", run)
        return made

    link, text = on_state(store, state, make)
    address = f"{url.rstrip('/')}/api/v1/links/{text}"
    if as_json:
        from opord.kernel.instants import text as instant

        write_json(
            {
                "link": address,
                "id": link.id,
                "run": run,
                "event": event,
                "expires_at": instant(link.expires_at),
            }
        )
        return 0
    note(f"sends {safe(event)} to {safe(run)} once, as {safe(actor)}; keep it now, it is not shown again:")
    write(address)
    return 0


@command.command()
@click.option("--drop", is_flag=True, help="Let all links that were made before open nothing, at once.")
@store_option
@state_option
def rotate(drop: bool, store: str, state: str | None) -> int:
    """Sign new links with a new key.

    Those that were made before hold until they expire. With --drop they open nothing any more.

    \b
    Example:
      opord links rotate --drop
    """

    async def job(_: Backend, tables: State) -> None:
        from opord.server.state.links import rotate_keys

        await rotate_keys(tables, drop=drop)
        await note_act(tables, login_name(), "rotate link keys", "")

    on_state(store, state, job)
    write(
        "all links that were made before open nothing now" if drop else "new links are signed with a new key"
    )
    return 0
