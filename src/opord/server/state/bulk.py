"""Sets of runs that somebody acts upon together: as they were seen, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from opord.backends.beside import Executes
from opord.server.state.audit import Act, write_end
from opord.server.state.kept import State, statements
from opord.values.types import Instant, RunId

KEPT_US: Final = 30 * 86_400_000_000
"""How long a set is kept, in microseconds."""

LEASE_US: Final = 15_000_000
"""How long a process acts on a set unless it renews its lease, in microseconds."""

FORGOTTEN: Final = 5
"""How many sets that are kept no longer are deleted when one is made."""

_ROWS: Final = 200
"""How many runs one statement adds."""

_SQL: Final = statements("bulk.sql")

Outcome: TypeAlias = Literal["done", "moved", "refused"]

Stage: TypeAlias = Literal["previewed", "acting", "interrupted", "stopped", "done"]
"""Where a set stands. `interrupted`: its server ended; confirm it again to go on."""


class Member(NamedTuple):
    """A run of a set: its number in it, and where it stood.

    `will` says whether it would be acted upon; `outcome` is what became of it. `code` and `why` say
    why it would not, or why it was not.
    """

    n: int
    run: RunId
    seq: int
    state: str
    will: int
    outcome: str | None
    code: str
    why: str


class BulkSet(NamedTuple):
    """A set, and who made it for what. `args` is JSON."""

    id: str
    principal: str
    verb: str
    args: str
    reason: str
    made_at: Instant
    confirmed_at: Instant | None
    stopped_at: Instant | None
    ended_at: Instant | None
    lease_until: Instant

    def stage(self, now: Instant) -> Stage:
        """Return where the set stands."""
        if self.ended_at is not None:
            return "done"
        if self.stopped_at is not None:
            return "stopped"
        if self.confirmed_at is None:
            return "previewed"
        return "acting" if self.lease_until > now else "interrupted"


class Told(NamedTuple):
    """What became of a member."""

    n: int
    outcome: Outcome
    code: str = ""
    why: str = ""


class BulkSets:
    """The sets of all principals."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def now(self) -> Instant:
        """Return the clock that the instants of sets go by."""
        return await self._state.now()

    async def made(self, principal: str) -> int:
        """Return how many sets of a principal are kept."""
        now = await self._state.now()
        ((count,),) = await self._state.read(
            lambda executes: executes(_SQL["of_principal"], (principal, now))
        )
        return int(count)

    async def add(self, one: BulkSet, members: Sequence[Member]) -> None:
        """Keep a set that was made now."""

        def add(executes: Executes) -> None:
            for (id,) in executes(_SQL["over"], (one.made_at, FORGOTTEN)):
                executes(_SQL["forget"], (id,))
                executes(_SQL["forget_runs"], (id,))
            values = (
                one.id,
                one.principal,
                one.verb,
                one.args,
                one.reason,
                one.made_at,
                one.made_at + KEPT_US,
            )
            executes(_SQL["add"], values)
            for first in range(0, len(members), _ROWS):
                part = members[first : first + _ROWS]
                executes(_adds(len(part)), [value for member in part for value in (one.id, *member)])

        await self._state.write(add)

    async def find(self, id: str) -> BulkSet | None:
        """Return a set; None if there is none."""
        now = await self._state.now()
        rows = await self._state.read(lambda executes: executes(_SQL["find"], (id, now)))
        return BulkSet(*rows[0]) if rows else None

    async def contracts(self, id: str) -> set[str]:
        """Return the contracts of the runs that were found when a set was made."""
        rows = await self._state.read(lambda executes: executes(_SQL["found"], (id,)))
        return {str(run).partition("/")[0] for (run,) in rows}

    async def page(self, id: str, *, after: int, limit: int) -> list[Member]:
        """Return members above a number, in order."""
        rows = await self._state.read(lambda executes: executes(_SQL["page"], (id, after, limit)))
        return [Member(*row) for row in rows]

    async def counts(self, id: str) -> dict[tuple[bool, str], int]:
        """Count the members by whether they would be acted upon, and by outcome; "" is none."""
        rows = await self._state.read(lambda executes: executes(_SQL["counts"], (id,)))
        return {(bool(will), str(outcome)): int(count) for will, outcome, count in rows}

    async def begin(self, id: str, owner: str) -> bool:
        """Let a process act on a set. False: another one does, or it was stopped, or is done."""
        now = await self._state.now()
        return bool(await self._state.execute(_SQL["begin"], id, owner, now, now + LEASE_US))

    async def left(self, id: str, limit: int) -> list[Member]:
        """Return the first members that are yet to be acted upon."""
        rows = await self._state.read(lambda executes: executes(_SQL["left"], (id, limit)))
        return [Member(*row) for row in rows]

    async def tell(self, id: str, owner: str, told: Sequence[Told], acts: Sequence[Act]) -> bool:
        """Keep what became of members, and go on acting. False: somebody has stopped the set.

        `acts` are the entries of the trail that end with it, in the same transaction.
        """
        until = await self._state.now() + LEASE_US

        def tell(executes: Executes) -> bool:
            for one in told:
                executes(_SQL["tell"], (id, *one))
            for act in acts:
                write_end(executes, act)
            return bool(executes(_SQL["renew"], (id, owner, until)))

        return await self._state.write(tell)

    async def end(self, id: str, owner: str) -> None:
        """Say that all members were acted upon."""
        await self._state.execute(_SQL["end"], id, owner, await self._state.now())

    async def let_go(self, id: str, owner: str) -> None:
        """Let another process act on the set."""
        await self._state.execute(_SQL["let_go"], id, owner)

    async def stop(self, id: str) -> None:
        """Let nobody act on the set any more."""
        await self._state.execute(_SQL["stop"], id, await self._state.now())


def _adds(count: int) -> str:
    """Return the statement that adds members."""
    width = len(Member._fields) + 1
    rows = ", ".join(
        f"({', '.join(f'${row * width + column + 1}' for column in range(width))})" for row in range(count)
    )
    names = ", ".join(("bulk", *Member._fields))
    return f"INSERT INTO opord.server_bulk_runs ({names}) VALUES {rows}"  # noqa: S608 - numbers alone
