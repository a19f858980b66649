"""The part of the stores' conformance suite about listing runs: order, pages and conditions."""

from __future__ import annotations

from opord.stores.base import RunFilter, Store, StoredContract
from opord.stores.filters import Place
from opord.testing.store_rows import ORDERS, REFUNDS, a_head, a_start, started, the_run
from opord.values.types import Digest, Instant


class ListingSuite:
    """Runs come newest first, page by page, and each condition leaves out what it should."""

    def test_runs_are_listed_newest_first_and_page_by_page(self, store: Store) -> None:
        store.apply([a_start(f"r{n}") for n in range(5)])
        everything = RunFilter()
        assert [row.run for row in store.runs(everything, limit=3)] == ["r4", "r3", "r2"]
        assert [row.run for row in store.runs(everything, limit=3, after="r2")] == ["r1", "r0"]
        assert store.runs(everything, limit=3, after="r0") == []
        assert store.runs(everything, limit=3, after="nowhere") == []
        assert store.runs(everything, limit=0) == []
        assert store.runs(everything, limit=1) == [the_run(store, "r4")]

    def test_every_part_of_the_filter_narrows_a_listing(self, store: Store) -> None:
        started(store, "a", head=a_head(state="S"))
        started(store, "b", head=a_head(state="T", status="waiting"))
        started(store, "c", head=a_head(state="T", status="ended", outcome="success", wake_at=None))
        started(
            store,
            "d",
            head=a_head(state="U", status="ended", outcome="failure", wake_at=None),
            contract=REFUNDS,
        )
        started(store, "e", head=a_head(state="T"))

        def listed(**members: str) -> str:
            return "".join(row.run for row in store.runs(RunFilter(**members), limit=9))  # type: ignore[arg-type]

        assert listed(contract="Orders") == "ecba"
        assert listed(contract="Nobody") == ""
        assert listed(state="T") == "ecb"
        assert listed(state="T", status="running") == "e"
        assert listed(status="running") == "ea"
        assert listed(status="waiting") == "b"
        assert listed(status="ended") == "dc"
        assert listed(outcome="failure") == "d"
        assert listed(outcome="failure", contract="Orders") == ""
        assert listed(status="ended", outcome="success", state="T", contract="Orders") == "c"
        assert [row.run for row in store.runs(RunFilter(state="T"), limit=1, after="e")] == ["c"]

    def test_a_listing_is_narrowed_by_version_and_time(self, store: Store) -> None:
        second = StoredContract(Digest("5" * 64), "Orders", 2, "[]")
        store.put_contract(second)
        started(store, "a", started_at=Instant(100), head=a_head(since=Instant(500)))
        started(store, "b", started_at=Instant(200), head=a_head(since=Instant(600)), contract=second)
        started(store, "c", started_at=Instant(300), head=a_head(since=Instant(700), status="waiting"))

        def listed(**members: object) -> str:
            return "".join(row.run for row in store.runs(RunFilter(**members), limit=9))  # type: ignore[arg-type]

        assert listed(version=1) == "ca"
        assert listed(contract="Orders", version=2) == "b"
        assert listed(contract="Refunds", version=2) == ""
        assert listed(started_from=200) == "cb"
        assert listed(started_before=200) == "a"
        assert listed(started_from=200, started_before=300, contract="Orders") == "b"
        assert listed(since_from=600) == "cb"
        assert listed(since_before=600, status="running") == "a"
        assert listed(since_from=701) == ""

    def test_a_listing_is_narrowed_by_texts_in_input_and_body(self, store: Store) -> None:
        started(store, "a", input_text='{"who":"ann"}')
        started(store, "b", head=a_head(body='{"data":{"who":"ann"}}', status="waiting"))
        started(store, "c", input_text='{"who":"bob % _ é"}')

        def listed(*texts: tuple[str, ...], **members: object) -> str:
            where = RunFilter(texts=texts, **members)  # type: ignore[arg-type]
            return "".join(row.run for row in store.runs(where, limit=9))

        assert listed(('"ann"',)) == "ba"
        assert listed(('"ann"',), status="waiting") == "b"
        assert listed(('"ann"',), contract="Orders") == "ba"
        assert listed(('"ANN"',)) == "", "letters count as they are"
        assert listed(("% _ é", "nobody")) == "c", "nothing in a text is a pattern"
        assert listed(('"ann"',), ("data",)) == "b", "each group has to be held"
        assert listed(('"ann"', "bob")) == "cba"
        assert [row.run for row in store.runs(RunFilter(texts=(('"ann"',),)), limit=1, after="b")] == ["a"]

    def test_a_condition_takes_several_values(self, store: Store) -> None:
        second = StoredContract(Digest("5" * 64), "Orders", 2, "[]")
        store.put_contract(second)
        started(store, "a", head=a_head(state="S", status="waiting"))
        started(store, "b", head=a_head(state="T", status="stalled", needs="stalled"), contract=second)
        started(store, "c", head=a_head(state="U"), contract=REFUNDS)
        started(store, "d", head=a_head(state="T", status="ended", outcome="failure", wake_at=None))
        started(store, "e", head=a_head(state="T", status="ended", outcome="success", wake_at=None))
        started(store, "f", head=a_head(state="T", status="in_doubt", needs="doubt alarm"))

        def listed(**members: object) -> str:
            return "".join(row.run for row in store.runs(RunFilter(**members), limit=9))  # type: ignore[arg-type]

        assert listed(state=("S", "U")) == "ca"
        assert listed(status=("running", "waiting")) == "ca"
        assert listed(status=("ended", "stalled"), state="T") == "edb"
        assert listed(outcome=("success", "failure", "cancelled")) == "ed"
        assert listed(contract=("Orders", "Refunds"), status=("running", "stalled")) == "cb"
        assert listed(contract=("Refunds", "Nobody")) == "c"
        assert listed(version=(2, 7)) == "b"
        assert listed(needs=("doubt", "alarm", "stalled")) == "fb", "a run with two of them comes once"
        assert listed(needs="alarm", status=("in_doubt", "ended")) == "f"
        assert listed(state=("S", "S")) == "a"
        page = store.runs(RunFilter(state=("S", "T")), limit=2, after="e")
        assert [row.run for row in page] == ["d", "b"]
        for name in ("contract", "state", "status", "outcome", "needs", "version", "label", "reason"):
            assert listed(**{name: ()}) == "", name

    def test_labels_are_any_of_several(self, store: Store) -> None:
        for run, label in (("a", "gpu"), ("b", ""), ("c", "slow"), ("d", "gpu")):
            store.apply([a_start(run, label=label)])

        def listed(*labels: str) -> str:
            return "".join(row.run for row in store.runs(RunFilter(label=labels), limit=9))

        assert (listed("gpu", "slow"), listed("gpu", ""), listed("")) == ("dca", "dba", "b")

    def test_a_listing_is_narrowed_by_when_waiting_runs_are_due(self, store: Store) -> None:
        started(store, "a", head=a_head(status="waiting", wake_at=100))
        started(store, "b", head=a_head(status="waiting", wake_at=200), contract=REFUNDS)
        started(store, "c", head=a_head(status="running", wake_at=200))
        started(store, "d", head=a_head(status="waiting", wake_at=None))
        started(store, "e", head=a_head(state="T", status="waiting", wake_at=300))

        def listed(**members: object) -> str:
            return "".join(row.run for row in store.runs(RunFilter(**members), limit=9))  # type: ignore[arg-type]

        assert listed(due_before=300) == "ba"
        assert listed(due_from=200) == "eb"
        assert listed(due_from=200, due_before=300) == "b"
        assert listed(due_before=301, state="T") == "e"
        assert listed(due_before=301, contract="Orders") == "ea"
        assert listed(due_before=301, status="running") == ""
        assert listed(due_before=301, outcome="success") == ""
        assert listed(due_before=301, needs="any", contract="Refunds") in ("b", "")
        page = store.runs(RunFilter(due_before=Instant(999)), limit=1, after="e")
        assert [row.run for row in page] == ["b"]

    def test_a_listing_is_narrowed_by_the_states_that_runs_wait_in(self, store: Store) -> None:
        second = StoredContract(Digest("5" * 64), "Orders", 2, "[]")
        store.put_contract(second)
        started(store, "a", head=a_head(state="S", status="waiting"))
        started(store, "b", head=a_head(state="S", status="waiting"), contract=second)
        started(store, "c", head=a_head(state="T", status="waiting"))
        started(store, "d", head=a_head(state="S", status="stalled", needs="stalled"))
        started(store, "e", head=a_head(state="S"))
        started(store, "f", head=a_head(state="S", status="waiting"), contract=REFUNDS)

        def listed(*places: tuple[str, int, str], **members: object) -> str:
            where = RunFilter(waiting_in=tuple(Place(*place) for place in places), **members)  # type: ignore[arg-type]
            return "".join(row.run for row in store.runs(where, limit=9))

        assert listed(("Orders", 1, "S")) == "a"
        assert listed(("Orders", 1, "S"), ("Orders", 2, "S")) == "ba"
        assert listed(("Orders", 1, "T"), ("Orders", 1, "S")) == "ca"
        assert listed(("Orders", 1, "T"), ("Refunds", REFUNDS.version, "S"), contract="Refunds") == "f"
        assert listed(("Orders", 1, "S"), state="T") == ""
        assert listed(("Orders", 1, "S"), needs="stalled") == ""
        assert listed(("Orders", 3, "S")) == listed() == ""

    def test_a_listing_is_narrowed_by_the_stored_reason(self, store: Store) -> None:
        for run, state, status, outcome, reason in (
            ("a", "S", "stalled", None, "ZeroDivisionError: division by zero"),
            ("b", "S", "in_doubt", None, "nobody knows whether charge happened"),
            ("c", "S", "ended", "terminated", "by zero % _"),
            ("d", "S", "stalled", None, None),
            ("e", "T", "stalled", None, "by zero"),
        ):
            head = a_head(state=state, status=status, outcome=outcome, wake_at=None)  # type: ignore[arg-type]
            started(store, run, head=head.replace(reason=reason))

        def listed(*texts: str, **members: object) -> str:
            return "".join(row.run for row in store.runs(RunFilter(reason=texts, **members), limit=9))  # type: ignore[arg-type]

        assert listed("by zero") == "eca"
        assert listed("By zero") == "", "letters count as they are"
        assert listed("% _") == "c", "nothing in a text is a pattern"
        assert listed("charge", "ZeroDivision") == "ba"
        assert listed("by zero", state="T") == "e"
        assert listed("by zero", status="stalled") == "ea"

    def test_a_contract_is_listed_over_all_its_versions(self, store: Store) -> None:
        second = StoredContract(Digest("5" * 64), "Orders", 2, "[]")
        store.put_contract(second)
        for run, contract in (("a", ORDERS), ("b", second), ("c", REFUNDS), ("d", ORDERS)):
            started(store, run, contract=contract)
        assert [row.run for row in store.runs(RunFilter("Orders"), limit=2)] == ["d", "b"]
        assert [row.version for row in store.runs(RunFilter("Orders"), limit=9)] == [1, 2, 1]
