"""Who may use which route: the one table, and the one place that asks it.

Each route says which `Access` it needs. Which runs and contracts a principal sees is said in
`sight.py`: a run of another contract does not exist for it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, assert_never

from opord.server.principals import ADMIN, OPERATOR, Principal
from opord.server.problems import Problem

Access: TypeAlias = Literal["signed", "look", "start", "send", "cancel", "operate", "administer"]
"""What a route needs.

- `signed`: nothing. The route itself checks the signature of the request or of a link, and acts
  under a name of its own. A page of another site could borrow nothing, so origins do not matter.
- `look`: a principal.
- `start`: a principal. Contracts do not say who may start their runs.
- `send`: a role of the event, where its contract names some.
- `cancel`: a role of the event `cancel`, if its contract names some, else `opord:operator`.
- `operate`: `opord:operator`.
- `administer`: `opord:admin`.
"""

CANCEL = "cancel"
"""The event that cancels a run. Whatever way it is sent, it needs the access `cancel`."""


def admit(principal: Principal, access: Access, what: str) -> None:
    """Let a principal use a route, as far as the contract of a run has no say in it.

    Of `send` and `cancel`, the contract has: the run's own contract says in which role.

    Raises:
        Problem: it lacks the built-in role.
    """
    match access:
        case "signed" | "look" | "start" | "send" | "cancel":
            return
        case "operate":
            needed = OPERATOR
        case "administer":
            needed = ADMIN
        case _:
            assert_never(access)
    if not principal.has(needed):
        raise no_role(what, (needed,))


def role_to_cancel(principal: Principal, wanted: tuple[str, ...]) -> str | None:
    """Return the role in which a principal cancels a run whose contract wants these roles.

    None is no role of the contract: an operator may cancel where the contract names none.

    Raises:
        Problem: the principal has none that may.
    """
    role = principal.role_among(wanted or (OPERATOR,))
    if role is None:
        raise no_role("cancel a run", wanted or (OPERATOR,))
    return role if wanted else None


def no_role(what: str, roles: tuple[str, ...]) -> Problem:
    """Return the problem of a principal that has none of the roles."""
    return Problem("role_required", f"only {' or '.join(roles)} may {what}", roles=[*roles], given=None)
