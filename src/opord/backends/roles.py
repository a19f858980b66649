"""Find the states in which runs wait for an event that somebody with a role may send."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from opord.backends.base import RunFilter
from opord.backends.shown import Shown
from opord.contract import Contract
from opord.language.diagnostics.suggest import nearest
from opord.stores.filters import Place

STATES_MOST = 300
"""In how many states, by name, runs are looked for: a store asks for each by itself."""


class UnknownRole(ValueError):
    """No stored contract has the role."""


async def waiting_for(shown: Shown, roles: Sequence[str], where: RunFilter) -> tuple[Place, ...]:
    """Return the states that handle an event which one of the roles may send by its declaration.

    An event without roles is open to all, and names nobody. A contract that cannot be read is left
    out.

    Raises:
        UnknownRole: no stored contract has one of the roles.
        ValueError: there are too many states.
    """
    contracts, versions = where.values("contract"), where.values("version")
    places: list[Place] = []
    known: dict[str, None] = {}
    for stored in await shown.backend.versions():
        if (contracts is not None and stored.name not in contracts) or (
            versions is not None and stored.version not in versions
        ):
            continue
        contract = await shown.contract(stored.digest)
        if contract is not None:
            known |= dict.fromkeys(role.name for role in contract.roles)
            places += [Place(stored.name, stored.version, state) for state in _states(contract, roles)]
    for role in roles:
        if known and role not in known:
            raise UnknownRole(_unknown(role, [*known]))
    if len({place.state for place in places}) > STATES_MOST:
        raise ValueError(
            f"runs wait for these roles in more than {STATES_MOST} states; name a contract as well"
        )
    return tuple(places)


def _states(contract: Contract, roles: Collection[str]) -> list[str]:
    events = {event.name for event in contract.events if not {*event.roles}.isdisjoint(roles)}
    return [
        state.name
        for state in contract.states
        if state.kind == "waiting" and any(handler.event in events for handler in contract.handlers_of(state))
    ]


def _unknown(role: str, known: Sequence[str]) -> str:
    near = nearest(role, known)
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known[:20])}"
    return f"there is no role {role!r} in a stored contract; {hint}"
