"""What every store must do: the promise of `stores/base.py`, sentence by sentence.

Subclass `StoreSuite` in a test module and give it a fixture `open_handle`. Each call of it opens
one more handle on the same rows (as one more process would), with the given clock:

    class TestMyStore(StoreSuite):
        @pytest.fixture
        def open_handle(self, clock): ...
"""

from __future__ import annotations

import threading

import pytest

from opord.stores.base import (
    Applied,
    EventKey,
    Exists,
    InboxRow,
    KeyTaken,
    NotStored,
    RunFilter,
    Stale,
    Start,
    Store,
    StoredContract,
    UsedKey,
    WorkerRow,
    Write,
)
from opord.testing.contract_suite import ContractSuite
from opord.testing.listing_suite import ListingSuite
from opord.testing.needs_suite import NeedsSuite
from opord.testing.outbox_suite import OutboxSuite
from opord.testing.permits_suite import PermitsSuite
from opord.testing.pruning_suite import PruningSuite
from opord.testing.scheduling_suite import SchedulingSuite
from opord.testing.store_rows import (
    BEGIN,
    DIGEST,
    ODD_TEXT,
    ORDERS,
    OTHER_DIGEST,
    REFUNDS,
    SECOND,
    OpenHandle,
    SteppedClock,
    a_head,
    a_message,
    a_record,
    a_start,
    a_write,
    started,
    the_run,
)
from opord.testing.transaction_suite import TransactionSuite
from opord.testing.values_suite import ValuesSuite
from opord.testing.watching_suite import WatchingSuite
from opord.values.types import Digest, Duration, Instant, Key, RunId


