"""What every store must do with ended runs: list them, delete them whole, and keep their keys."""

from __future__ import annotations

import threading

import pytest

from opord.stores.base import (
    Applied,
    EndedRun,
    EventKey,
    Kept,
    Prune,
    RunFilter,
    Stale,
    Store,
    Tombstone,
    UsedKey,
    WasPruned,
)
from opord.testing.store_rows import (
    BEGIN,
    ORDERS,
    REFUNDS,
    SECOND,
    OpenHandle,
    SteppedClock,
    a_head,
    a_message,
    a_start,
    a_value,
    a_write,
    started,
    the_run,
)
from opord.values.types import Instant, Key, RunId

ENDED = a_head(state="Done", status="ended", outcome="success", wake_at=None)


def an_ended_run(store: Store, run: str = "Orders/1", *, at: int = BEGIN, **members: object) -> Kept:
    """Start a run that uses every feature, and end it."""
    row = started(store, run, **members)
    end = ENDED.replace(since=at)
    message, key = a_message("kept"), EventKey("paid", Key("k"), "c")
    used = UsedKey("charge", Key("k"), "a", "r")
    store.apply(
        [
            a_write(
                row,
                head=end,
                put=(message,),
                event_keys=(key,),
                used_keys=(used,),
                values=(a_value("[1]"),),
            )
        ]
    )
    whole_run = store.kept(RunId(run))
    assert whole_run is not None
    return whole_run


def a_prune(whole_run: Kept, *, forget_at: int = BEGIN + 10 * SECOND) -> Prune:
    """Return the request to prune a run in the given state."""
    row = whole_run.row
    stone = Tombstone(
        *(row.run, row.contract, row.name, row.version, row.started_at, "mark", row.head.state),
        *(
            row.head.outcome,
            row.head.since,
            Instant(BEGIN + SECOND),
            Instant(forget_at),
            "/archives/old.jsonl",
        ),
    )
    return Prune(row.epoch, row.seq, row.arrivals, row.hash, stone)


