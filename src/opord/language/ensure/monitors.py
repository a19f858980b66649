"""What each promise watches for, as sets of bits: bit i belongs to the i-th promise.

A promise about order needs one bit of memory while a run is followed:

- `X only after Y`: Y has not come yet. X breaks the promise while the bit is set.
- `never X after Y`, `A at most once`: Y may have come. X breaks the promise while the bit is set.
- `after Y eventually X`: Y may have come, and X has not come since. The end of a run breaks the
  promise while the bit is set.

Something may happen on one path and not on another. The bit of a promise is set at a state if some
path leads there with the bit set. The bits do not depend on each other, so all promises are decided
at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never

from opord.contract import Promise
from opord.language.flow.calls import CallEnding


class Sign(NamedTuple):
    """What one happening does to the bits.

    The happening breaks the promises in `asks` whose bits are set. Then it sets the bits in `sets`
    and clears those in `clears`.
    """

    asks: int = 0
    sets: int = 0
    clears: int = 0

    def across(self, bits: int) -> int:
        """Return the bits after the happening, given the bits before it."""
        return (bits | self.sets) & ~self.clears


NOTHING = Sign()


@dataclass(slots=True)
class _Roles:
    """The promises in which a name plays each part."""

    only: int = 0  # X of `X only after Y`
    opens: int = 0  # Y of `X only after Y`
    never: int = 0  # X of `never X after Y`, A of `A at most once`
    forbids: int = 0  # Y of `never X after Y`, A of `A at most once`
    owes: int = 0  # Y of `after Y eventually X`
    pays: int = 0  # X of `after Y eventually X`


@dataclass(slots=True)
class Monitors:
    """The promises about order of a contract, and what states and calls mean to them.

    `start` has the bits that are set before a run enters its first state. `owed` has the bits that
    must not be set where a run ends. `watched` has the names of calls that a promise mentions.
    """

    promises: tuple[Promise, ...]
    start: int = 0
    owed: int = 0
    _roles: dict[str, _Roles] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, promise in enumerate(self.promises):
            bit = 1 << index
            match promise.kind:
                case "only after":
                    self.start |= bit
                    self._give(promise.subjects, "only", bit)
                    self._give(promise.others, "opens", bit)
                case "never after":
                    self._give(promise.subjects, "never", bit)
                    self._give(promise.others, "forbids", bit)
                case "at most once":
                    self._give(promise.subjects, "never", bit)
                    self._give(promise.subjects, "forbids", bit)
                case "eventually":
                    self.owed |= bit
                    self._give(promise.others, "owes", bit)
                    self._give(promise.subjects, "pays", bit)
                case "no wait is endless" | "every run ends":
                    raise ValueError(f"`{promise.kind}` is no promise about order")
                case _:
                    assert_never(promise.kind)

    def _give(self, names: Iterable[str], role: str, bit: int) -> None:
        for name in names:
            roles = self._roles.setdefault(name, _Roles())
            setattr(roles, role, getattr(roles, role) | bit)

    def watches(self, name: str) -> bool:
        """Say whether a promise mentions a state or call."""
        return name in self._roles

    def entry(self, state: str) -> Sign:
        """Return what the entry into a state does to the bits."""
        roles = self._roles.get(state)
        if roles is None:
            return NOTHING
        return Sign(roles.only | roles.never, roles.forbids | roles.owes, roles.opens | roles.pays)

    def call(self, name: str, ending: CallEnding) -> Sign:
        """Return what a call with this ending does to the bits.

        A promise that forbids the call is asked about at every ending.
        """
        roles = self._roles.get(name)
        if roles is None:
            return NOTHING
        asks = roles.only | roles.never
        if ending == "failed":
            return Sign(asks)
        sets = roles.forbids | roles.owes
        return Sign(asks, sets, roles.opens | roles.pays) if ending == "ok" else Sign(asks, sets)


def monitors_for(promises: Sequence[Promise]) -> Monitors:
    """Return the monitors of promises about order."""
    return Monitors(tuple(promises))
