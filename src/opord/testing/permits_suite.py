"""What every store does for limits: `stores/permits.py`, sentence by sentence."""

from __future__ import annotations

from opord.kernel.limits import Limit, Permit, Returned, Wait
from opord.stores.base import Store
from opord.testing.store_rows import (
    DIGEST,
    OTHER_DIGEST,
    SECOND,
    OpenHandle,
    SteppedClock,
    a_head,
    a_write,
    started,
    the_run,
)
from opord.values.types import Digest, Duration, Instant, RunId

_TWO = Limit("Orders", "charge", 2, None, Duration(0))


def limited(store: Store, limit: Limit = _TWO) -> Limit:
    """Put a limit into a store, and return it as stored."""
    store.permits.put_limits([limit])
    return next(one for one in store.permits.limits() if one.name == limit.name)


def wanted(limit: Limit, *ids: str, key: str = "") -> list[tuple[Permit, ...]]:
    """Return groups of one permit each."""
    return [(Permit(id, limit.id, key),) for id in ids]


def back(limit: Limit, *ids: str, key: str = "", used: bool = True) -> list[Returned]:
    """Return permits as they are given back."""
    return [Returned(Permit(id, limit.id, key), used) for id in ids]


def parked(
    store: Store,
    limit: Limit,
    run: str,
    *,
    key: str = "",
    since: int = 0,
    priority: int = 0,
    also: Limit | None = None,
) -> None:
    """Start a run that waits in the queue of a limit, and that nobody holds."""
    started(store, run, head=a_head(wake_at=None))
    store.permits.enqueue(
        Wait(
            RunId(run), 0, limit.id, key, Digest(DIGEST), "", priority, Instant(since),
            also.id if also is not None else 0,
        )
    )  # fmt: skip


def admitted(
    store: Store, *, limit: int = 10, worker: str = "w", contracts: tuple[str, ...] = (DIGEST,)
) -> list[str]:
    """Return the runs that an admission claims."""
    found = store.permits.admit(worker, contracts, [""], limit=limit, ttl_us=SECOND)
    return [row.run for row, _ in found.runs]