class PruningSuite:
    """The promise about old runs as tests; part of `StoreSuite`, which provides the fixtures."""

    # --- Which have ended ---

    def test_everything_kept_of_a_run_is_returned_at_once(self, store: Store) -> None:
        whole_run = an_ended_run(store)
        assert whole_run.row == the_run(store)
        assert whole_run.records == tuple(store.journal(RunId("Orders/1")))
        assert [message.id for message in whole_run.inbox] == ["kept"]
        assert whole_run.event_keys == (EventKey("paid", Key("k"), "c"),)
        assert whole_run.used_keys == (UsedKey("charge", Key("k"), "a", "r"),)
        assert store.kept(RunId("Orders/none")) is None

    def test_ended_runs_are_listed_roughly_oldest_first(self, store: Store) -> None:
        for number, run in enumerate(("c", "a", "b")):
            an_ended_run(store, run, at=BEGIN - number * SECOND)
        started(store, "live")
        started(store, "stuck", head=a_head(status="stalled", wake_at=None))
        ended_runs = store.ended(Instant(BEGIN + 1), limit=10)
        assert [(ended.run, ended.ended_at) for ended in ended_runs] == [
            ("b", BEGIN - 2 * SECOND), ("a", BEGIN - SECOND), ("c", BEGIN),
        ]  # fmt: skip

    def test_a_run_that_ended_at_the_instant_did_not_end_before_it(self, store: Store) -> None:
        an_ended_run(store, at=BEGIN)
        assert store.ended(BEGIN, limit=10) == []
        assert [ended.run for ended in store.ended(Instant(BEGIN + 1), limit=10)] == ["Orders/1"]

    def test_a_terminated_run_ended_at_its_termination_and_not_at_its_last_move(self, store: Store) -> None:
        row = started(store)
        write = a_write(row, head=ENDED.replace(outcome="terminated", since=BEGIN - 99))
        record = write.records[0].replace(kind="terminated", at=BEGIN + 7)
        store.apply([write.replace(records=(record,))])
        assert store.ended(Instant(BEGIN + 7), limit=10) == []
        assert [ended.ended_at for ended in store.ended(Instant(BEGIN + 8), limit=10)] == [BEGIN + 7]

    def test_ended_runs_come_page_by_page_over_all_contracts(self, store: Store) -> None:
        for number in range(9):
            an_ended_run(
                store, f"r{number}", contract=REFUNDS if number % 3 else ORDERS, at=BEGIN - number // 2
            )
        pages: list[list[EndedRun]] = []
        while page := store.ended(Instant(BEGIN + 1), limit=2, after=pages[-1][-1] if pages else None):
            pages.append(page)
        runs = [ended.run for page in pages for ended in page]
        assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
        assert runs == ["r8", "r6", "r7", "r4", "r5", "r2", "r3", "r0", "r1"]
        assert store.ended(Instant(BEGIN + 1), limit=0) == []

    def test_ended_runs_of_one_contract_are_those_of_all_its_versions(self, store: Store) -> None:
        newer = ORDERS.replace(digest="4" * 64, version=2)
        store.put_contract(newer)
        for run, contract in (("old", ORDERS), ("new", newer), ("other", REFUNDS)):
            an_ended_run(store, run, contract=contract)
        assert [ended.run for ended in store.ended(Instant(BEGIN + 1), limit=9, contract="Orders")] == [
            "old",
            "new",
        ]
        assert store.ended(Instant(BEGIN + 1), limit=9, contract="Nothing") == []

    # --- Deleting ---

    def test_a_pruned_run_is_deleted_whole_and_leaves_its_tombstone(self, store: Store) -> None:
        other = an_ended_run(store, "Orders/2")
        prune = a_prune(an_ended_run(store))
        assert store.prune([prune]) == [True]
        assert (store.load(RunId("Orders/1")), store.kept(RunId("Orders/1"))) == (None, None)
        assert (store.journal(RunId("Orders/1")), store.inbox(RunId("Orders/1"))) == ([], [])
        assert (
            store.event_key(RunId("Orders/1"), "paid", Key("k")),
            store.used_key(RunId("Orders/1"), "charge", Key("k")),
        ) == (
            None,
            None,
        )
        assert (store.values(RunId("Orders/1")), store.values(RunId("Orders/2"))) == ([], [a_value("[1]")])
        assert store.tombstone(RunId("Orders/1")) == prune.tombstone
        assert store.tombstone(RunId("Orders/2")) is None
        assert [row.run for row in store.runs(RunFilter(), limit=9)] == ["Orders/2"]
        assert store.kept(RunId("Orders/2")) == other

    @pytest.mark.parametrize("status", ["running", "waiting", "in_doubt", "stalled"])
    def test_a_run_that_has_not_ended_is_never_deleted(self, store: Store, status: str) -> None:
        started(store, head=a_head(status=status))  # type: ignore[arg-type]
        whole_run = store.kept(RunId("Orders/1"))
        assert whole_run is not None
        assert store.prune([a_prune(whole_run)]) == [False]
        assert store.kept(RunId("Orders/1")) == whole_run
        assert store.tombstone(RunId("Orders/1")) is None

    @pytest.mark.parametrize("member", ["epoch", "seq", "arrivals", "hash"])
    def test_a_run_that_has_changed_since_it_was_read_is_not_deleted(self, store: Store, member: str) -> None:
        whole_run = an_ended_run(store)
        prune = a_prune(whole_run)
        other: object = "0" * 64 if member == "hash" else getattr(prune, member) + 1
        assert store.prune([prune.replace(**{member: other})]) == [False]
        assert store.kept(RunId("Orders/1")) == whole_run

    def test_a_batch_deletes_the_matching_runs_and_names_them(self, store: Store) -> None:
        one, two = a_prune(an_ended_run(store, "Orders/1")), a_prune(an_ended_run(store, "Orders/2"))
        moved = two.replace(seq=two.seq + 1)
        nobody = one.replace(tombstone=one.tombstone.replace(run="Orders/none"))
        assert store.prune([]) == []
        with pytest.raises(ValueError, match="named twice"):
            store.prune([one, one])
        assert store.prune([moved, one, nobody]) == [False, True, False]
        assert store.prune([one, two]) == [False, True]
        assert store.runs(RunFilter(), limit=9) == []

    def test_concurrent_prunes_delete_each_run_once(self, store: Store, open_handle: OpenHandle) -> None:
        prunes = [a_prune(an_ended_run(store, f"Orders/{n}")) for n in range(12)]
        deleted: list[bool] = []

        def work(handle: Store) -> None:
            for first in range(0, 12, 3):
                deleted.extend(handle.prune(prunes[first : first + 3]))

        threads = [threading.Thread(target=work, args=(open_handle(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(deleted), sum(deleted)) == (36, 12)

    # --- What stays ---

    def test_the_name_of_a_pruned_run_starts_no_second_run(
        self, store: Store, open_handle: OpenHandle
    ) -> None:
        prune = a_prune(an_ended_run(store))
        store.prune([prune])
        for handle in (store, open_handle()):
            answers = handle.apply([a_start(), a_start("Orders/2" if handle is store else "Orders/3")])
            assert answers == [WasPruned(prune.tombstone), Applied(0)]
        assert store.load(RunId("Orders/1")) is None

    def test_a_write_to_a_pruned_run_is_stale(self, store: Store) -> None:
        whole_run = an_ended_run(store)
        store.prune([a_prune(whole_run)])
        assert store.apply([a_write(whole_run.row)]) == [Stale(None)]

    def test_a_key_is_forgotten_after_its_time_and_not_before(
        self, store: Store, clock: SteppedClock
    ) -> None:
        for number in range(3):
            whole_run = an_ended_run(store, f"Orders/{number}")
            store.prune([a_prune(whole_run, forget_at=BEGIN + (5 + number) * SECOND)])
        clock.forward(4.9)
        assert store.forget(limit=9) == 0
        clock.forward(1.1)
        assert [store.forget(limit=1) for _ in range(3)] == [1, 1, 0]
        assert [store.tombstone(RunId(f"Orders/{number}")) is None for number in range(3)] == [
            True,
            True,
            False,
        ]

    def test_after_its_key_was_forgotten_a_run_of_that_name_starts_again(
        self, store: Store, clock: SteppedClock
    ) -> None:
        store.prune([a_prune(an_ended_run(store))])
        clock.forward(10)
        assert store.forget(limit=9) == 1
        again = an_ended_run(store)
        assert (len(again.records), len(again.inbox), again.row.arrivals) == (2, 1, 1)
        prune = a_prune(again)
        assert store.prune([prune]) == [True]
        assert store.tombstone(RunId("Orders/1")) == prune.tombstone

    def test_a_listing_continues_after_a_run_that_was_pruned_meanwhile(self, store: Store) -> None:
        for number in range(4):
            an_ended_run(store, f"Orders/{number}")
        page = store.runs(RunFilter(), limit=2)
        whole_run = store.kept(page[-1].run)
        assert whole_run is not None
        store.prune([a_prune(whole_run)])
        rest = store.runs(RunFilter(), limit=9, after=page[-1].run)
        assert [row.run for row in (*page, *rest)] == ["Orders/3", "Orders/2", "Orders/1", "Orders/0"]

    def test_all_handles_of_a_store_have_its_name(self, store: Store, open_handle: OpenHandle) -> None:
        assert len(store.identity()) == 32
        assert store.identity() == open_handle().identity()
