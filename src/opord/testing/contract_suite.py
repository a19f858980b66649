"""What every store must do with contracts.

It keeps them, finds each by all its digests, and replaces those that nothing needs.
"""

from __future__ import annotations

import pytest

from opord.stores.base import (
    Applied,
    ContractConflict,
    NotStored,
    Prune,
    Store,
    StoredContract,
    Tombstone,
)
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
    started,
)
from opord.values.types import Digest, Duration, Instant, RunId

CHANGED = ORDERS.replace(digest="2" * 64, sources='[["order.opord","contract Orders(id: str) version 1"]]')
"""Other content under the name and version of `ORDERS`."""


class ContractSuite:
    """The promise about contracts as tests; part of `StoreSuite`, which provides the fixtures."""

    def test_a_contract_is_kept_as_it_was_given(self, store: Store) -> None:
        assert store.contract(Digest(DIGEST)) == ORDERS
        assert store.contract(Digest("0" * 64)) is None

    def test_contracts_are_listed_by_name_and_version(self, store: Store) -> None:
        older = StoredContract(Digest("1" * 64), "Refunds", 2, "[]")
        store.put_contract(older)
        assert store.contracts() == [ORDERS, older, REFUNDS]

    def test_the_same_contract_may_be_put_again(self, store: Store) -> None:
        store.put_contract(ORDERS)
        assert store.contracts() == [ORDERS, REFUNDS]

    def test_the_newest_of_several_texts_with_one_digest_is_kept(self, store: Store) -> None:
        newer = ORDERS.replace(sources='[["order.opord","# the same\\ncontract Orders() version 1"]]')
        store.put_contract(newer)
        assert store.contract(Digest(DIGEST)) == newer
        assert store.contracts() == [newer, REFUNDS]

    def test_other_content_under_a_name_and_version_that_a_run_has_is_a_conflict(self, store: Store) -> None:
        store.apply([a_start("Orders/1")])
        with pytest.raises(ContractConflict, match="runs were started with it") as caught:
            store.put_contract(CHANGED)
        assert (caught.value.stored, caught.value.offered) == (DIGEST, CHANGED.digest)
        assert store.contracts() == [ORDERS, REFUNDS]

    def test_other_content_under_a_name_and_version_that_a_live_worker_serves_is_a_conflict(
        self, store: Store, clock: SteppedClock
    ) -> None:
        store.heartbeat("w1", [OTHER_DIGEST, DIGEST], ttl_us=Duration(5 * SECOND))
        with pytest.raises(ContractConflict, match="the worker w1 serves it"):
            store.put_contract(CHANGED)
        clock.forward(6)
        store.put_contract(CHANGED)
        assert store.contracts() == [CHANGED, REFUNDS]

    def test_a_contract_that_nothing_needs_is_replaced(self, store: Store) -> None:
        store.put_contract(CHANGED)
        assert store.contracts() == [CHANGED, REFUNDS]
        assert store.contract(Digest(DIGEST)) is None
        assert store.apply([a_start("Orders/1"), a_start("Orders/2", contract=CHANGED)]) == [
            NotStored(DIGEST),
            Applied(0),
        ]
        assert store.load(RunId("Orders/1")) is None
        with pytest.raises(ContractConflict):
            store.put_contract(ORDERS)

    def test_a_handle_that_knew_a_replaced_contract_starts_no_run_of_another(self, store: Store) -> None:
        gone = started(store, head=a_head(status="ended", outcome="success", wake_at=None))
        stays = Tombstone(
            gone.run,
            Digest(DIGEST),
            "Orders",
            1,
            Instant(BEGIN),
            "",
            "Done",
            None,
            Instant(BEGIN),
            Instant(BEGIN),
            Instant(BEGIN),
            None,
        )
        assert store.prune([Prune(gone.epoch, gone.seq, gone.arrivals, gone.hash, stays)]) == [True]
        with pytest.raises(ContractConflict, match="pruned runs were started with it"):
            store.put_contract(CHANGED)
        assert store.forget(limit=1) == 1
        store.put_contract(CHANGED)
        two = [a_start("Orders/2"), a_start("Orders/3", contract=CHANGED)]
        assert store.apply(two) == [NotStored(DIGEST), Applied(0)]
        never = StoredContract(Digest("7" * 64), "Orders", 3, "[]")
        store.put_contract(never)
        store.put_contract(never.replace(digest="8" * 64))
        store.put_contract(never.replace(digest="9" * 64))
        for digest, answer in (
            ("7" * 64, NotStored("7" * 64)),
            ("8" * 64, NotStored("8" * 64)),
            ("9" * 64, Applied(0)),
        ):
            start = a_start(f"Orders/{digest[0]}", contract=never.replace(digest=digest))
            assert store.apply([start]) == [answer]
        row = store.load(RunId("Orders/9"))
        assert row is not None
        assert row.contract == "9" * 64

    def test_a_contract_stored_in_an_older_form_is_known_by_both_digests(
        self, store: Store, clock: SteppedClock
    ) -> None:
        old = StoredContract(
            Digest("a" * 64), "Orders", 7, '[["order.opord","contract Orders() version 7"]]', form=0
        )
        new = old.replace(digest="b" * 64, form=1, also=(old.digest,))
        store.put_contract(old)
        assert store.contract(old.digest) == old
        store.apply([a_start("Orders/old", contract=old, head=a_head(wake_at=BEGIN))])
        store.heartbeat("w0", [old.digest], ttl_us=Duration(60 * SECOND))
        store.put_contract(new)
        assert store.contract(old.digest) == store.contract(new.digest) == new
        row = store.load(RunId("Orders/old"))
        assert row is not None
        assert row.contract == new.digest
        assert store.apply([a_start("Orders/new", contract=new, head=a_head(wake_at=BEGIN + 1))]) == [
            Applied(0)
        ]
        assert [worker.contracts for worker in store.workers()] == [(new.digest,)]
        assert store.next_wake([new.digest]) == store.next_wake([old.digest]) == BEGIN
        clock.forward(1)
        claimed = store.claim("w1", [old.digest, new.digest], limit=9, ttl_us=SECOND)
        assert [(row.run, row.contract) for row in claimed] == [
            ("Orders/old", new.digest),
            ("Orders/new", new.digest),
        ]
        assert store.any_held([new.digest], within_us=Duration(2 * SECOND))
        assert store.any_held([old.digest], within_us=Duration(2 * SECOND))
        store.put_contract(new)
        store.put_contract(new.replace(also=()))
        assert store.contract(new.digest) == new
