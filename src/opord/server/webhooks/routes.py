"""A route of webhooks as it was declared and checked, and what its settings are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from opord.server.principals import BY_WEBHOOK
from opord.server.webhooks.finding import Where
from opord.server.webhooks.places import ABSENT, Delivery, Place, Source
from opord.server.webhooks.schemes import SchemeName

Otherwise: TypeAlias = Literal["retry", "accept"]
"""What is answered to a delivery that cannot be used now: "retry" refuses it, so that its sender
sends it again; "accept" takes it and does nothing.
"""

SETTINGS: Final = (
    "path",
    "scheme",
    "secrets",
    "start",
    "event",
    "run",
    "where",
    "args",
    "when",
    "role",
    "tolerance",
    "unknown",
    "unhandled",
)


class Condition(NamedTuple):
    """A condition: what stands at a place is one of some values."""

    place: Place
    wanted: tuple[str | int | float | bool, ...]

    def holds(self, delivery: Delivery) -> bool:
        """Say whether it holds for a delivery."""
        found = self.place.of(delivery)
        return found is not ABSENT and any(
            found == one and isinstance(found, bool) == isinstance(one, bool) for one in self.wanted
        )


@dataclass(frozen=True, slots=True)
class WebhookRoute:
    """A route.

    - `keys` verify its deliveries; they are in no message.
    - `event` is the event that a delivery sends; None if it starts a run.
    - `run` is where the key of the event's run stands; or else `where` says which run it is.
    - `args` are the parameters of the event or the contract.
    - `when` are the conditions that a delivery has to meet, all of them.
    - `role` is the role in which the event is sent.
    - `unknown` is for a delivery whose run does not exist, `unhandled` for one whose run does not
      handle the event in its present state.
    """

    name: str
    path: str
    scheme: SchemeName
    keys: tuple[bytes, ...] = field(repr=False)
    tolerance_s: float
    contract: str
    event: str | None
    run: Place | None
    args: Mapping[str, Source]
    when: tuple[Condition, ...] = ()
    role: str | None = None
    unknown: Otherwise = "retry"
    unhandled: Otherwise = "retry"
    where: Where | None = None

    @property
    def actor(self) -> str:
        """Who acts, as the journal has it."""
        return f"{BY_WEBHOOK}{self.name}"

    @property
    def does(self) -> str:
        """What a delivery does: `sends Order.paid` or `starts Order`."""
        return f"starts {self.contract}" if self.event is None else f"sends {self.contract}.{self.event}"

    def is_for(self, delivery: Delivery) -> bool:
        """Say whether a delivery meets all conditions."""
        return all(one.holds(delivery) for one in self.when)
