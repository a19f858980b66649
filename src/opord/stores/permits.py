"""Permits of limits: who holds one, who waits for one, and who comes next.

A permit belongs to a worker, and is held until the worker gives it back or has died. All that
decides is here, over the statements of `permits.sql`; a store adds what only it knows: its
transactions, the heads of its runs, and how it claims them. So the limits are the same in each.

What waits stands in queues, one for each limit, key, contract and label, so that a worker looks
only at those that it serves. `look_at` says from when on a look may help; looking at a queue that
is due puts it behind the others, so that all keys have their turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from opord.kernel.limits import Admitted, Left, Limit, LimitUse, Permit, Returned, Wait, left_of
from opord.kernel.rows import RunRow
from opord.values.types import Duration, Instant, RunId

QUEUES_MOST: Final = 200
"""How many queues that are due are looked at in one admission."""

SCANNED_MOST: Final = 64
"""How many waits of a queue are read at a time."""

NOT_YET_US: Final = 1_000_000
"""When a queue is looked at again whose first run is just being given back, in microseconds."""

STRAY_US: Final = 60_000_000
"""From what age on a permit that its own worker does not know is taken back, in microseconds."""

T = TypeVar("T")

Executes: TypeAlias = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
"""Executes a statement of `permits.sql` or `outbox.sql` by its name, and returns its rows."""


class Standing(NamedTuple):
    """Where a run stands: its epoch, who holds it, and whether it has ended."""

    epoch: int
    worker: str | None
    ended: bool


class Permits(Protocol):
    """What a store does for limits. Every verb happens as a whole."""

    def limits(self) -> list[Limit]:
        """Return the limits, by contract and call."""
        ...

    def put_limits(self, limits: Sequence[Limit]) -> None:
        """Keep limits in place of those of the same contracts and calls.

        What waits for one is looked at again.
        """
        ...

    def drop_limit(self, contract: str, call: str) -> bool:
        """Forget a limit, and say whether there was one. What waited for it may go on."""
        ...

    def exchange(
        self, worker: str, returned: Sequence[Returned], wanted: Sequence[tuple[Permit, ...]]
    ) -> list[bool]:
        """Take permits back, then give those that are wanted: of each group all, or none.

        The answer says for each group whether it was given. While anybody waits in the queue of a
        limit and key, it is not. Repeating a call does no harm.
        """
        ...

    def enqueue(self, wait: Wait) -> None:
        """Put a run into a queue, in place of its earlier wait. Its holder gives it back next."""
        ...

    def admit(
        self,
        worker: str,
        contracts: Collection[str],
        labels: Collection[str],
        *,
        limit: int,
        ttl_us: Duration,
    ) -> Admitted:
        """Claim up to `limit` runs of these contracts out of the queues, with their permits.

        They are claimed as by `Store.claim`. Queues take turns.
        """
        ...

    def next_admission(self, contracts: Collection[str], labels: Collection[str]) -> Instant | None:
        """Return from when on `admit` may find a run; None if only a permit given back helps."""
        ...

    def any_waits(self, contracts: Collection[str], labels: Collection[str]) -> bool:
        """Say whether a run of these contracts and labels waits in a queue."""
        ...

    def sweep(self, worker: str, known: Collection[str]) -> int:
        """Take back the permits of dead workers, and those of `worker` that it does not know.

        Return their number. A permit is left alone that is younger than a minute, if its worker
        lives.
        """
        ...

    def in_use(self) -> list[LimitUse]:
        """Return how much of each limit is in use."""
        ...


class Ground(Protocol):
    """What a store gives to `PermitDesk` and `OutboxDesk`.

    Beside the statements of `permits.sql` and `outbox.sql`, it executes these:

    - `contract_numbers` (digests of any form, as JSON): the number of each contract.
    - `standings` (names of runs, as JSON): run, epoch, worker, and whether it has ended, of those
      that exist.
    - `wake_run` (run, epoch, instant): make a run due that nobody holds and that has this epoch.
    - `live_workers` (instant): the names of the workers that are alive then.
    - `begin_telling`, `end_telling`: let the transaction of a record or need write its messages,
      from now on, or no longer.
    """

    def now(self) -> Instant:
        """Return the store's clock, which the instants of permits go by."""
        ...

    def reads(self) -> AbstractContextManager[Executes]:
        """Yield what executes statements that read."""
        ...

    def writes(self, work: Callable[[Executes, Instant], T], /) -> T:
        """Do some work in one transaction, with the clock as of within it. It may be repeated."""
        ...

    def claim_runs(
        self, executes: Executes, runs: Sequence[tuple[RunId, int]], worker: str, until: Instant, /
    ) -> list[RunRow]:
        """Claim those of the runs that have these epochs still and that nobody holds.

        Return those whose rows can be read.
        """
        ...

    def woken(self) -> None:
        """Tell other handles that there may be work."""
        ...