class StoreSuite(
    ContractSuite,
    ListingSuite,
    NeedsSuite,
    OutboxSuite,
    PermitsSuite,
    PruningSuite,
    SchedulingSuite,
    TransactionSuite,
    ValuesSuite,
    WatchingSuite,
):
    """The promise as tests. A subclass provides `open_handle`."""

    @pytest.fixture
    def clock(self) -> SteppedClock:
        return SteppedClock()

    @pytest.fixture
    def open_handle(self, clock: SteppedClock) -> OpenHandle:
        raise NotImplementedError("a subclass says how to open its store")

    @pytest.fixture
    def store(self, open_handle: OpenHandle) -> Store:
        store = open_handle()
        store.put_contract(ORDERS)
        store.put_contract(REFUNDS)
        return store

    # --- Time and contracts ---

    def test_all_instants_come_from_the_clock(self, store: Store, clock: SteppedClock) -> None:
        clock.forward(5)
        assert store.now() == BEGIN + 5 * SECOND

    # --- Starting ---

    def test_a_started_run_is_stored_as_given(self, store: Store) -> None:
        start = a_start(records=2, input_text='{"order":1}')
        assert store.apply([start]) == [Applied(0)]
        assert store.load(RunId("Orders/1")) == start.row
        assert store.journal(RunId("Orders/1")) == list(start.records)
        assert store.inbox(RunId("Orders/1")) == []

    def test_a_name_starts_only_one_run(self, store: Store) -> None:
        row = started(store)
        other = a_start(records=2)
        other = other.replace(records=(other.records[0], a_record("other", 2).replace(seq=2)))
        other = other.replace(row=other.row.replace(hash=other.records[-1].hash))
        assert store.apply([other]) == [Exists(row)]
        assert len(store.journal(RunId("Orders/1"))) == 1

    def test_the_very_same_start_again_is_applied_already(self, store: Store) -> None:
        start = a_start(records=2)
        assert store.apply([start]) == store.apply([start]) == [Applied(0)]
        assert store.journal(RunId("Orders/1")) == list(start.records)

    def test_the_very_same_start_is_known_after_the_run_has_moved_on(self, store: Store) -> None:
        start = a_start()
        store.apply([start])
        store.apply([a_write(the_run(store))])
        assert store.apply([start]) == [Applied(0)]

    def test_a_run_of_a_contract_that_is_not_stored_is_refused(self, store: Store) -> None:
        stranger = a_start("Orders/2", contract=StoredContract(Digest("3" * 64), "Orders", 9, "[]"))
        assert store.apply([a_start("Orders/1"), stranger]) == [Applied(0), NotStored("3" * 64)]
        assert store.load(RunId("Orders/2")) is None

    def test_an_unknown_run_is_none(self, store: Store) -> None:
        assert store.load(RunId("Orders/none")) is None
        assert (store.journal(RunId("Orders/none")), store.inbox(RunId("Orders/none"))) == ([], [])

    # --- Writing ---

    def test_a_write_moves_the_run(self, store: Store) -> None:
        row = started(store)
        head = a_head(state="Charging", wake_at=None, status="waiting")
        write = a_write(row, records=2, head=head)
        assert store.apply([write]) == [Applied(0)]
        assert the_run(store) == row.replace(seq=3, hash=write.records[-1].hash, head=head)
        assert store.journal(RunId("Orders/1"), after=1) == list(write.records)

    def test_a_write_without_head_leaves_the_head(self, store: Store) -> None:
        row = started(store, head=a_head(state="Odd", wake_at=7))
        store.apply([a_write(row)])
        assert the_run(store).head == row.head

    def test_a_write_without_records_leaves_the_hash(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row, records=0, head=a_head(state="Later"))])
        assert the_run(store) == row.replace(head=a_head(state="Later"))

    def test_fencing_raises_the_epoch(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row, fence=True)])
        assert the_run(store).epoch == row.epoch + 1

    @pytest.mark.parametrize("number", ["epoch", "seq", "arrivals"])
    def test_a_write_based_on_other_numbers_is_stale(self, store: Store, number: str) -> None:
        row = started(store)
        write = a_write(row, arrivals=0)
        if number == "epoch":
            store.apply([a_write(row, records=0, fence=True)])
        elif number == "seq":
            other = a_write(row)
            store.apply([other.replace(records=(a_record("other", 2),))])
        else:
            store.apply([a_write(row, records=0, put=(a_message("m1"),))])
        now = the_run(store)
        assert store.apply([write]) == [Stale(now)]
        assert the_run(store) == now

    def test_a_write_that_names_no_arrivals_ignores_them_and_gets_their_number(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row, records=0, put=(a_message("m1"), a_message("m2")))])
        assert store.apply([a_write(row)]) == [Applied(2)]

    def test_arrivals_include_those_of_other_handles(self, store: Store, open_handle: OpenHandle) -> None:
        row = started(store)
        other = open_handle()
        assert store.apply([a_write(row, records=0, put=(a_message("m1"),))]) == [Applied(1)]
        assert other.apply([a_write(row, records=0, put=(a_message("m2"),))]) == [Applied(2)]
        assert store.apply([a_write(row)]) == [Applied(2)]

    def test_a_write_to_no_run_is_stale(self, store: Store) -> None:
        assert store.apply([a_write(a_start().row)]) == [Stale(None)]

    def test_the_very_same_write_again_is_applied_already(self, store: Store) -> None:
        row = started(store)
        write = a_write(row, records=2, head=a_head(state="Next"), fence=True, put=(a_message("m1"),))
        assert store.apply([write]) == store.apply([write]) == [Applied(1)]
        assert (len(store.journal(RunId("Orders/1"))), len(store.inbox(RunId("Orders/1")))) == (3, 1)

    def test_the_very_same_write_is_known_after_the_run_has_moved_on(self, store: Store) -> None:
        row = started(store)
        write = a_write(row)
        store.apply([write])
        store.apply([a_write(the_run(store), fence=True)])
        assert store.apply([write]) == [Applied(0)]
        assert the_run(store).seq == 3

    def test_a_batch_applies_what_fits_and_leaves_the_rest(self, store: Store) -> None:
        rows = [started(store, f"Orders/{n}") for n in range(4)]
        store.apply([a_write(rows[1], records=0, fence=True)])
        key = EventKey("paid", Key("k"), "c1")
        store.apply([a_write(rows[2], event_keys=(key,))])
        batch: list[Start | Write] = [
            a_write(rows[0]),
            a_write(rows[1]),
            a_write(the_run(store, "Orders/2"), event_keys=(EventKey("paid", Key("k"), "c2"),)),
            a_start("Orders/3", records=2),
            a_start("Orders/4"),
            a_write(a_start("Orders/5").row),
        ]
        third = the_run(store, "Orders/3")
        results = [
            Applied(0),
            Stale(the_run(store, "Orders/1")),
            KeyTaken(key),
            Exists(third),
            Applied(0),
            Stale(None),
        ]
        assert store.apply(batch) == results
        assert [the_run(store, f"Orders/{n}").seq for n in range(5)] == [2, 1, 2, 1, 1]

    def test_a_batch_may_be_empty(self, store: Store) -> None:
        assert store.apply([]) == []

    @pytest.mark.parametrize("size", [1, 2, 100, 500])
    def test_a_batch_of_any_size_is_applied_in_order(self, store: Store, size: int) -> None:
        assert store.apply([a_start(f"Orders/{n}") for n in range(size)]) == [Applied(0)] * size
        batch = [
            a_write(the_run(store, f"Orders/{n}"), records=n % 4, head=a_head(body=str(n)))
            for n in range(size)
        ]
        assert store.apply(batch) == [Applied(0)] * size
        assert [the_run(store, f"Orders/{n}").head.body for n in range(size)] == [str(n) for n in range(size)]

    def test_a_batch_names_a_run_once(self, store: Store) -> None:
        row = started(store)
        with pytest.raises(ValueError, match="named twice"):
            store.apply([a_write(row), a_write(row)])

    def test_records_continue_the_journal(self, store: Store) -> None:
        row = started(store)
        with pytest.raises(ValueError, match="expected 1 records from 2 on, got: 3"):
            store.apply([a_write(row).replace(records=(a_record("Orders/1", 3),))])

    def test_an_epoch_grows_by_one_at_a_time(self, store: Store) -> None:
        row = started(store)
        with pytest.raises(ValueError, match="cannot become"):
            store.apply([a_write(row).replace(new_epoch=row.epoch + 2)])

    # --- The inbox and the keys ---

    def test_messages_wait_in_order_of_arrival(self, store: Store) -> None:
        row = started(store)
        first, second, third = (a_message(name, f'"{name}"') for name in ("z", "a", "m"))
        assert store.apply([a_write(row, records=0, arrivals=0, put=(first, second))]) == [Applied(2)]
        assert store.apply([a_write(row, records=0, arrivals=2, put=(third,))]) == [Applied(3)]
        assert store.inbox(RunId("Orders/1")) == [first, second, third]
        assert the_run(store).arrivals == 3

    def test_a_taken_message_is_gone_and_arrivals_stay(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row, records=0, put=(a_message("a"), a_message("b")))])
        assert store.apply([a_write(row, take=("a",))]) == [Applied(2)]
        assert store.inbox(RunId("Orders/1")) == [a_message("b")]

    def test_a_message_put_again_is_there_once(self, store: Store) -> None:
        row = started(store)
        write = a_write(row, records=0, arrivals=0, put=(a_message("a"),))
        assert store.apply([write]) == store.apply([write]) == [Applied(1)]
        assert store.inbox(RunId("Orders/1")) == [a_message("a")]

    def test_a_message_put_again_after_it_was_taken_does_not_come_back(self, store: Store) -> None:
        row = started(store)
        write = a_write(row, records=0, arrivals=0, put=(a_message("a"),))
        store.apply([write])
        store.apply([a_write(row, take=("a",))])
        assert store.apply([write]) == [Applied(1)]
        assert store.inbox(RunId("Orders/1")) == []

    def test_a_write_puts_only_the_messages_that_were_never_put(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row, records=0, arrivals=0, put=(a_message("a"), a_message("b")))])
        store.apply([a_write(the_run(store), records=0, arrivals=2, take=("a",))])
        more = a_write(the_run(store), put=(a_message("a"), a_message("b"), a_message("c")))
        assert store.apply([more]) == [Applied(3)]
        assert store.inbox(RunId("Orders/1")) == [a_message("b"), a_message("c")]

    def test_two_runs_may_have_messages_of_the_same_id(self, store: Store) -> None:
        rows = [started(store, "Orders/1"), started(store, "Orders/2")]
        assert store.apply([a_write(row, put=(a_message("a"),)) for row in rows]) == [Applied(1), Applied(1)]

    def test_an_event_key_is_claimed_for_ever(self, store: Store) -> None:
        row = started(store)
        key = EventKey("delivered", Key("track-1"), "digest-1")
        store.apply([a_write(row, event_keys=(key,))])
        now = the_run(store)
        for content in ("digest-1", "digest-2"):
            again = a_write(
                now, event_keys=(EventKey("delivered", Key("track-2"), "x"), key.replace(content=content))
            )
            assert store.apply([again]) == [KeyTaken(key)]
        assert the_run(store) == now
        assert store.event_key(RunId("Orders/1"), "delivered", Key("track-1")) == key
        assert store.event_key(RunId("Orders/1"), "delivered", Key("track-2")) is None

    def test_event_keys_are_a_runs_and_an_events_own(self, store: Store) -> None:
        rows = [started(store, "Orders/1"), started(store, "Orders/2")]
        key = EventKey("paid", Key("k"), "c")
        assert store.apply([a_write(row, event_keys=(key,)) for row in rows]) == [Applied(0)] * 2
        assert store.apply([a_write(the_run(store), event_keys=(key.replace(event="sent"),))]) == [Applied(0)]

    def test_the_first_result_of_a_used_key_is_remembered(self, store: Store) -> None:
        row = started(store)
        first = UsedKey("charge_card", Key("ord-1"), "args-1", '{"charge_id":"ch_1"}')
        store.apply([a_write(row, used_keys=(first,))])
        store.apply([a_write(the_run(store), used_keys=(first.replace(result="null"),))])
        assert store.used_key(RunId("Orders/1"), "charge_card", Key("ord-1")) == first
        assert store.used_key(RunId("Orders/1"), "refund_card", Key("ord-1")) is None
        assert store.used_key(RunId("Orders/2"), "charge_card", Key("ord-1")) is None

    # --- Leases ---

    def test_a_claim_takes_what_is_due_the_longest_due_first(self, store: Store) -> None:
        for run, wake_at in (
            ("b", BEGIN - 1),
            ("a", BEGIN),
            ("c", BEGIN - 2),
            ("later", BEGIN + 1),
            ("never", None),
        ):
            started(store, run, head=a_head(wake_at=wake_at))
        claimed = store.claim("w1", [DIGEST], limit=10, ttl_us=SECOND)
        assert [row.run for row in claimed] == ["c", "b", "a"]
        assert claimed == [the_run(store, run) for run in "cba"]
        assert {(row.epoch, row.head.worker, row.head.wake_at) for row in claimed} == {
            (1, "w1", BEGIN + SECOND)
        }

    def test_a_claim_is_limited_over_all_contracts(self, store: Store) -> None:
        for n in range(6):
            contract = ORDERS if n % 2 else REFUNDS
            started(store, f"r{n}", head=a_head(wake_at=BEGIN - n), contract=contract)
        claimed = store.claim("w1", [DIGEST, OTHER_DIGEST], limit=3, ttl_us=SECOND)
        assert [row.run for row in claimed] == ["r5", "r4", "r3"]
        assert store.claim("w1", [DIGEST, OTHER_DIGEST], limit=0, ttl_us=SECOND) == []

    def test_a_claim_is_for_the_contracts_named(self, store: Store) -> None:
        started(store, "o")
        started(store, "r", contract=REFUNDS)
        assert [row.run for row in store.claim("w1", [OTHER_DIGEST], limit=9, ttl_us=SECOND)] == ["r"]
        assert store.claim("w1", [], limit=9, ttl_us=SECOND) == []
        assert store.claim("w1", ["4" * 64], limit=9, ttl_us=SECOND) == []

    def test_a_claim_says_whose_leases_had_ended(self, store: Store, clock: SteppedClock) -> None:
        """Runs that nobody held count for nobody."""
        store.apply([a_start(f"r{number}") for number in range(3)])
        assert store.claim("w1", [DIGEST], limit=2, ttl_us=SECOND).before == {}
        clock.forward(1)
        assert store.claim("w2", [DIGEST], limit=9, ttl_us=SECOND).before == {"w1": 2}
        assert store.claim("w2", [DIGEST], limit=9, ttl_us=SECOND).before == {}

    def test_a_held_run_is_not_claimed_until_its_lease_ends(self, store: Store, clock: SteppedClock) -> None:
        started(store)
        store.claim("w1", [DIGEST], limit=1, ttl_us=Duration(10 * SECOND))
        clock.forward(9.999999)
        assert store.claim("w2", [DIGEST], limit=1, ttl_us=SECOND) == []
        clock.forward(0.000001)
        (taken,) = store.claim("w2", [DIGEST], limit=1, ttl_us=SECOND)
        assert (taken.epoch, taken.head.worker) == (2, "w2")

    def test_the_old_holder_is_fenced_off(self, store: Store, clock: SteppedClock) -> None:
        started(store)
        (mine,) = store.claim("w1", [DIGEST], limit=1, ttl_us=SECOND)
        clock.forward(1)
        (theirs,) = store.claim("w2", [DIGEST], limit=1, ttl_us=SECOND)
        assert store.apply([a_write(mine)]) == [Stale(theirs)]

    def test_renewing_moves_the_lease_and_names_what_is_lost(self, store: Store, clock: SteppedClock) -> None:
        for run in "abc":
            started(store, run)
        held = [(row.run, row.epoch) for row in store.claim("w1", [DIGEST], limit=3, ttl_us=SECOND)]
        row = the_run(store, "c")
        store.apply([a_write(row, head=row.head.replace(worker=None), fence=True)])
        clock.forward(2)
        assert store.renew("w1", [*held, (RunId("nowhere"), 1)], ttl_us=SECOND) == ["c", "nowhere"]
        assert [the_run(store, run).head.wake_at for run in "abc"] == [BEGIN + 3 * SECOND] * 2 + [
            BEGIN + SECOND
        ]
        assert store.renew("w2", held[:1], ttl_us=SECOND) == ["a"]
        assert store.renew("w1", [(RunId("a"), 0)], ttl_us=SECOND) == ["a"]
        assert store.renew("w1", [], ttl_us=SECOND) == []
        assert the_run(store, "a").epoch == 1

    def test_a_released_run_may_be_claimed_at_once(self, store: Store) -> None:
        started(store)
        store.claim("w1", [DIGEST], limit=1, ttl_us=SECOND)
        store.release("w2", [(RunId("Orders/1"), 1)])
        store.release("w1", [(RunId("Orders/1"), 0)])
        assert the_run(store).head.worker == "w1"
        store.release("w1", [(RunId("Orders/1"), 1)])
        assert (the_run(store).head.worker, the_run(store).head.wake_at) == (None, BEGIN)
        (row,) = store.claim("w2", [DIGEST], limit=1, ttl_us=SECOND)
        assert row.epoch == 2

    def test_a_held_run_is_distinguished_from_one_that_waits(self, store: Store) -> None:
        started(store, "a", head=a_head(wake_at=BEGIN))
        assert not store.any_held([DIGEST], within_us=Duration(60_000_000))
        store.claim("w1", [DIGEST], limit=1, ttl_us=Duration(1_000_000))
        assert store.any_held([DIGEST], within_us=Duration(60_000_000))
        assert not store.any_held([DIGEST], within_us=Duration(1))
        assert not store.any_held([OTHER_DIGEST], within_us=Duration(60_000_000))

    def test_the_next_wake_is_the_earliest_of_the_contracts_named(self, store: Store) -> None:
        assert store.next_wake([DIGEST]) is None
        started(store, "a", head=a_head(wake_at=BEGIN + 9))
        started(store, "b", head=a_head(wake_at=BEGIN + 5))
        started(store, "c", head=a_head(wake_at=None))
        started(store, "r", head=a_head(wake_at=BEGIN + 1), contract=REFUNDS)
        assert store.next_wake([DIGEST]) == BEGIN + 5
        assert store.next_wake([DIGEST, OTHER_DIGEST]) == BEGIN + 1
        assert store.next_wake([]) is None

    def test_leases_that_end_soon_are_listed(self, store: Store, clock: SteppedClock) -> None:
        started(store, "a")
        assert not store.any_held([DIGEST], within_us=Duration(60 * SECOND))
        store.claim("w1", [DIGEST], limit=1, ttl_us=Duration(10 * SECOND))
        assert store.any_held([DIGEST], within_us=Duration(60 * SECOND))
        assert not store.any_held([DIGEST], within_us=Duration(10 * SECOND))
        assert not store.any_held([OTHER_DIGEST], within_us=Duration(60 * SECOND))
        clock.forward(30)
        assert store.any_held([DIGEST], within_us=Duration(0)), (
            "a lease that has ended is still somebody's until it is claimed"
        )
        store.release("w1", [(RunId("a"), 1)])
        assert not store.any_held([DIGEST], within_us=Duration(60 * SECOND))

    def test_no_two_claims_return_the_same_epoch_of_a_run(
        self, store: Store, open_handle: OpenHandle
    ) -> None:
        store.apply([a_start(f"Orders/{n}") for n in range(200)])
        claimed: list[tuple[str, int]] = []

        def work(name: str, handle: Store) -> None:
            while rows := handle.claim(name, [DIGEST], limit=7, ttl_us=Duration(3600 * SECOND)):
                claimed.extend((row.run, row.epoch) for row in rows)

        threads = [threading.Thread(target=work, args=(f"w{n}", open_handle())) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(claimed) == sorted((f"Orders/{n}", 1) for n in range(200))

    # --- Reading ---

    def test_a_journal_is_read_in_order_and_page_by_page(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row, records=1500)])
        assert [record.seq for record in store.journal(RunId("Orders/1"))] == list(range(1, 1001))
        assert [record.seq for record in store.journal(RunId("Orders/1"), after=1000)] == list(
            range(1001, 1502)
        )
        assert [record.seq for record in store.journal(RunId("Orders/1"), after=3, limit=2)] == [4, 5]
        assert store.journal(RunId("Orders/1"), after=1501) == []

    # --- Values ---

    def test_every_text_comes_back_as_it_was_given(self, store: Store) -> None:
        run, odd = f"Orders/{ODD_TEXT}", ODD_TEXT
        start = a_start(run, input_text=odd, head=a_head(state=odd, worker=odd, body=odd))
        store.apply([start])
        assert store.load(RunId(run)) == start.row
        message, key, used = (
            InboxRow(odd, Instant(1), "evidence", odd),
            EventKey(odd, Key(odd), odd),
            UsedKey(odd, Key(odd), odd, odd),
        )
        head = a_head(state=odd, body=odd).replace(reason=odd)
        record = a_record(run, 2, odd)
        write = a_write(start.row, head=head, put=(message,), event_keys=(key,), used_keys=(used,))
        assert store.apply([write.replace(records=(record,))]) == [Applied(1)]
        assert store.journal(RunId(run), after=1) == [record]
        assert (the_run(store, run).head, store.inbox(RunId(run))) == (head, [message])
        assert store.event_key(RunId(run), odd, Key(odd)) == key
        assert store.used_key(RunId(run), odd, Key(odd)) == used
        assert store.apply([a_write(the_run(store, run), take=(odd,))]) == [Applied(1)]
        assert store.inbox(RunId(run)) == []
        assert [row.run for row in store.runs(RunFilter(state=odd), limit=9)] == [run]

    def test_a_text_of_one_mebibyte_comes_back_whole(self, store: Store) -> None:
        big = '"' + "é\\u0001\\" * (1 << 17) + '"'
        start = a_start(input_text=big, head=a_head(body=big))
        store.apply([start])
        record = a_record("Orders/1", 2, big)
        store.apply([a_write(start.row, put=(a_message("m", big),)).replace(records=(record,))])
        assert (the_run(store).input, the_run(store).head.body) == (big, big)
        assert (store.journal(RunId("Orders/1"), after=1), store.inbox(RunId("Orders/1"))) == (
            [record],
            [a_message("m", big)],
        )

    def test_integers_are_exact_at_both_ends(self, store: Store) -> None:
        row = started(store, head=a_head(wake_at=0).replace(since=-(1 << 63)))
        assert (the_run(store).head.since, the_run(store).head.wake_at) == (-(1 << 63), 0)
        record = a_record("Orders/1", 2).replace(at=253_402_300_799_999_999)
        store.apply([a_write(row, head=a_head(wake_at=(1 << 63) - 1)).replace(records=(record,))])
        assert the_run(store).head.wake_at == (1 << 63) - 1
        assert store.journal(RunId("Orders/1"), after=1) == [record]

    # --- Workers and changes ---

    def test_a_worker_is_alive_as_long_as_it_announced(self, store: Store, clock: SteppedClock) -> None:
        store.heartbeat("w2", [OTHER_DIGEST, DIGEST], ttl_us=Duration(2 * SECOND))
        store.heartbeat("w1", [], ttl_us=SECOND)
        both = tuple(sorted((DIGEST, OTHER_DIGEST)))
        assert store.workers() == [
            WorkerRow("w1", (), Instant(BEGIN + SECOND)),
            WorkerRow("w2", both, Instant(BEGIN + 2 * SECOND)),
        ]
        clock.forward(1)
        assert [worker.worker for worker in store.workers()] == ["w2"]
        trouble, calls = "2 threads are held", '[{"run":"é"}]'
        store.heartbeat("w2", [DIGEST], ttl_us=Duration(5 * SECOND), trouble=trouble, calls=calls)
        assert store.workers() == [WorkerRow("w2", (DIGEST,), Instant(BEGIN + 6 * SECOND), trouble, calls)]
        store.heartbeat("w2", [DIGEST], ttl_us=Duration(5 * SECOND))
        assert store.workers() == [WorkerRow("w2", (DIGEST,), Instant(BEGIN + 6 * SECOND))]

    def test_a_dead_workers_runs_are_released_once(self, store: Store) -> None:
        started(store, "A/1"), started(store, "A/2")
        store.heartbeat("w1", [DIGEST], ttl_us=SECOND)
        store.claim("w1", [DIGEST], limit=1, ttl_us=Duration(9 * SECOND))
        store.claim("w2", [DIGEST], limit=1, ttl_us=Duration(9 * SECOND))
        (worker,) = store.workers()
        since = worker._replace(alive_until=Instant(worker.alive_until + 1))
        assert store.release_dead(since, within_us=Duration(9 * SECOND)) == 0, "it has said something since"
        assert store.claim("w3", [DIGEST], limit=9, ttl_us=SECOND) == []
        assert store.release_dead(worker, within_us=Duration(9 * SECOND)) == 1
        assert store.workers() == []
        assert [row.epoch for row in store.claim("w3", [DIGEST], limit=9, ttl_us=SECOND)] == [2]
        assert store.release_dead(worker, within_us=Duration(9 * SECOND)) == 0, (
            "its runs were released before"
        )
