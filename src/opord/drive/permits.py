"""The permits of a held run: one of its contract's limit, and one for each call that is limited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NoReturn, Protocol

from opord.drive.host import Carrier
from opord.kernel import limiting
from opord.kernel.draft import Draft
from opord.kernel.instants import capped
from opord.kernel.limits import KEY_BYTES, Limit, Permit, Wait
from opord.kernel.program import CallProgram
from opord.kernel.run import Answer, Run
from opord.values.canonical import dumps
from opord.values.types import Instant

LOOK_US: Final = 1_800_000_000
"""When a run that waits for a permit looks for one by itself, in microseconds, and keeps its place.

It is admitted when its turn comes. This is for a queue that was lost with what the store forgot.
"""


class Held(Protocol):
    """A held run, as far as its permits need it."""

    def draft(self) -> Draft:
        """Begin a draft."""
        ...

    async def park_for_permit(self, draft: Draft, look_at: Instant) -> NoReturn:
        """Give the run back until it is admitted."""
        ...


class RunPermits:
    """Asks for the permits of a held run, and gives them back.

    `own` is that of the limit of its contract, held while the run is carried. `ready` are those
    that the run was admitted with, for the call at which it waited.

    The hold of the run knows its permits, and is handed to them when it is needed: of two objects
    that know each other, only the garbage collector gets rid.
    """

    __slots__ = ("_host", "_run", "_waited", "own", "ready")

    def __init__(self, host: Carrier, run: Run) -> None:
        self._host = host
        self._run = run
        self._waited: tuple[str, Instant] | None = None
        self.own: Permit | None = None
        self.ready: list[Permit] = []
        limits = host.limits
        if limits is not None:
            self.ready = list(limits.admitted(run.id, run.epoch))

    def goes_on(self) -> None:
        """Note that the run waits for nothing now.

        If it has to wait for the same limit again, it keeps its place.
        """
        self._waited = limiting.go_on(self._run) or self._waited

    async def set_out(self, hold: Held, draft: Draft) -> None:
        """Take the permit of the contract's limit, if there is one, unless it is held already.

        Raises:
            Parked: the run waits for it.
            Lost: another process has moved the run.
        """
        limits, run = self._host.limits, self._run
        if limits is None or self.own is not None:
            return
        limit = limits.of(run.program.name, "")
        if limit is None:
            return
        key = key_of(limit, run.input_rest.rest, {})
        self.own = await self._given(limit, key)
        if self.own is None:
            await self._park(hold, draft, limit, key)

    async def for_call(
        self,
        hold: Held,
        draft: Draft,
        call: CallProgram,
        args: tuple[Any, ...],
        *,
        now: Instant,
        answers: Sequence[Answer] | None = None,
    ) -> Permit | None:
        """Take a permit for a call, if it is limited.

        `now` and `answers` are those of the step so far; `answers` is None if they are on record.

        Raises:
            Parked: the run waits for it.
            Lost: another process has moved the run.
            StepError: the answers are too large to be stored.
        """
        limits, run = self._host.limits, self._run
        limit = None if limits is None else limits.of(run.program.name, call.declaration.name)
        if limit is None:
            return None
        key = key_of(limit, run.input_rest.rest, call.args.dump(args) if limit.by else {})
        permit = await self._given(limit, key)
        if permit is not None:
            return permit
        if draft.written:
            draft = hold.draft()
        if answers is not None:
            limiting.limited(draft, call.declaration.name, now=now, answers=list(answers))
        return await self._park(hold, draft, limit, key)

    def call_ended(self, permit: Permit | None, call: CallProgram) -> None:
        """Give the permit of a call back; if its handler still runs, once that has ended."""
        if permit is None:
            return
        limits = self._host.limits
        if limits is not None:
            limits.call_ended(permit, call.declaration.name, self._run.id)

    def land(self) -> None:
        """Give back what is not used, and the permit of the contract: the run rests now."""
        limits = self._host.limits
        if limits is None:
            return
        for permit in self.ready:
            limits.give_back(permit, used=False)
        self.ready = []
        if self.own is not None:
            limits.give_back(self.own, used=True)
            self.own = None

    async def _given(self, limit: Limit, key: str) -> Permit | None:
        permit = self._was_ready(limit, key) or await self._taken(limit, key)
        if permit is not None and self._waited is not None and self._waited[0] == limit.name:
            self._waited = None
        return permit

    def _was_ready(self, limit: Limit, key: str) -> Permit | None:
        for permit in self.ready:
            if (permit.limit, permit.key) == (limit.id, key):
                self.ready.remove(permit)
                return permit
        return None

    async def _taken(self, limit: Limit, key: str) -> Permit | None:
        host = self._host
        assert host.limits is not None
        permit = Permit(host.new_id(), limit.id, key)
        return permit if await host.limits.take(permit) else None

    async def _park(self, hold: Held, draft: Draft, limit: Limit, key: str) -> NoReturn:
        """Put the run into the queue of a limit, and give it back.

        Raises:
            Parked: always, once the run is given back.
            Lost: another process has moved the run.
        """
        host, run = self._host, self._run
        assert host.limits is not None
        also = host.limits.of(run.program.name, "") if limit.call else None
        also_key = "" if also is None else key_of(also, run.input_rest.rest, {})
        waited = self._waited
        since = waited[1] if waited is not None and waited[0] == limit.name else draft.at
        limiting.wait_for(run, limit, since)
        priority, label = run.scheduling
        await host.limits.enqueue(
            Wait(
                run.id, run.epoch, limit.id, key, run.program.digest, label, priority, since,
                0 if also is None else also.id, also_key,
            )
        )  # fmt: skip
        await hold.park_for_permit(draft, capped(draft.at + LOOK_US))


def key_of(limit: Limit, input_rest: Any, args: Any) -> str:
    """Return the key of a limit by its path: in a call's arguments or else in the run's input.

    A text is its own key, any other value its canonical JSON, and a long one its digest.
    """
    if not limit.by:
        return ""
    first, *rest = limit.by.split(".")
    value = args if isinstance(args, Mapping) and first in args else input_rest
    for name in (first, *rest):
        value = value.get(name) if isinstance(value, Mapping) else None
    text = value if isinstance(value, str) else dumps(value)
    raw = text.encode()
    return text if len(raw) <= KEY_BYTES else sha256(raw).hexdigest()
