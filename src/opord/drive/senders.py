"""Check who sends an event: one of the roles that may, and nobody whom `except` names."""

from __future__ import annotations

from opord.contract import Event
from opord.drive.errors import Refused, RoleRequired
from opord.kernel.excluding import Exclusion
from opord.kernel.run import Run
from opord.values.types import RunId


class SenderExcluded(Refused):
    """The contract excludes the sender by name, or asks for a name and there is none."""

    code = "sender_excluded"
    run: RunId
    event: str
    actor: str
    path: str

    def __init__(self, run: RunId, event: Event, actor: str, excluded: Exclusion) -> None:
        said = f"the contract says `event {event.name} … {event.senders}`"
        if excluded.path:
            there = "has that name in it" if excluded.in_list else "is that name"
            why = f"{actor} may not send {event.name} to {run}: {said}, and {excluded.path} {there}"
        else:
            why = f"{event.name} is sent by somebody with a name, and no actor was given: {said}"
        super().__init__(why)
        self.run, self.event, self.actor, self.path = run, event.name, actor, excluded.path


def check_role(event: Event, role: str | None) -> None:
    """Refuse a sender without a role that may send the event.

    Raises:
        RoleRequired: the sender has none of them.
    """
    if event.roles and role not in event.roles:
        raise RoleRequired(event.name, event.roles, role)


def check_excluded(run: Run, event: Event, actor: str, excluded: Exclusion | None) -> None:
    """Refuse a sender whom the contract excludes.

    Raises:
        SenderExcluded: `excluded` says why.
    """
    if excluded is not None:
        raise SenderExcluded(run.id, event, actor, excluded)