class PermitDesk:
    """Implements `Permits` over the ground of a store."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    # --- limits ----------------------------------------------------------------------------------

    def limits(self) -> list[Limit]:
        with self._ground.reads() as executes:
            return _limits(executes)

    def put_limits(self, limits: Sequence[Limit]) -> None:
        def put(executes: Executes, now: Instant) -> None:
            for one in sorted(limits, key=lambda one: (one.contract, one.call)):
                executes(
                    "put_limit",
                    (one.contract, one.call, one.at_once, one.rate, one.window_us, one.by),
                )
            names = {(one.contract, one.call) for one in limits}
            for one in _limits(executes):
                if (one.contract, one.call) in names:
                    executes("wake_all_of", (one.id, now))

        self._ground.writes(put)
        self._ground.woken()

    def drop_limit(self, contract: str, call: str) -> bool:
        def drop(executes: Executes, now: Instant) -> bool:
            dropped = executes("drop_limit", (contract, call))
            for (number,) in dropped:
                executes("wake_all_of", (number, now))
                waits = executes("drop_waits", (number,))
                executes("drop_permits", (number,))
                executes("drop_queues", (number,))
                for run, epoch in waits:
                    executes("wake_run", (run, epoch, now))
            return bool(dropped)

        dropped = self._ground.writes(drop)
        if dropped:
            self._ground.woken()
        return dropped

    # --- permits ---------------------------------------------------------------------------------

    def exchange(
        self, worker: str, returned: Sequence[Returned], wanted: Sequence[tuple[Permit, ...]]
    ) -> list[bool]:
        numbers = {one.permit.limit for one in returned} | {one.limit for group in wanted for one in group}

        def exchange(executes: Executes, now: Instant) -> tuple[list[bool], bool]:
            limits = _locked(executes, numbers)
            woken = _take_back(executes, limits, [(one.permit, one.used) for one in returned], now)
            remaining = _Remaining(executes, limits, now)
            known = {
                id for (id,) in executes("known", (_json([one.id for group in wanted for one in group]),))
            }
            given = [_give_group(executes, remaining, group, worker, known) for group in wanted]
            return given, woken

        if not numbers:
            return [True for _ in wanted]
        given, woken = self._ground.writes(exchange)
        if woken:
            self._ground.woken()
        return given

    def sweep(self, worker: str, known: Collection[str]) -> int:
        known = frozenset(known)
        with self._ground.reads() as executes:
            holders = [str(name) for (name,) in executes("holders", ())]
            live = {name for (name,) in executes("live_workers", (self._ground.now(),))}
            lost: list[Permit] = []
            for name in holders:
                if name not in live or name == worker:
                    for id, limit, key, given_at in executes("held_by", (name,)):
                        old = given_at + STRAY_US < self._ground.now()
                        if name not in live or (old and id not in known):
                            lost.append(Permit(id, limit, key))
        if not lost:
            return 0

        def sweep(executes: Executes, now: Instant) -> bool:
            limits = _locked(executes, {one.limit for one in lost})
            return _take_back(executes, limits, [(one, True) for one in lost], now)

        if self._ground.writes(sweep):
            self._ground.woken()
        return len(lost)

    # --- queues ----------------------------------------------------------------------------------

    def enqueue(self, wait: Wait) -> None:
        def enqueue(executes: Executes, now: Instant) -> None:
            _locked(executes, {wait.limit})
            for (number,) in executes("contract_numbers", (_json([wait.contract]),)):
                executes(
                    "put_wait",
                    (
                        wait.run, wait.epoch, wait.limit, wait.key, number, wait.label, wait.priority,
                        wait.since, wait.also, wait.also_key,
                    ),
                )  # fmt: skip
                executes("put_queue", (wait.limit, wait.key, number, wait.label, now, None, None))

        self._ground.writes(enqueue)

    def next_admission(self, contracts: Collection[str], labels: Collection[str]) -> Instant | None:
        with self._ground.reads() as executes:
            looks = [
                executes("next_look", (number, label))[0][0]
                for (number,) in executes("contract_numbers", (_json(contracts),))
                for label in labels
            ]
        return min((Instant(look) for look in looks if look is not None), default=None)

    def any_waits(self, contracts: Collection[str], labels: Collection[str]) -> bool:
        with self._ground.reads() as executes:
            return any(
                executes("waits_of", (number, label))
                for (number,) in executes("contract_numbers", (_json(contracts),))
                for label in labels
            )

    def admit(
        self,
        worker: str,
        contracts: Collection[str],
        labels: Collection[str],
        *,
        limit: int,
        ttl_us: Duration,
    ) -> Admitted:
        def admit(executes: Executes, now: Instant) -> Admitted:
            due = [
                _Queue(*row)
                for (number,) in executes("contract_numbers", (_json(contracts),))
                for label in labels
                for row in executes("due_queues", (number, label, now, QUEUES_MOST))
            ]
            due = sorted(due, key=lambda queue: queue.look_at)[:QUEUES_MOST]
            if not due:
                return Admitted([])
            limits = _locked(executes, None)
            admission = _Admission(self._ground, executes, _Remaining(executes, limits, now), worker, now)
            for number, queue in enumerate(due):
                left = limit - len(admission.taken)
                if left <= 0:
                    break
                admission.look_at(queue, most=max(1, left // (len(due) - number)))
            return admission.claimed(Instant(now + ttl_us))

        return self._ground.writes(admit) if limit > 0 else Admitted([])

    def in_use(self) -> list[LimitUse]:
        with self._ground.reads() as executes:
            held = {number: (count, keys) for number, count, keys in executes("held_in_all", ())}
            waiting = {number: (count, keys) for number, count, keys in executes("waiting_in_all", ())}
            return [
                LimitUse(
                    one,
                    held.get(one.id, (0, 0))[0],
                    waiting.get(one.id, (0, 0))[0],
                    max(held.get(one.id, (0, 0))[1], waiting.get(one.id, (0, 0))[1]),
                )
                for one in _limits(executes)
            ]


class _Queue(NamedTuple):
    limit: int
    key: str
    contract: int
    label: str
    look_at: int


class _Taken(NamedTuple):
    epoch: int
    queue: _Queue
    permits: tuple[Permit, ...]


class _Remaining:
    """What is left of each limit and key, within one transaction."""

    def __init__(self, executes: Executes, limits: Mapping[int, Limit], now: Instant) -> None:
        self._executes = executes
        self._limits = limits
        self._remaining: dict[tuple[int, str], Left] = {}
        self.now = now

    def of(self, limit: int, key: str) -> Left:
        """Return what is left. Of a limit that was dropped it is any number."""
        found = self._remaining.get((limit, key))
        if found is None:
            known = self._limits.get(limit)
            if known is None:
                found = Left(None, None)
            else:
                self._executes("forget_spent", (limit, key, self.now))
                ((held, spent, next_at),) = self._executes("use", (limit, key, self.now))
                found = left_of(known, held=held, spent=spent, next_at=next_at)
            self._remaining[limit, key] = found
        return found

    def has(self, limit: int, key: str) -> bool:
        left = self.of(limit, key).left
        return left is None or left > 0

    def give(self, permit: Permit, worker: str) -> None:
        """Give a permit of what is left."""
        left, next_at = self.of(permit.limit, permit.key)
        if permit.limit not in self._limits:
            return
        self._executes("give", (permit.id, permit.limit, permit.key, worker, self.now))
        if left is not None:
            # When there is more again is looked up once nothing is left.
            self._remaining[permit.limit, permit.key] = Left(left - 1, next_at)
            if left == 1:
                del self._remaining[permit.limit, permit.key]


class _Admission:
    """One look at the queues."""

    def __init__(
        self, ground: Ground, executes: Executes, remaining: _Remaining, worker: str, now: Instant
    ) -> None:
        self._ground = ground
        self._executes = executes
        self._remaining = remaining
        self._worker = worker
        self._now = now
        self.taken: dict[RunId, _Taken] = {}

    def look_at(self, queue: _Queue, *, most: int) -> None:
        """Take up to `most` runs of a queue, and say when it is to be looked at again."""
        where = (queue.limit, queue.key, queue.contract, queue.label)
        waits = self._executes("first_waits", (*where, SCANNED_MOST))
        runs = _json([run for run, *_ in waits])
        standings = {run: Standing(*rest) for run, *rest in self._executes("standings", (runs,))}
        taken = left_alone = 0
        for run, epoch, also, also_key in waits:
            stands = standings.get(run)
            if stands is None or stands.ended or stands.epoch != epoch:
                self._executes("end_wait", (run,))
            elif stands.worker is not None:
                left_alone += 1
            elif not self._remaining.has(queue.limit, queue.key):
                self._again(where, self._remaining.of(queue.limit, queue.key).next_at)
                return
            elif also and not self._remaining.has(also, also_key):
                self._again(where, self._remaining.of(also, also_key).next_at, (also, also_key))
                return
            elif taken >= most:
                self._again(where, self._now)
                return
            else:
                self._take(RunId(run), epoch, queue, also, also_key)
                taken += 1
        if not waits:
            self._executes("end_queue", where)
        else:
            self._again(where, self._now + (NOT_YET_US if left_alone == len(waits) else 0))

    def _take(self, run: RunId, epoch: int, queue: _Queue, also: int, also_key: str) -> None:
        wanted = [(queue.limit, queue.key), *([(also, also_key)] if also else [])]
        # A run has one epoch once, so its permits have names of their own.
        permits = tuple(
            Permit(f"{run}/{epoch}/{number}", limit, key) for number, (limit, key) in enumerate(wanted)
        )
        for permit in permits:
            self._remaining.give(permit, self._worker)
        self.taken[run] = _Taken(epoch, queue, permits)

    def _again(
        self, where: tuple[Any, ...], look_at: int | None, behind: tuple[int, str] | None = None
    ) -> None:
        self._executes("put_queue", (*where, look_at, *(behind or (None, None))))

    def claimed(self, until: Instant) -> Admitted:
        """Claim what was taken. Of a run that cannot be claimed, the permits are taken back."""
        wanted = [(run, one.epoch) for run, one in self.taken.items()]
        rows = self._ground.claim_runs(self._executes, wanted, self._worker, until)
        for row in rows:
            self._executes("end_wait", (row.run,))
        for run in self.taken.keys() - {row.run for row in rows}:
            _, queue, permits = self.taken[run]
            for permit in permits:
                self._executes("take_back", (permit.id,))
            where = (queue.limit, queue.key, queue.contract, queue.label)
            self._again(where, self._now + NOT_YET_US)
        return Admitted([(row, self.taken[row.run].permits) for row in rows])


def _limits(executes: Executes) -> list[Limit]:
    return [Limit(*row) for row in executes("limits", ())]


def _locked(executes: Executes, numbers: Collection[int] | None) -> dict[int, Limit]:
    """Lock limits, all if no numbers are given, and return them by number."""
    limits = {one.id: one for one in _limits(executes)}
    wanted = sorted(limits if numbers is None else limits.keys() & set(numbers))
    if wanted:
        executes("lock", (_json(wanted),))
    return {number: limits[number] for number in wanted}


def _take_back(
    executes: Executes, limits: Mapping[int, Limit], permits: Sequence[tuple[Permit, bool]], now: Instant
) -> bool:
    """Take permits back, and say whether that wakes a queue."""
    for permit, used in permits:
        limit = limits.get(permit.limit)
        if limit is not None and limit.rate is not None and used:
            executes("spend", (permit.id, now + limit.window_us))
        else:
            executes("take_back", (permit.id,))
    touched = {(permit.limit, permit.key) for permit, _ in permits}
    woken = [bool(executes("wake_queues", (limit, key, now))) for limit, key in sorted(touched)]
    return any(woken)


def _give_group(
    executes: Executes, remaining: _Remaining, group: Sequence[Permit], worker: str, known: Collection[str]
) -> bool:
    if group and all(one.id in known for one in group):
        return True  # by an earlier call whose answer was lost
    for one in group:
        if not remaining.has(one.limit, one.key) or executes("any_waits", (one.limit, one.key)):
            return False
    for one in group:
        remaining.give(one, worker)
    return True


@cache
def statements() -> dict[str, str]:
    """Return the statements of `permits.sql` by name."""
    return statements_of(Path(__file__).parent / "permits.sql")


def statements_of(*files: Path) -> dict[str, str]:
    """Return the statements of files by name, without their comments."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {
        name: re.sub(r"^--.*\n", "", body, flags=re.MULTILINE).strip()
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def _json(items: Any) -> str:
    return msgspec.json.encode(list(items)).decode()
