"""The part of the stores' conformance suite about priorities and labels of runs."""

from __future__ import annotations

from opord.kernel.scheduling import NO_LABEL
from opord.stores.base import Applied, LiveVersion, RunFilter, Store, WorkerRow
from opord.testing.store_rows import (
    BEGIN,
    DIGEST,
    ORDERS,
    OTHER_DIGEST,
    REFUNDS,
    SECOND,
    SteppedClock,
    a_head,
    a_start,
    a_write,
    started,
    the_run,
)
from opord.values.types import Duration, Instant, RunId

BOTH = (DIGEST, OTHER_DIGEST)
MINUTE = Duration(60 * SECOND)


class SchedulingSuite:
    """Runs of a higher priority go first, and a worker takes the runs of its labels alone."""

    def test_priority_and_label_stay_with_a_run(self, store: Store) -> None:
        row = started(store, "a", priority=-100, label="gpu:a.b-c_1")
        assert (row.priority, row.label) == (-100, "gpu:a.b-c_1")
        assert (the_run(store, "a"), started(store, "b").label) == (row, NO_LABEL)
        assert store.apply([a_write(row, head=a_head(state="Next"))]) == [Applied(0)]
        assert (the_run(store, "a").priority, the_run(store, "a").label) == (-100, "gpu:a.b-c_1")
        kept = store.kept(RunId("a"))
        assert kept is not None
        assert kept.row == the_run(store, "a")
        assert store.rewrite(RunId("a"), lambda kept: kept) == kept
        assert (the_run(store, "a").priority, the_run(store, "a").label) == (-100, "gpu:a.b-c_1")

    def test_a_claim_takes_the_highest_priority_first(self, store: Store) -> None:
        given = {
            "a": (0, BEGIN - 9),
            "b": (5, BEGIN),
            "c": (-5, BEGIN - 99),
            "d": (5, BEGIN - 1),
            "e": (100, BEGIN),
        }
        for run, (priority, wake_at) in given.items():
            started(store, run, head=a_head(wake_at=wake_at), priority=priority)
        started(store, "f", head=a_head(wake_at=BEGIN - 2), priority=5, contract=REFUNDS)
        started(store, "g", head=a_head(wake_at=BEGIN + 1), priority=100)
        taken = [row.run for row in store.claim("w", BOTH, limit=4, ttl_us=MINUTE)]
        assert taken == ["e", "f", "d", "b"]
        rest = store.claim("w", BOTH, limit=9, ttl_us=MINUTE)
        assert [(row.run, row.priority, row.epoch) for row in rest] == [("a", 0, 1), ("c", -5, 1)]
        assert store.claim("w", BOTH, limit=9, ttl_us=MINUTE) == []

    def test_among_runs_of_one_priority_those_that_were_due_first_come_first(self, store: Store) -> None:
        started(store, "a", head=a_head(wake_at=BEGIN - 1), priority=7, label="x")
        started(store, "b", head=a_head(wake_at=BEGIN - 3), priority=7, contract=REFUNDS)
        started(store, "c", head=a_head(wake_at=BEGIN - 2), priority=7)
        started(store, "d", head=a_head(wake_at=BEGIN - 2), priority=7, label="x")
        taken = store.claim("w", BOTH, limit=9, ttl_us=MINUTE, labels=("x", NO_LABEL))
        assert [row.run for row in taken] == ["b", "c", "d", "a"]

    def test_a_worker_takes_the_runs_of_its_labels_alone(self, store: Store) -> None:
        for run, label in (("a", "gpu"), ("b", "cpu"), ("c", NO_LABEL), ("d", "gp"), ("e", "GPU")):
            started(store, run, label=label)

        def taken(*labels: str) -> str:
            rows = store.claim("w", [DIGEST], limit=9, ttl_us=MINUTE, labels=labels)
            store.release("w", [(row.run, row.epoch) for row in rows])
            return "".join(sorted(row.run for row in rows))

        assert taken("gpu") == "a"
        assert taken("gpu", "cpu") == "ab"
        assert taken(NO_LABEL) == "c"
        assert taken("gpu", NO_LABEL) == "ac"
        assert taken("none") == taken() == ""
        assert [row.run for row in store.claim("w", [DIGEST], limit=9, ttl_us=MINUTE)] == ["c"]

    def test_what_wakes_and_what_is_held_is_asked_by_label(self, store: Store) -> None:
        started(store, "a", head=a_head(wake_at=BEGIN + 5), label="gpu")
        started(store, "b", head=a_head(wake_at=BEGIN + 9), label="gpu", priority=3)
        started(store, "c", head=a_head(wake_at=BEGIN + 7), label="gpu", priority=-3)
        started(store, "d", head=a_head(wake_at=BEGIN + 8))
        assert store.next_wake([DIGEST]) == BEGIN + 8
        assert store.next_wake([DIGEST], labels=("gpu",)) == BEGIN + 5
        assert store.next_wake(BOTH, labels=("gpu", NO_LABEL, "cpu")) == BEGIN + 5
        assert store.next_wake([DIGEST], labels=("cpu",)) is None
        assert store.next_wake([DIGEST], labels=()) is None
        started(store, "e", head=a_head(wake_at=BEGIN + 3, worker="w1"), label="gpu", priority=3)
        assert store.next_wake([DIGEST], labels=("gpu",)) == BEGIN + 3
        assert store.any_held([DIGEST], within_us=MINUTE, labels=("gpu",))
        assert not store.any_held([DIGEST], within_us=MINUTE)
        assert not store.any_held([DIGEST], within_us=MINUTE, labels=("cpu",))

    def test_a_run_wakes_a_worker_whatever_its_priority(self, store: Store) -> None:
        for run, priority, label in (("a", 5, "high"), ("b", -5, "low"), ("c", 0, "usual")):
            started(store, run, priority=priority, label=label)
            assert store.next_wake([DIGEST], labels=(label,)) == BEGIN
            assert [
                row.run for row in store.claim("w", [DIGEST], limit=9, ttl_us=MINUTE, labels=(label,))
            ] == [run]

    def test_a_worker_says_its_labels(self, store: Store, clock: SteppedClock) -> None:
        store.heartbeat("w1", [DIGEST], ttl_us=SECOND, labels=("gpu", NO_LABEL))
        store.heartbeat("w2", [DIGEST], ttl_us=SECOND)
        until = Instant(BEGIN + SECOND)
        assert store.workers() == [
            WorkerRow("w1", (DIGEST,), until, labels=(NO_LABEL, "gpu")),
            WorkerRow("w2", (DIGEST,), until, labels=(NO_LABEL,)),
        ]
        store.heartbeat("w1", [DIGEST], ttl_us=SECOND, labels=("cpu",))
        assert [one.labels for one in store.workers()] == [("cpu",), (NO_LABEL,)]

    def test_a_run_whose_label_no_worker_takes_is_unserved(self, store: Store) -> None:
        due = a_head(wake_at=BEGIN)
        for run, label, contract in (("a", "gpu", ORDERS), ("b", NO_LABEL, ORDERS), ("c", "gpu", REFUNDS)):
            started(store, run, head=due, label=label, contract=contract)
        started(store, "d", head=a_head(status="waiting", wake_at=None), label="gpu", priority=9)
        ended = a_head(status="ended", outcome="success", wake_at=None)
        started(store, "e", head=ended, label="cpu")

        def unserved() -> tuple[str, list[LiveVersion]]:
            listed = [row.run for row in store.runs(RunFilter(needs="unserved"), limit=9)]
            assert sorted(listed) == sorted(row.run for row in store.due_needs("unserved", limit=9))
            return "".join(listed), store.unserved_versions()

        refund = LiveVersion("Refunds", 3, 1, "gpu")
        assert unserved() == (
            "cba",
            [LiveVersion("Orders", 1, 1), LiveVersion("Orders", 1, 2, "gpu"), refund],
        )
        store.heartbeat("w1", [DIGEST], ttl_us=SECOND, labels=("gpu",))
        assert unserved() == ("cb", [LiveVersion("Orders", 1, 1), refund])
        store.heartbeat("w2", [OTHER_DIGEST], ttl_us=SECOND)
        assert unserved() == ("cb", [LiveVersion("Orders", 1, 1), refund])
        store.heartbeat("w2", BOTH, ttl_us=SECOND, labels=("gpu", NO_LABEL))
        assert unserved() == ("", [])

    def test_overdue_runs_are_found_whatever_their_priority_and_label(
        self, store: Store, clock: SteppedClock
    ) -> None:
        for run, priority, label in (("a", 3, "gpu"), ("b", -3, "gpu"), ("c", 0, "cpu"), ("d", 0, NO_LABEL)):
            started(store, run, head=a_head(status="waiting", wake_at=BEGIN), priority=priority, label=label)
        clock.forward(3600)
        assert {row.run for row in store.due_needs("overdue", limit=9)} == {*"abcd"}
        assert [row.run for row in store.runs(RunFilter(needs="overdue"), limit=9)] == [*"dcba"]
        assert [row.run for row in store.runs(RunFilter(needs="overdue", label="gpu"), limit=9)] == [*"ba"]

    def test_runs_are_listed_by_label(self, store: Store) -> None:
        given = (("a", "gpu", ORDERS), ("b", NO_LABEL, ORDERS), ("c", "gpu", REFUNDS), ("d", "cpu", ORDERS))
        for run, label, contract in given:
            started(store, run, label=label, contract=contract)
        started(store, "e", label="gpu", head=a_head(status="ended", outcome="success", wake_at=None))

        def listed(label: str, **others: str) -> str:
            return "".join(row.run for row in store.runs(RunFilter(label=label, **others), limit=9))  # type: ignore[arg-type]

        assert listed("gpu") == "eca"
        assert listed(NO_LABEL) == "b"
        assert listed("none") == ""
        assert listed("gpu", contract="Orders") == "ea"
        assert listed("gpu", status="running") == "ca"
        assert listed("gpu", outcome="success", state="Received") == "e"
        assert [row.run for row in store.runs(RunFilter(label="gpu"), limit=1, after="e")] == ["c"]

    def test_the_runs_of_a_dead_worker_are_released_whatever_their_label(self, store: Store) -> None:
        labels = ("gpu", "cpu", NO_LABEL)
        assert (
            store.apply([a_start(label or "none", label=label, priority=len(label)) for label in labels])
            == [Applied(0)] * 3
        )
        store.heartbeat("w1", [DIGEST], ttl_us=SECOND, labels=labels)
        assert len(store.claim("w1", [DIGEST], limit=9, ttl_us=SECOND, labels=labels)) == 3
        (worker,) = store.workers()
        assert store.release_dead(worker, within_us=MINUTE) == 3
        assert len(store.claim("w2", [DIGEST], limit=9, ttl_us=SECOND, labels=labels)) == 3
