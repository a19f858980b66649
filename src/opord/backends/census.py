"""Count what is stored, for those who watch a deployment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, get_args

from opord.kernel.rows import DueNeed, NeedReason, Status
from opord.kernel.scheduling import NO_LABEL
from opord.stores.base import DUE_READ, Store
from opord.values.types import Instant


class Unsent(NamedTuple):
    """Messages to an endpoint: those that wait, those that were given up, and the oldest's age.

    `age_s` is how long the oldest one has waited, in seconds, 0 if none waits. `stopped` is true if
    nothing is sent until a person says so.
    """

    waiting: int
    given_up: int
    age_s: float
    stopped: bool


class Census(NamedTuple):
    """What a deployment holds.

    - `statuses` are the numbers of runs by contract (its name) and status.
    - `needs` are the numbers of runs by contract and need. Of those that are overdue or unserved,
      it counts up to a thousand.
    - `oldest_due` is, by contract, how long a run has been due that no worker has taken, in
      seconds: the one that has waited longest. It is 0 if none is.
    - `workers` is the number of workers that are alive.
    - `limits` has, by the name of a limit, the permits that are held and the runs that wait.
    - `outbox` has, by the name of an endpoint, what waits to be sent to it.
    """

    statuses: Mapping[tuple[str, Status], int]
    needs: Mapping[tuple[str, NeedReason], int]
    oldest_due: Mapping[str, float]
    workers: int
    limits: Mapping[str, tuple[int, int]]
    outbox: Mapping[str, Unsent]


async def census_of(store: Store, read: Callable[..., Awaitable[Any]]) -> Census:
    """Take the census of a store. `read` calls a verb of it that only reads."""
    tally = await read(store.tally)
    needs: Counter[tuple[str, NeedReason]] = Counter(tally.needs)
    for reason in get_args(DueNeed):
        for row in await read(store.due_needs, reason, limit=DUE_READ):
            needs[row.name, reason] += 1
    workers = await read(store.workers)
    digests = defaultdict(list)
    for one in await read(store.contracts):
        digests[one.name].append(one.digest)
    labels = sorted({NO_LABEL, *(label for worker in workers for label in worker.labels)})
    oldest = {}
    for name, versions in digests.items():
        due: Instant | None = await read(store.next_wake, versions, labels=labels)
        oldest[name] = _age_s(store.now(), due)
    limits = {one.limit.name: (one.held, one.waiting) for one in await read(store.permits.in_use)}
    now = store.now()
    outbox = {
        one.name: Unsent(one.waiting, one.given_up, _age_s(now, one.oldest), bool(one.stopped))
        for one in await read(store.outbox.endpoints)
    }
    return Census(tally.statuses, needs, oldest, len(workers), limits, outbox)


def _age_s(now: Instant, since: Instant | None) -> float:
    return 0.0 if since is None else max(0.0, (now - since) / 1e6)