class PermitsSuite:
    """The promise of `Permits` as tests."""

    def test_limits_are_kept_by_contract_and_call(self, store: Store) -> None:
        whole = Limit("Orders", "", 5, 100, Duration(60 * SECOND), "customer.id")
        store.permits.put_limits([_TWO, whole])
        kept = store.permits.limits()
        assert [one.replace(id=0) for one in kept] == [whole, _TWO]
        assert len({one.id for one in kept}) == 2

        store.permits.put_limits([_TWO.replace(at_once=3)])
        changed = store.permits.limits()
        assert [one.at_once for one in changed] == [5, 3]
        assert [one.id for one in changed] == [one.id for one in kept]

        assert store.permits.drop_limit("Orders", "charge")
        assert not store.permits.drop_limit("Orders", "charge")
        assert [one.call for one in store.permits.limits()] == [""]

    def test_no_more_permits_are_held_at_once_than_the_limit_says(self, store: Store) -> None:
        limit = limited(store)
        assert store.permits.exchange("w", [], wanted(limit, "a", "b", "c")) == [True, True, False]
        assert store.permits.exchange("v", [], wanted(limit, "d")) == [False]
        assert store.permits.exchange("w", back(limit, "a"), wanted(limit, "e", "f")) == [True, False]

    def test_each_key_has_the_whole_limit(self, store: Store) -> None:
        limit = limited(store)
        assert store.permits.exchange("w", [], wanted(limit, "a", "b", "c", key="x")) == [True, True, False]
        assert store.permits.exchange("w", [], wanted(limit, "d", "e", "f", key="y")) == [True, True, False]

    def test_a_call_that_is_repeated_gives_no_second_permit(self, store: Store) -> None:
        limit = limited(store)
        assert store.permits.exchange("w", [], wanted(limit, "a", "b")) == [True, True]
        assert store.permits.exchange("w", [], wanted(limit, "a", "b")) == [True, True]
        store.permits.exchange("w", back(limit, "a"), [])
        store.permits.exchange("w", back(limit, "a"), [])
        assert store.permits.exchange("w", [], wanted(limit, "c", "d")) == [True, False]

    def test_of_a_group_all_are_given_or_none(self, store: Store) -> None:
        call, whole = limited(store), limited(store, Limit("Orders", "", 1, None, Duration(0)))
        both = (Permit("a", call.id, ""), Permit("b", whole.id, ""))
        assert store.permits.exchange("w", [], [both]) == [True]
        assert store.permits.exchange("w", [], [(Permit("c", call.id, ""), Permit("d", whole.id, ""))]) == [
            False
        ]
        assert store.permits.exchange("w", [], wanted(call, "e")) == [True]

    def test_a_rate_holds_in_every_span(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store, Limit("Orders", "charge", None, 2, SECOND))
        assert store.permits.exchange("w", [], wanted(limit, "a", "b", "c")) == [True, True, False]
        clock.forward(0.5)
        # Given back half a second later: the call may have been made just before that.
        assert store.permits.exchange("w", back(limit, "a", "b"), wanted(limit, "c")) == [False]
        clock.forward(1 - 1e-6)
        assert store.permits.exchange("w", [], wanted(limit, "c")) == [False]
        clock.forward(1e-6)
        assert store.permits.exchange("w", [], wanted(limit, "c", "d", "e")) == [True, True, False]

    def test_a_permit_that_was_not_used_counts_no_more(self, store: Store) -> None:
        limit = limited(store, Limit("Orders", "charge", None, 1, SECOND))
        assert store.permits.exchange("w", [], wanted(limit, "a")) == [True]
        assert store.permits.exchange("w", back(limit, "a", used=False), wanted(limit, "b")) == [True]

    def test_who_comes_later_does_not_overtake_who_waits(self, store: Store) -> None:
        limit = limited(store)
        parked(store, limit, "Orders/1")
        assert store.permits.exchange("w", [], wanted(limit, "a")) == [False]
        assert admitted(store) == ["Orders/1"]
        assert store.permits.exchange("w", [], wanted(limit, "a", "b")) == [True, False]

    def test_admission_claims_runs_with_their_permits(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store)
        parked(store, limit, "Orders/1")
        found = store.permits.admit("w", [DIGEST], [""], limit=5, ttl_us=SECOND)
        ((row, permits),) = found.runs
        assert (row.run, row.epoch, row.head.worker, row.head.wake_at) == (
            "Orders/1",
            1,
            "w",
            clock.instant + SECOND,
        )
        assert row == the_run(store, "Orders/1")
        assert [(one.limit, one.key) for one in permits] == [(limit.id, "")]
        assert admitted(store) == []
        assert store.permits.exchange("w", [], wanted(limit, "a", "b")) == [True, False]
        assert store.permits.exchange("w", [Returned(permits[0], True)], wanted(limit, "b")) == [True]

    def test_the_higher_priority_comes_first_and_then_who_has_waited_longest(self, store: Store) -> None:
        limit = limited(store, _TWO.replace(at_once=10))
        parked(store, limit, "Orders/1", since=3)
        parked(store, limit, "Orders/2", since=2)
        parked(store, limit, "Orders/3", since=9, priority=5)
        parked(store, limit, "Orders/4", since=1, priority=-5)
        assert admitted(store) == ["Orders/3", "Orders/2", "Orders/1", "Orders/4"]

    def test_keys_take_turns(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store, _TWO.replace(at_once=10))
        for number in range(6):
            parked(store, limit, f"Orders/a{number}", key="a", since=number)
        clock.forward(1e-6)
        parked(store, limit, "Orders/b", key="b", since=100)
        assert set(admitted(store, limit=2)) == {"Orders/a0", "Orders/b"}

    def test_only_served_contracts_are_admitted(self, store: Store) -> None:
        limit = limited(store)
        parked(store, limit, "Orders/1")
        assert admitted(store, contracts=(OTHER_DIGEST,)) == []
        assert store.permits.next_admission([OTHER_DIGEST], [""]) is None
        assert store.permits.next_admission([DIGEST], ["gpu"]) is None
        assert admitted(store) == ["Orders/1"]

    def test_a_wait_ends_with_the_epoch(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store)
        parked(store, limit, "Orders/1")
        row = the_run(store, "Orders/1")
        assert store.apply([a_write(row, fence=True)])
        assert admitted(store) == []
        assert store.permits.exchange("w", [], wanted(limit, "a", "b")) == [True, True]

    def test_a_run_that_is_still_held_is_looked_at_again(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store)
        parked(store, limit, "Orders/1")
        row = the_run(store, "Orders/1")
        store.apply([a_write(row, head=a_head(worker="v", wake_at=clock.instant + SECOND))])
        assert admitted(store) == []
        again = store.permits.next_admission([DIGEST], [""])
        assert again is not None
        assert clock.instant < again <= clock.instant + SECOND
        row = the_run(store, "Orders/1")
        store.apply([a_write(row, head=a_head(worker=None, wake_at=None))])
        clock.instant = again
        assert admitted(store) == ["Orders/1"]

    def test_a_run_that_has_ended_is_not_admitted(self, store: Store) -> None:
        limit = limited(store)
        parked(store, limit, "Orders/1")
        row = the_run(store, "Orders/1")
        store.apply([a_write(row, head=a_head(status="ended", wake_at=None, worker=None))])
        assert admitted(store) == []

    def test_the_next_look_is_when_a_permit_may_be_free(self, store: Store, clock: SteppedClock) -> None:
        rate = limited(store, Limit("Orders", "charge", None, 1, SECOND))
        store.permits.exchange("w", [], wanted(rate, "a"))
        parked(store, rate, "Orders/1")
        assert store.permits.next_admission([DIGEST], [""]) == clock.instant
        assert admitted(store) == []
        # Only the permit that is held is in the way.
        assert store.permits.next_admission([DIGEST], [""]) is None
        store.permits.exchange("w", back(rate, "a"), [])
        assert store.permits.next_admission([DIGEST], [""]) == clock.instant
        assert admitted(store) == []
        assert store.permits.next_admission([DIGEST], [""]) == clock.instant + SECOND
        clock.forward(1)
        assert admitted(store) == ["Orders/1"]

    def test_a_run_may_wait_for_two_limits(self, store: Store) -> None:
        call, whole = limited(store), limited(store, Limit("Orders", "", 1, None, Duration(0)))
        store.permits.exchange("w", [], wanted(whole, "other"))
        parked(store, call, "Orders/1", also=whole)
        assert admitted(store) == []
        assert store.permits.next_admission([DIGEST], [""]) is None
        store.permits.exchange("w", back(whole, "other"), [])
        found = store.permits.admit("w", [DIGEST], [""], limit=5, ttl_us=SECOND)
        assert [[one.limit for one in permits] for _, permits in found.runs] == [[call.id, whole.id]]

    def test_permits_of_a_dead_worker_are_taken_back(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store)
        store.heartbeat("w", [DIGEST], ttl_us=SECOND)
        store.heartbeat("v", [DIGEST], ttl_us=Duration(10 * SECOND))
        store.permits.exchange("w", [], wanted(limit, "a"))
        store.permits.exchange("v", [], wanted(limit, "b"))
        parked(store, limit, "Orders/1")
        parked(store, limit, "Orders/2")
        store.permits.exchange("v", back(limit, "b"), [])
        assert len(admitted(store, worker="v")) == 1
        assert store.permits.sweep("v", []) == 0
        clock.forward(2)
        assert store.permits.sweep("v", []) == 1
        assert len(admitted(store, worker="v")) == 1

    def test_a_permit_that_its_worker_does_not_know_is_taken_back_after_a_minute(
        self, store: Store, clock: SteppedClock
    ) -> None:
        limit = limited(store)
        store.heartbeat("w", [DIGEST], ttl_us=Duration(600 * SECOND))
        store.permits.exchange("w", [], wanted(limit, "a", "b"))
        assert store.permits.sweep("w", ["a"]) == 0
        clock.forward(61)
        assert store.permits.sweep("w", ["a"]) == 1
        assert store.permits.exchange("w", [], wanted(limit, "c", "d")) == [True, False]

    def test_a_dropped_limit_lets_all_go_on(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store)
        parked(store, limit, "Orders/1")
        assert store.permits.drop_limit("Orders", "charge")
        assert [row.run for row in store.claim("w", [DIGEST], limit=5, ttl_us=SECOND)] == ["Orders/1"]
        assert store.permits.exchange("w", [], wanted(limit, "a", "b", "c")) == [True, True, True]

    def test_a_wider_limit_lets_more_go_on(self, store: Store) -> None:
        limit = limited(store)
        store.permits.exchange("w", [], wanted(limit, "a", "b"))
        parked(store, limit, "Orders/1")
        assert admitted(store) == []
        store.permits.put_limits([limit.replace(at_once=3)])
        assert admitted(store) == ["Orders/1"]

    def test_a_dropped_limit_wakes_the_queues_behind_it(self, store: Store) -> None:
        call, whole = limited(store), limited(store, Limit("Orders", "", 1, None, Duration(0)))
        store.permits.exchange("w", [], wanted(whole, "other"))
        parked(store, call, "Orders/1", also=whole, since=1)
        parked(store, call, "Orders/2", since=2)
        assert admitted(store) == []
        store.permits.drop_limit("Orders", "")
        assert admitted(store) == ["Orders/2"]

    def test_it_says_whether_a_run_of_some_contracts_waits(self, store: Store, clock: SteppedClock) -> None:
        limit = limited(store, _TWO.replace(at_once=1))
        assert not store.permits.any_waits([DIGEST], [""])
        store.permits.exchange("w", [], wanted(limit, "a"))
        parked(store, limit, "Orders/1")
        assert admitted(store) == []
        assert store.permits.any_waits([DIGEST], [""])
        assert not store.permits.any_waits([OTHER_DIGEST], [""])
        assert not store.permits.any_waits([DIGEST], ["gpu"])
        store.permits.exchange("w", back(limit, "a"), [])
        assert admitted(store) == ["Orders/1"]
        assert not store.permits.any_waits([DIGEST], [""])

    def test_it_says_how_much_is_in_use(self, store: Store) -> None:
        limit = limited(store)
        assert [one[1:] for one in store.permits.in_use()] == [(0, 0, 0)]
        store.permits.exchange("w", [], [*wanted(limit, "a", key="x"), *wanted(limit, "b", key="y")])
        parked(store, limit, "Orders/1", key="x")
        assert store.permits.in_use() == [(limit, 2, 1, 2)]

    def test_handles_share_the_limits(self, open_handle: OpenHandle, store: Store) -> None:
        limit = limited(store)
        other = open_handle()
        assert other.permits.limits() == [limit]
        assert other.permits.exchange("v", [], wanted(limit, "a", "b")) == [True, True]
        assert store.permits.exchange("w", [], wanted(limit, "c")) == [False]
