"""What every store does for messages to others: `stores/outbox.py`, sentence by sentence."""

from __future__ import annotations

import hashlib

from opord.kernel.outgoing import Endpoint, OutgoingMessage, SendingLease, Subscription, Tried
from opord.kernel.rows import Prune, RecordRow, RunOutcome, Status
from opord.stores.base import Applied, RunRow, Stale, Store, Tombstone, Write
from opord.testing.store_rows import (
    BEGIN,
    DIGEST,
    REFUNDS,
    SECOND,
    OpenHandle,
    SteppedClock,
    a_head,
    a_message,
    a_start,
    a_write,
    started,
    the_run,
)
from opord.values.types import Digest, Duration, Instant, RunId

_LEASE = Duration(30 * SECOND)


def leased(store: Store, *endpoints: str, sender: str = "s") -> list[SendingLease]:
    """Return the leases that a sender gets."""
    return store.outbox.lease(sender, endpoints or ("billing",), ttl_us=_LEASE)


def subscribed(store: Store, *wanted: Subscription) -> SendingLease:
    """Subscribe an endpoint to everything unless said otherwise, and return its lease."""
    store.outbox.subscribe(wanted or [Subscription("billing")])
    return leased(store)[0]


def waiting(store: Store, endpoint: str = "billing") -> list[tuple[str, int, str]]:
    """Return what waits for an endpoint: run, seq and what, in the order of writing."""
    found = store.outbox.messages(endpoint, given_up=False, limit=1000)
    return [(one.run, one.seq, one.what) for one in found]


def due(store: Store, lease: SendingLease) -> list[tuple[str, int]]:
    """Return what is due: the first message of each run."""
    return [(one.run, one.seq) for one in store.outbox.due(lease, limit=100)]


def done(store: Store, lease: SendingLease, *messages: OutgoingMessage) -> bool:
    """Say that messages were received."""
    return store.outbox.sent(lease, [Tried(one, True, store.now()) for one in messages])


def failed(store: Store, lease: SendingLease, message: OutgoingMessage, next_at: Instant | None) -> bool:
    """Say that a message was not received."""
    return store.outbox.sent(lease, [Tried(message, False, store.now(), next_at, "HTTP 500")])


def kept(store: Store, endpoint: str = "billing") -> Endpoint:
    """Return an endpoint as stored."""
    return next(one for one in store.outbox.endpoints() if one.name == endpoint)


def a_need(row: RunRow, needs: str, *, status: Status = "in_doubt", kind: str = "doubt") -> Write:
    """Return a write of one record, after which the run needs this."""
    write = a_write(row, head=a_head(status=status, wake_at=None).replace(needs=needs))
    return write.replace(records=(_of_kind(write.records[0], kind),))


def an_end(row: RunRow, outcome: RunOutcome = "success") -> Write:
    """Return a write that ends a run."""
    return a_write(row, head=a_head(state="Done", status="ended", outcome=outcome, wake_at=None))


def _of_kind(record: RecordRow, kind: str) -> RecordRow:
    return record.replace(kind=kind, hash=Digest(hashlib.sha256(kind.encode()).hexdigest()))


def moved(store: Store, run: str = "Orders/1") -> None:
    """Let a run move once."""
    assert store.apply([a_write(the_run(store, run))]) == [Applied(0)]


