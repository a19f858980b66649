"""A store in PostgreSQL is lent: its schema goes to the next test when nobody has it any more."""

from __future__ import annotations

import gc

from opord.stores.base import RunFilter
from opord.testing.store_rows import ORDERS, started
from opord.values.types import RunId
from tests.support.stores import Lent, new_store


class Owner:
    """Has a store, whose clock is a method of the owner."""

    def __init__(self) -> None:
        self.store: Lent = new_store(self.now, "postgres")
        self.store.put_contract(ORDERS)

    def now(self) -> int:
        return 7


def test_a_schema_is_lent_again_empty_when_its_owner_is_gone() -> None:
    first = Owner()
    schema = first.store.location.schema
    started(first.store, "Orders/1")
    assert len(first.store.runs(RunFilter(), limit=5)) == 1
    del first
    gc.collect()
    second = Owner()
    assert second.store.location.schema == schema
    assert second.store.runs(RunFilter(), limit=5) == []
    assert second.store.now() == 7


def test_what_a_verb_changes_is_seen_at_once_by_all_who_share_the_schema() -> None:
    owner = Owner()
    other = owner.store.another()
    for handle in (owner.store, other):
        assert handle.load(RunId("Orders/1")) is None
        assert handle.runs(RunFilter(), limit=5) == []
    row = started(owner.store, "Orders/1")
    for handle in (owner.store, other):
        assert handle.load(row.run) == row
        assert handle.runs(RunFilter(), limit=5) == [row]
    fresh = owner.store.anew()
    assert fresh.load(row.run) == row
    fresh.close()
