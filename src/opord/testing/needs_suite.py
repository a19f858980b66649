"""The part of the stores' conformance suite about what runs need from a person."""

from __future__ import annotations

from opord.kernel.needs import OVERDUE_US
from opord.kernel.rows import DueNeed, InboxRow
from opord.stores.base import Applied, Kept, KeptFor, LiveVersion, RunFilter, Store
from opord.testing.pruning_suite import a_prune
from opord.testing.store_rows import (
    BEGIN,
    ORDERS,
    REFUNDS,
    SteppedClock,
    a_head,
    a_write,
    started,
    the_run,
)
from opord.values.types import Duration, Instant, RunId


class NeedsSuite:
    """Runs with a need are found, also among those that have ended, and nothing else is."""

    def test_runs_with_a_need_are_listed(self, store: Store) -> None:
        started(store, "a", head=a_head(status="stalled", wake_at=None).replace(needs="stalled"))
        ended = a_head(status="ended", outcome="success", wake_at=None)
        started(store, "b", head=ended.replace(needs="alarm"))
        started(store, "c", head=ended)
        both = a_head(status="in_doubt", wake_at=None).replace(needs="doubt alarm")
        started(store, "d", head=both, contract=REFUNDS)
        started(store, "e", head=a_head(status="waiting", wake_at=None))

        def listed(**given: str) -> str:
            return "".join(row.run for row in store.runs(RunFilter(**given), limit=9))  # type: ignore[arg-type]

        assert listed(needs="any") == "dba"
        assert listed(needs="stalled") == "a"
        assert listed(needs="doubt") == "d"
        assert listed(needs="alarm") == "db"
        assert listed(needs="collision") == ""
        assert listed(needs="alarm", contract="Orders") == "b"
        assert listed(needs="any", status="ended") == "b"
        assert [row.run for row in store.runs(RunFilter(needs="any"), limit=1, after="d")] == ["b"]
        assert the_run(store, "d").head == both
        row = the_run(store, "b")
        assert store.apply([a_write(row, head=ended)]) == [Applied(0)]
        assert listed(needs="any") == "da"

    def test_what_is_due_and_what_nobody_serves_are_needs_by_the_clock(
        self, store: Store, clock: SteppedClock
    ) -> None:
        later = BEGIN + 1_000_000
        started(store, "a", head=a_head(status="waiting", wake_at=later))
        started(store, "b", head=a_head(wake_at=later))
        started(store, "c", head=a_head(wake_at=later, worker="w1"))
        started(store, "d", head=a_head(status="ended", outcome="success", wake_at=None))
        started(store, "e", head=a_head(wake_at=later), contract=REFUNDS)

        def listed(needs: str) -> str:
            return "".join(row.run for row in store.runs(RunFilter(needs=needs), limit=9))  # type: ignore[arg-type]

        assert (listed("overdue"), listed("unserved"), listed("any")) == ("", "", "")
        clock.instant = Instant(later)
        store.heartbeat("w1", [ORDERS.digest], ttl_us=Duration(10_000_000))
        assert (listed("overdue"), listed("unserved"), listed("any")) == ("", "e", "e")
        clock.forward(10)
        assert (listed("overdue"), listed("unserved"), listed("any")) == ("", "ecba", "ecba")
        clock.instant = Instant(later + OVERDUE_US)
        assert (listed("overdue"), listed("unserved"), listed("any")) == ("a", "ecba", "ecba")
        store.heartbeat("w2", [ORDERS.digest, REFUNDS.digest], ttl_us=Duration(1_000_000))
        assert (listed("overdue"), listed("unserved"), listed("any")) == ("a", "", "a")

    def test_what_is_due_is_read_with_the_longest_due_first(self, store: Store, clock: SteppedClock) -> None:
        for run, wait in (("a", 3), ("b", 1), ("c", 2)):
            started(store, run, head=a_head(status="waiting", wake_at=BEGIN + wait * 1_000_000))
        started(store, "d", head=a_head(wake_at=BEGIN), contract=REFUNDS)
        started(store, "e", head=a_head(status="waiting", wake_at=None))
        clock.instant = Instant(BEGIN + 3 * 1_000_000 + OVERDUE_US)
        store.heartbeat("w1", [ORDERS.digest], ttl_us=Duration(10_000_000))

        def due(reason: DueNeed, limit: int = 9) -> str:
            return "".join(row.run for row in store.due_needs(reason, limit=limit))

        assert (due("overdue"), due("overdue", 2), due("overdue", 0)) == ("bca", "bc", "")
        assert due("unserved") == "d"
        clock.forward(10)
        assert due("unserved") == "dbca"
        store.heartbeat("w2", [ORDERS.digest, REFUNDS.digest], ttl_us=Duration(1_000_000))
        assert due("unserved") == ""

    def test_runs_between_two_attempts_are_found_with_the_next_due_first(self, store: Store) -> None:
        for run, wait, pending in (
            ("a", 3, '{"tries":{"seq":1,"call":"f"}}'),
            ("b", 1, '{"intent":{"seq":1,"call":"f","key":"k","args":{},"first_at":1}}'),
            ("c", 2, '{"now":1}'),
            ("d", 2, '{"tries":{"seq":1,"call":"f"}}'),
        ):
            head = a_head(status="waiting", wake_at=BEGIN + wait, body=a_body(pending))
            started(store, run, head=head, contract=REFUNDS if run == "d" else ORDERS)
        tried = a_body('{"tries":{"seq":1,"call":"f"}}')
        started(store, "e", head=a_head(status="running", body=tried))
        started(store, "f", head=a_head(status="waiting", wake_at=BEGIN))
        started(store, "g", head=a_head(status="waiting", wake_at=None, body=tried))
        started(store, "h", head=a_head(status="waiting", wake_at=BEGIN, worker="w1", body=tried))
        assert [row.run for row in store.resting(limit=9)] == ["b", "d", "a"]
        assert store.resting(limit=1) == [the_run(store, "b")]
        assert store.resting(limit=0) == []

    def test_runs_with_messages_that_wait_are_found_by_their_first_message(self, store: Store) -> None:
        later = Instant(BEGIN + 5)
        for run in ("a", "b", "c", "d"):
            started(store, run)
        for run, arrivals in (("c", (BEGIN, later)), ("a", (BEGIN, BEGIN)), ("d", (later,))):
            put = tuple(InboxRow(f"m{n}", at, "event", "{}") for n, at in enumerate(arrivals))
            assert store.apply([a_write(the_run(store, run), put=put)]) == [Applied(len(put))]
        assert store.kept_for(before=BEGIN, limit=9) == []
        assert store.kept_for(before=later, limit=9) == [
            KeptFor(RunId("a"), BEGIN),
            KeptFor(RunId("c"), BEGIN),
        ]
        assert [one.run for one in store.kept_for(before=Instant(later + 1), limit=9)] == ["a", "c", "d"]
        assert [one.run for one in store.kept_for(before=Instant(later + 1), limit=2)] == ["a", "c"]
        assert store.kept_for(before=later, limit=0) == []
        store.apply([a_write(the_run(store, "a"), take=("m0", "m1"))])
        store.apply([a_write(the_run(store, "c"), take=("m0",))])
        assert store.kept_for(before=later, limit=9) == []
        assert store.kept_for(before=Instant(later + 1), limit=1) == [KeptFor(RunId("c"), later)]

    def test_versions_without_a_worker_are_counted_by_their_live_runs(
        self, store: Store, clock: SteppedClock
    ) -> None:
        ended = a_head(status="ended", outcome="success", wake_at=None)
        for run, head in (("a", a_head()), ("b", a_head(status="waiting", wake_at=None)), ("c", ended)):
            started(store, run, head=head)
        started(store, "d", head=ended, contract=REFUNDS)
        assert store.unserved_versions() == [LiveVersion("Orders", 1, 2)]
        store.heartbeat("w1", [ORDERS.digest], ttl_us=Duration(1_000_000))
        assert store.unserved_versions() == []
        assert [one.worker for one in store.workers()] == ["w1"]
        clock.forward(1)
        assert store.workers() == []
        assert [(one.worker, one.alive_until) for one in store.workers(gone=True)] == [
            ("w1", BEGIN + 1_000_000)
        ]

    def test_an_ended_run_with_an_alarm_is_not_pruned(self, store: Store) -> None:
        ended = a_head(status="ended", outcome="success", wake_at=None)
        started(store, "a", head=ended)
        row = started(store, "b", head=ended.replace(needs="alarm"))
        later = Instant(BEGIN + 1)
        assert [one.run for one in store.ended(later, limit=9)] == ["a"]
        assert store.prune([a_prune(_whole(store, "b"))]) == [False]
        assert store.apply([a_write(row, head=ended)]) == [Applied(0)]
        assert [one.run for one in store.ended(later, limit=9)] == ["a", "b"]
        assert store.prune([a_prune(_whole(store, "b"))]) == [True]


def a_body(pending: str) -> str:
    return f'{{"data":null,"entered":1,"pending":{pending}}}'


def _whole(store: Store, run: str) -> Kept:
    content = store.kept(RunId(run))
    assert content is not None, f"no run {run}"
    return content