class OutboxSuite:
    """The promise of `Outbox` as tests."""

    def test_without_an_endpoint_nothing_is_written(self, store: Store) -> None:
        started(store)
        moved(store)
        assert store.outbox.endpoints() == []
        store.outbox.subscribe([Subscription("billing")])
        assert waiting(store) == []

    def test_each_move_is_written_from_the_subscription_on(
        self, store: Store, open_handle: OpenHandle
    ) -> None:
        writer = open_handle()  # another process, which was told of no endpoint
        started(writer, "Orders/0")
        store.outbox.subscribe([Subscription("billing")])
        started(writer)
        moved(writer)
        moved(writer, "Orders/0")
        assert waiting(store) == [("Orders/1", 1, "move"), ("Orders/1", 2, "move"), ("Orders/0", 2, "move")]

    def test_several_moves_of_one_write_are_all_written(self, store: Store) -> None:
        subscribed(store)
        store.apply([a_start(records=2), a_start("Orders/2")])
        store.apply([a_write(the_run(store), records=2)])
        assert sorted(waiting(store)) == [
            *[("Orders/1", seq, "move") for seq in (1, 2, 3, 4)],
            ("Orders/2", 1, "move"),
        ]

    def test_a_change_that_does_not_fit_writes_nothing(self, store: Store) -> None:
        subscribed(store)
        row = started(store)
        moved(store)
        (answer,) = store.apply([a_write(row, records=2)])
        assert isinstance(answer, Stale)
        assert len(waiting(store)) == 2

    def test_a_message_is_written_only_with_its_transaction(self, store: Store) -> None:
        subscribed(store)
        row = started(store)
        undone = store.transaction((row.run, row.epoch, row.seq))
        assert undone is not None
        undone.apply([a_write(row)])
        undone.roll_back()
        assert len(waiting(store)) == 1
        kept_one = store.transaction((row.run, row.epoch, row.seq))
        assert kept_one is not None
        kept_one.apply([a_write(row)])
        kept_one.commit()
        assert [seq for _, seq, _ in waiting(store)] == [1, 2]

    def test_messages_into_an_inbox_are_not_told(self, store: Store) -> None:
        subscribed(store)
        row = started(store)
        store.apply([a_write(row, records=0, put=(a_message("m"),))])
        assert len(waiting(store)) == 1

    def test_a_subscription_is_for_its_contracts(self, store: Store) -> None:
        subscribed(store, Subscription("billing", ("Order", "Refunds")), Subscription("all"))
        started(store)
        started(store, "Refunds/1", contract=REFUNDS)
        assert waiting(store) == [("Refunds/1", 1, "move")]
        assert len(waiting(store, "all")) == 2

    def test_a_subscription_to_ends_gets_no_other_move(self, store: Store) -> None:
        subscribed(store, Subscription("billing", moves=False, needs=False))
        started(store)
        moved(store)
        assert waiting(store) == []
        store.apply([an_end(the_run(store))])
        assert waiting(store) == [("Orders/1", 3, "move")]

    def test_a_need_is_told_when_it_begins(self, store: Store) -> None:
        subscribed(store, Subscription("billing", moves=False, ends=False))
        row = started(store)
        assert waiting(store) == []
        store.apply([a_need(row, "doubt")])
        store.apply([a_need(the_run(store), "doubt alarm", kind="alarm")])
        store.apply([a_need(the_run(store), "alarm collision", status="stalled", kind="stalled")])
        store.apply([a_need(the_run(store), "stalled alarm", status="stalled", kind="alarm")])
        assert waiting(store) == [
            ("Orders/1", 2, "doubt"),
            ("Orders/1", 3, "alarm"),
            ("Orders/1", 4, "collision"),
            *sorted([("Orders/1", 5, "alarm"), ("Orders/1", 5, "stalled")], key=waiting(store).index),
        ]
        store.apply([a_write(the_run(store), head=a_head())])
        assert len(waiting(store)) == 5

    def test_needs_are_told_only_to_those_who_want_them(self, store: Store) -> None:
        subscribed(store, Subscription("billing", needs=False))
        store.apply([a_need(started(store), "doubt")])
        store.apply([a_need(the_run(store), "doubt alarm", kind="alarm")])
        assert waiting(store) == [("Orders/1", 1, "move")]

    def test_a_changed_subscription_counts_from_then_on(self, store: Store) -> None:
        subscribed(store)
        started(store)
        store.outbox.subscribe([Subscription("billing", ("Refunds",))])
        moved(store)
        assert len(waiting(store)) == 1
        assert kept(store).subscription.contracts == ("Refunds",)

    def test_of_each_run_the_first_message_is_due(self, store: Store) -> None:
        lease = subscribed(store)
        started(store, "Orders/2")
        started(store)
        moved(store)
        moved(store, "Orders/2")
        assert due(store, lease) == [("Orders/1", 1), ("Orders/2", 1)]
        assert len(store.outbox.due(lease, limit=1)) == 1
        done(store, lease, *store.outbox.due(lease, limit=100))
        assert due(store, lease) == [("Orders/1", 2), ("Orders/2", 2)]
        done(store, lease, *store.outbox.due(lease, limit=100))
        assert (due(store, lease), store.outbox.next_due(lease)) == ([], None)
        assert kept(store).waiting == 0

    def test_a_failed_message_holds_its_run_back_and_no_other(
        self, store: Store, clock: SteppedClock
    ) -> None:
        lease = subscribed(store)
        started(store)
        moved(store)
        started(store, "Orders/2")
        (first, _) = store.outbox.due(lease, limit=100)
        later = Instant(store.now() + 5 * SECOND)
        assert failed(store, lease, first, later)
        moved(store)
        assert due(store, lease) == [("Orders/2", 1)]
        clock.forward(4.9)
        assert due(store, lease) == [("Orders/2", 1)]
        clock.forward(0.1)
        assert due(store, lease) == [("Orders/2", 1), ("Orders/1", 1)]
        again = store.outbox.due(lease, limit=100)[1]
        assert (again.attempts, again.first_at, again.trouble) == (1, BEGIN, "HTTP 500")
        assert kept(store).waiting == 4

    def test_messages_that_wait_for_their_time_can_be_woken(self, store: Store) -> None:
        lease = subscribed(store)
        started(store)
        failed(store, lease, store.outbox.due(lease, limit=1)[0], Instant(store.now() + 3600 * SECOND))
        assert store.outbox.next_due(lease) == store.now() + 3600 * SECOND
        store.outbox.wake(lease)
        assert due(store, lease) == [("Orders/1", 1)]

    def test_a_message_that_is_given_up_lets_the_next_go(self, store: Store) -> None:
        lease = subscribed(store)
        started(store)
        moved(store)
        first = store.outbox.due(lease, limit=1)[0]
        failed(store, lease, first, None)
        assert due(store, lease) == [("Orders/1", 2)]
        (given_up,) = store.outbox.messages("billing", given_up=True, limit=10)
        assert (given_up.id, given_up.next_at, given_up.trouble) == (first.id, None, "HTTP 500")
        assert (kept(store).waiting, kept(store).given_up) == (1, 1)
        assert store.outbox.message("billing", first.id) == given_up

    def test_a_message_that_was_given_up_can_be_sent_after_all(self, store: Store) -> None:
        lease = subscribed(store)
        started(store)
        first = store.outbox.due(lease, limit=1)[0]
        failed(store, lease, first, None)
        assert due(store, lease) == []
        assert store.outbox.retry("billing", [first.id, 999]) == 1
        assert store.outbox.retry("billing", [first.id]) == 0
        (again,) = store.outbox.due(lease, limit=10)
        assert (again.id, again.attempts, again.first_at) == (first.id, 0, None)
        done(store, lease, again)
        assert (kept(store).waiting, kept(store).given_up) == (0, 0)

    def test_messages_can_be_dropped(self, store: Store) -> None:
        lease = subscribed(store)
        started(store)
        moved(store)
        first = store.outbox.due(lease, limit=1)[0]
        assert store.outbox.drop("billing", [first.id]) == 1
        assert store.outbox.drop("billing", [first.id]) == 0
        assert due(store, lease) == [("Orders/1", 2)]
        second = store.outbox.due(lease, limit=1)[0]
        failed(store, lease, second, None)
        assert store.outbox.drop("billing", [second.id]) == 1
        moved(store)
        assert due(store, lease) == [("Orders/1", 3)]

    def test_to_say_twice_that_a_message_was_received_does_no_harm(self, store: Store) -> None:
        lease = subscribed(store)
        started(store)
        moved(store)
        moved(store)
        first = store.outbox.due(lease, limit=1)[0]
        assert done(store, lease, first)
        assert done(store, lease, first)
        assert failed(store, lease, first, None)
        assert due(store, lease) == [("Orders/1", 2)]
        assert kept(store).waiting == 2
        done(store, lease, *store.outbox.due(lease, limit=1))
        assert due(store, lease) == [("Orders/1", 3)]

    def test_to_say_twice_that_a_message_failed_counts_one_attempt(self, store: Store) -> None:
        lease = subscribed(store)
        started(store)
        first = store.outbox.due(lease, limit=1)[0]
        for _ in range(2):
            assert failed(store, lease, first, store.now())
        again = store.outbox.due(lease, limit=1)[0]
        assert (again.id, again.attempts) == (first.id, 1)
        assert failed(store, lease, again, store.now())
        assert store.outbox.due(lease, limit=1)[0].attempts == 2

    def test_one_process_sends_to_an_endpoint(
        self, store: Store, open_handle: OpenHandle, clock: SteppedClock
    ) -> None:
        lease = subscribed(store, Subscription("billing"), Subscription("other"))
        started(store)
        message = store.outbox.due(lease, limit=1)[0]
        another = open_handle()
        assert [one.name for one in leased(another, "billing", "other", "none", sender="t")] == ["other"]
        clock.forward(20)
        assert leased(store) == [lease]  # kept
        clock.forward(20)
        assert leased(another, sender="t") == []
        clock.forward(11)
        (taken,) = leased(another, sender="t")
        assert taken.epoch > lease.epoch
        assert not done(store, lease, message)
        assert not failed(store, lease, message, None)
        store.outbox.wake(lease)
        store.outbox.stop(lease, "gone")
        assert (kept(store).stopped, kept(store).sender) == ("", "t")
        assert due(another, taken) == [("Orders/1", 1)]
        another.outbox.give_back("t")
        assert [one.name for one in leased(store, "billing", "other")] == ["billing", "other"]

    def test_nothing_is_sent_to_a_stopped_endpoint_until_it_is_resumed(self, store: Store) -> None:
        lease = subscribed(store)
        store.outbox.stop(lease, "HTTP 410")
        started(store)
        assert leased(store) == []
        assert (kept(store).stopped, kept(store).waiting) == ("HTTP 410", 1)
        assert not store.outbox.resume("none")
        assert store.outbox.resume("billing")
        assert due(store, leased(store)[0]) == [("Orders/1", 1)]

    def test_an_endpoint_is_forgotten_with_its_messages(self, store: Store) -> None:
        subscribed(store, Subscription("billing"), Subscription("other"))
        started(store)
        assert store.outbox.unsubscribe("billing") == 1
        assert store.outbox.unsubscribe("billing") is None
        moved(store)
        assert (waiting(store), len(waiting(store, "other"))) == ([], 2)
        assert store.outbox.unsubscribe("other") == 2
        moved(store)
        store.outbox.subscribe([Subscription("billing")])
        assert waiting(store) == []
        moved(store)
        assert waiting(store) == [("Orders/1", 4, "move")]

    def test_a_run_is_kept_until_its_messages_are_sent(self, store: Store) -> None:
        lease = subscribed(store)
        row = started(store)
        store.apply([an_end(row)])
        assert store.ended(Instant(BEGIN + SECOND), limit=10) == []
        ended = the_run(store)
        stone = Tombstone(
            *(ended.run, Digest(DIGEST), "Orders", 1, BEGIN, "{}", "Done", "success", BEGIN, BEGIN),
            *(Instant(BEGIN + SECOND), None),
        )  # fmt: skip
        wish = Prune(ended.epoch, ended.seq, ended.arrivals, ended.hash, stone)
        assert store.prune([wish]) == [False]
        done(store, lease, *store.outbox.due(lease, limit=10))
        failed(store, lease, store.outbox.due(lease, limit=10)[0], None)
        assert store.prune([wish]) == [False]
        store.outbox.drop("billing", [store.outbox.messages("billing", given_up=True, limit=1)[0].id])
        assert [one.run for one in store.ended(Instant(BEGIN + SECOND), limit=10)] == [RunId("Orders/1")]
        assert store.prune([wish]) == [True]

    def test_messages_are_listed_in_pages(self, store: Store) -> None:
        subscribed(store)
        store.apply([*(a_start(f"Orders/{n}") for n in range(5))])
        first = store.outbox.messages("billing", given_up=False, limit=3)
        rest = store.outbox.messages("billing", given_up=False, after=first[-1].id, limit=3)
        assert sorted(one.run for one in first + rest) == [f"Orders/{n}" for n in range(5)]
        assert store.outbox.messages("none", given_up=False, limit=3) == []
        assert store.outbox.message("billing", 10**9) is None
