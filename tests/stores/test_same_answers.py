"""All stores give the same answers to the same calls, whatever the calls and their order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from opord.stores.base import (
    EventKey,
    InboxRow,
    Prune,
    RunFilter,
    Start,
    Store,
    Tombstone,
    UsedKey,
    Write,
)
from opord.stores.filters import Place
from opord.stores.memory import MemoryStore
from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import (
    BEGIN,
    DIGEST,
    ORDERS,
    OTHER_DIGEST,
    REFUNDS,
    SteppedClock,
    a_head,
    a_record,
    a_start,
)
from tests.support.stores import new_store

RUNS = ["Orders/1", "Orders/2", "Ördérs/𝄞 3"]
WORKERS = ["w1", "w2"]
SMALL = st.integers(0, 3)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
WAKES = st.one_of(st.none(), st.integers(-5, 5))
HEADS = st.builds(
    lambda state, status, outcome, wake, worker, body, since, alarm: a_head(
        state=state, status=status, outcome=outcome, wake_at=wake, worker=worker, body=body
    ).replace(
        reason=body or None,
        since=since,
        needs=" ".join(["stalled"] * (status == "stalled") + ["alarm"] * alarm),
    ),
    st.sampled_from(["A", "B"]),
    st.sampled_from(["running", "waiting", "in_doubt", "stalled", "ended"]),
    st.sampled_from([None, "success", "failure"]),
    WAKES,
    st.sampled_from([None, *WORKERS]),
    TEXTS,
    SMALL,
    st.booleans(),
)
PLACES = st.builds(
    Place, st.sampled_from(["Orders", "Refunds"]), st.sampled_from([1, 3]), st.sampled_from(["A", "B"])
)
LABELS = st.lists(st.sampled_from(["", "gpu", "cpu"]), max_size=3, unique=True)
STARTS = st.tuples(
    SMALL,
    TEXTS,
    HEADS,
    st.sampled_from([ORDERS, REFUNDS]),
    st.sampled_from([0, 0, 5, -5]),
    st.sampled_from(["", "", "gpu", "cpu"]),
)
WRITES = st.fixed_dictionaries(
    {
        # How far the writer's numbers are from the true ones; mostly not at all.
        "off": st.sampled_from(
            [(0, 0, None), (0, 0, None), (0, 0, 0), (0, 0, 0), (1, 0, 0), (0, -1, None), (0, 0, 1)]
        ),
        "fence": st.booleans(),
        "records": st.lists(TEXTS, max_size=3),
        "head": st.one_of(st.none(), HEADS),
        "take": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "put": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "keys": st.lists(st.sampled_from("kl"), max_size=2, unique=True),
        "content": TEXTS,
        "settled": st.lists(st.sampled_from("st"), max_size=1),
    }
)
CHANGES = st.dictionaries(st.sampled_from(RUNS), st.one_of(STARTS, WRITES, WRITES, WRITES), max_size=3)


class SameAnswers(RuleBasedStateMachine):
    """Drives a handle of each store.

    The last batches are sometimes repeated, as after an error with an unknown result.
    """

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = SteppedClock()
        self.clock.instant = 0
        self.memory = MemoryStore(self.clock)
        self.sqlite = SqliteStore(Path(self.folder.name) / "runs.db", clock=self.clock)
        self.second = SqliteStore(Path(self.folder.name) / "runs.db", clock=self.clock)
        self.postgres = new_store(self.clock, "postgres")
        self.batches: list[list[Start | Write]] = []
        for store in (self.memory, self.sqlite, self.postgres):
            store.put_contract(ORDERS)
            store.put_contract(REFUNDS)

    def same(self, verb: Callable[[Store], Any], *, second: bool = False) -> Any:
        expected = verb(self.memory)
        assert verb(self.second if second else self.sqlite) == expected
        assert verb(self.postgres) == expected
        return expected

    @rule(changes=CHANGES, second=st.booleans())
    def apply(self, changes: dict[str, Any], second: bool) -> None:
        batch = [self.change(run, given) for run, given in changes.items()]
        self.batches.append(batch)
        self.same(lambda store: store.apply(batch), second=second)

    def change(self, run: str, given: Any) -> Start | Write:
        if isinstance(given, tuple):
            records, text, head, contract, priority, label = given
            return a_start(
                run,
                head=head,
                contract=contract,
                input_text=text,
                records=records + 1,
                priority=priority,
                label=label,
            )
        row = self.memory.load(run) or a_start(run).row
        epoch, seq, arrivals = given["off"]
        seq = max(row.seq + seq, 0)
        return Write(
            run,
            row.epoch + epoch,
            seq,
            None if arrivals is None else row.arrivals + arrivals,
            row.epoch + epoch + given["fence"],
            tuple(a_record(run, seq + n, body) for n, body in enumerate(given["records"], 1)),
            given["head"],
            tuple(given["take"]),
            tuple(InboxRow(name, 7, "event", given["content"]) for name in given["put"]),
            tuple(EventKey("paid", key, given["content"]) for key in given["keys"]),
            tuple(UsedKey("charge", key, given["content"], given["content"]) for key in given["settled"]),
        )

    @rule(back=st.integers(1, 3), second=st.booleans())
    def repeat(self, back: int, second: bool) -> None:
        if len(self.batches) >= back:
            self.same(lambda store: store.apply(self.batches[-back]), second=second)

    @rule(
        worker=st.sampled_from(WORKERS),
        contracts=st.sampled_from([[DIGEST], [OTHER_DIGEST], [DIGEST, OTHER_DIGEST]]),
        limit=SMALL,
        second=st.booleans(),
        labels=LABELS,
    )
    def claim(self, worker: str, contracts: list[str], limit: int, second: bool, labels: list[str]) -> None:
        self.same(
            lambda store: store.claim(worker, contracts, limit=limit, ttl_us=2, labels=labels), second=second
        )

    @rule(worker=st.sampled_from(WORKERS), off=st.integers(0, 1), release=st.booleans())
    def lease(self, worker: str, off: int, release: bool) -> None:
        rows = [self.memory.load(run) for run in RUNS]
        held = [(row.run, row.epoch - off) for row in rows if row is not None]
        if release:
            self.same(lambda store: store.release(worker, held))
        else:
            self.same(lambda store: store.renew(worker, held, ttl_us=3))

    @rule(by=SMALL)
    def time_passes(self, by: int) -> None:
        self.clock.instant += by

    @rule(
        where=st.builds(
            RunFilter,
            st.sampled_from([None, None, "Orders", "Refunds"]),
            st.sampled_from([None, "A", "B"]),
            st.sampled_from([None, "running", "waiting", "ended"]),
            st.sampled_from([None, "success"]),
            st.sampled_from([None, None, "any", "stalled", "alarm", "doubt", "overdue", "unserved"]),
            version=st.sampled_from([None, None, 1, 3]),
            started_from=st.sampled_from([None, None, BEGIN, BEGIN + 1]),
            started_before=st.sampled_from([None, None, BEGIN, BEGIN + 1]),
            since_from=st.sampled_from([None, None, 2]),
            since_before=st.sampled_from([None, None, 2]),
            label=st.sampled_from([None, None, "gpu", ""]),
            texts=st.lists(
                st.lists(st.sampled_from(["", "a", "é", "{"]), max_size=2).map(tuple), max_size=2
            ).map(tuple),
            due_from=st.sampled_from([None, None, 0, 3]),
            due_before=st.sampled_from([None, None, 0, 3]),
            waiting_in=st.one_of(st.none(), st.none(), st.lists(PLACES, max_size=3).map(tuple)),
            reason=st.sampled_from([None, None, "", "a", ("a", "é"), ()]),
        ),
        limit=SMALL,
        after=st.sampled_from([None, *RUNS]),
    )
    def list_runs(self, where: RunFilter, limit: int, after: str | None) -> None:
        self.same(lambda store: store.runs(where, limit=limit, after=after))

    @rule(
        runs=st.lists(st.sampled_from(RUNS), unique=True, min_size=1),
        off=st.sampled_from([0, 0, 0, 1]),
        forget_at=st.integers(0, 6),
        second=st.booleans(),
    )
    def prune(self, runs: list[str], off: int, forget_at: int, second: bool) -> None:
        batch = []
        for run in runs:
            row = self.memory.load(run) or a_start(run).row
            stone = Tombstone(
                *(run, row.contract, row.name, row.version, row.started_at, "mark", row.head.state),
                *(row.head.outcome, row.head.since, self.clock.instant, forget_at, None if off else "old"),
            )
            batch.append(Prune(row.epoch, row.seq + off, row.arrivals, row.hash, stone))
        self.same(lambda store: store.prune(batch), second=second)

    @rule(limit=SMALL)
    def forget(self, limit: int) -> None:
        now, stones = self.clock.instant, [self.memory.tombstone(run) for run in RUNS]
        over = [stone.forget_at for stone in stones if stone is not None and stone.forget_at <= now]
        if len(set(over)) < len(over):
            limit *= 3  # the order of equal rows is not part of the promise
        self.same(lambda store: store.forget(limit=limit))

    @rule(
        before=st.integers(0, 5),
        limit=SMALL,
        contract=st.sampled_from([None, "Orders", "Refunds"]),
        second=st.booleans(),
    )
    def list_ended(self, before: int, limit: int, contract: str | None, second: bool) -> None:
        def pages(store: Store) -> list[tuple[str, int]]:
            found = store.ended(before, limit=limit, contract=contract)
            rest = store.ended(before, limit=9, contract=contract, after=found[-1]) if found else []
            return [(ended.run, ended.ended_at) for ended in (*found, *rest)]

        self.same(pages, second=second)

    @invariant()
    def the_rows_are_the_same(self) -> None:
        if not hasattr(self, "memory"):
            return
        for run in RUNS:
            row = self.same(lambda store, run=run: store.load(run), second=True)
            self.same(
                lambda store, run=run: (kept := store.kept(run)) and (kept.row, kept.records, kept.inbox)
            )
            self.same(lambda store, run=run: store.tombstone(run), second=True)
            records = self.same(lambda store, run=run: store.journal(run))
            assert len(records) == (0 if row is None else row.seq)
            self.same(lambda store, run=run: store.inbox(run))
            for key in "kl":
                self.same(lambda store, run=run, key=key: store.event_key(run, "paid", key))
            for key in "st":
                self.same(lambda store, run=run, key=key: store.used_key(run, "charge", key))
        for labels in ([""], ["gpu"], ["", "gpu", "cpu"]):
            self.same(lambda store, labels=labels: store.next_wake([DIGEST, OTHER_DIGEST], labels=labels))
            self.same(lambda store, labels=labels: store.any_held([DIGEST], within_us=2, labels=labels))

    @rule(
        worker=st.sampled_from(WORKERS),
        labels=LABELS,
        contracts=st.sampled_from([[DIGEST], [DIGEST, OTHER_DIGEST]]),
    )
    def heartbeat(self, worker: str, labels: list[str], contracts: list[str]) -> None:
        self.same(lambda store: store.heartbeat(worker, contracts, ttl_us=2, labels=labels))
        self.same(lambda store: store.workers())

    @rule()
    def unserved(self) -> None:
        self.same(lambda store: store.unserved_versions())
        self.same(lambda store: {row.run for row in store.due_needs("unserved", limit=9)})

    def teardown(self) -> None:
        if not hasattr(self, "memory"):
            return
        self.sqlite.close()
        self.second.close()
        self.folder.cleanup()


TestSameAnswers = SameAnswers.TestCase
TestSameAnswers.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
