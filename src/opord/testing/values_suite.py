"""What every store must do with large values: keep each once for its run, and give it back.

A value is stored together with what refers to it.
"""

from __future__ import annotations

from opord.stores.base import Exists, Stale, Store
from opord.testing.store_rows import ODD_TEXT, a_start, a_value, a_write, started, the_run
from opord.values.types import RunId


class ValuesSuite:
    """The part of the promise that is about large values."""

    def test_values_are_stored_with_their_references_and_read_by_their_digests(self, store: Store) -> None:
        one, two, odd = a_value("[1]"), a_value('"two"'), a_value(ODD_TEXT)
        start = a_start().replace(values=(one,))
        store.apply([start])
        assert store.values(RunId("Orders/1")) == [one]
        store.apply([a_write(start.row, values=(two, odd))])
        assert store.values(RunId("Orders/1"), [one.digest, odd.digest, "0" * 64]) == sorted([one, odd])
        assert store.values(RunId("Orders/1")) == sorted([one, two, odd])
        assert (store.values(RunId("Orders/1"), []), store.values(RunId("Orders/none"))) == ([], [])
        assert store.values(RunId("Orders/none"), [one.digest]) == []

    def test_a_value_is_kept_once_per_run_and_runs_share_none(self, store: Store) -> None:
        value = a_value('"' + "é" * 10_000 + '"')
        row = started(store)
        store.apply([a_write(row, values=(value,))])
        store.apply([a_write(the_run(store), values=(value, a_value("[1]")))])
        store.apply([a_start("Orders/2")])
        assert store.values(RunId("Orders/1")) == sorted([value, a_value("[1]")])
        assert store.values(RunId("Orders/2")) == []
        whole_run = store.kept(RunId("Orders/1"))
        assert whole_run is not None
        assert whole_run.values == tuple(sorted([value, a_value("[1]")]))

    def test_a_refused_change_stores_no_value(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row)])
        late = a_write(row, records=2, values=(a_value("[1]"),))
        again = a_start(records=3).replace(values=(a_value("[2]"),))
        answers = [*store.apply([late]), *store.apply([again])]
        assert [type(answer) for answer in answers] == [Stale, Exists]
        assert store.values(RunId("Orders/1")) == []

    def test_rewriting_keeps_only_the_values_that_it_names(self, store: Store) -> None:
        row = started(store)
        store.apply([a_write(row, values=(a_value("[1]"), a_value("[2]")))])
        store.rewrite(
            RunId("Orders/1"), lambda whole_run: whole_run.replace(values=(a_value("[2]"), a_value("[3]")))
        )
        assert store.values(RunId("Orders/1")) == sorted([a_value("[2]"), a_value("[3]")])
