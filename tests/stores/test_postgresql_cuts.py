"""A connection ends at any statement of any verb that writes: all of it is done, or nothing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import pytest

from opord.stores.base import EventKey, Kept, RunFilter, Store, StoreUnavailable, UsedKey, WorkerRow
from opord.stores.postgres.store import PostgresStore
from opord.testing.pruning_suite import a_prune, an_ended_run
from opord.testing.store_rows import (
    BEGIN,
    DIGEST,
    ORDERS,
    REFUNDS,
    SECOND,
    SteppedClock,
    a_head,
    a_message,
    a_start,
    a_value,
    a_write,
    started,
    the_run,
)
from opord.values.types import Duration, Key, RunId
from tests.stores.carrying import answered
from tests.support.postgres import Server, own_server
from tests.support.proxy import Proxy
from tests.support.stores import empty_store

IT: Final = RunId("Orders/it")
STATEMENTS_MOST: Final = 40


class Verb(NamedTuple):
    """A verb that writes. Of one with many statements, every `stride`th is tried."""

    name: str
    call: Callable[[Store], Any]
    stride: int = 1


def a_full_write(store: Store) -> Any:
    """Write all that a change can have."""
    return a_write(
        the_run(store, IT), head=a_head(state="Next"), records=2, take=("m",), put=(a_message("n"),),
        event_keys=(EventKey("paid", Key("k"), "c"),), used_keys=(UsedKey("charge", Key("k"), "a", "r"),),
        values=(a_value("[1]"),),
    )  # fmt: skip


def changed(content: Kept) -> Kept | None:
    """Change a run's input, once."""
    new = content.row.replace(input='{"changed": 1}')
    return content.replace(row=new) if content.row.input != new.input else None


VERBS: Final = (
    Verb("put_contract", lambda store: store.put_contract(REFUNDS)),
    Verb("a start", lambda store: store.apply([a_start("Orders/new")])),
    Verb("starts that are there", lambda store: store.apply([a_start("Orders/new"), a_start(IT)])),
    Verb("a write", lambda store: store.apply([WRITES[0]])),
    Verb("a write beside one that is stale", lambda store: store.apply([WRITES[0], STALE])),
    Verb("claim", lambda store: store.claim("w2", [DIGEST], limit=9, ttl_us=SECOND)),
    Verb("renew", lambda store: store.renew("w1", [(IT, 1)], ttl_us=Duration(9 * SECOND))),
    Verb("release", lambda store: store.release("w1", [(IT, 1)])),
    Verb("heartbeat", lambda store: store.heartbeat("w2", [DIGEST], ttl_us=SECOND)),
    Verb("release_dead", lambda store: store.release_dead(DEAD[0], within_us=Duration(9 * SECOND))),
    Verb("prune", lambda store: store.prune([a_prune(ENDED[0])])),
    Verb("rewrite", lambda store: store.rewrite(IT, changed), 6),
)
WRITES: list[Any] = []
ENDED: list[Kept] = []
DEAD: list[WorkerRow] = []
STALE: Final = a_write(a_start("Orders/other").row.replace(epoch=7))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as one:
        yield one


class Stage:
    """A store with two handles: one straight to the server, one through the proxy."""

    def __init__(self, server: Server, proxy: Proxy) -> None:
        schema = f"s_{uuid.uuid4().hex[:12]}"
        self.clock = SteppedClock()
        self.proxy = proxy
        self.straight = PostgresStore(server.url(schema=schema), clock=self.clock)
        through = f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?schema={schema}"
        self.cut = PostgresStore(through, clock=self.clock)

    def set_up(self) -> None:
        """Put in an ended run, one that is held by a worker, and one that nobody holds."""
        store = self.straight
        empty_store(store)
        store.put_contract(ORDERS)
        ENDED[:] = [an_ended_run(store, "Orders/ended", at=BEGIN - SECOND)]
        started(store, IT)
        store.apply([a_write(the_run(store, IT), put=(a_message("m"),))])
        store.claim("w1", [DIGEST], limit=1, ttl_us=SECOND)
        store.heartbeat("w1", [DIGEST], ttl_us=Duration(5 * SECOND))
        DEAD[:] = store.workers()
        store.apply([a_start("Orders/other")])
        WRITES[:] = [a_full_write(store)]

    def all(self) -> Any:
        """Return all that is stored."""
        store = self.straight
        runs = [row.run for row in store.runs(RunFilter(), limit=99)]
        kept = [(store.kept(run), store.journal(run), store.inbox(run)) for run in runs]
        return kept, store.workers(gone=True), store.contracts(), store.tombstone(RunId("Orders/ended"))

    def close(self) -> None:
        self.straight.close()
        self.cut.close()


@pytest.fixture(scope="module")
def stage(server: Server) -> Iterator[Stage]:
    with Proxy(server.port) as proxy:
        one = Stage(server, proxy)
        yield one
        one.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_is_done_as_a_whole_or_not_wherever_its_connection_breaks(
    stage: Stage, verb: Verb, when: str
) -> None:
    stage.set_up()
    verb.call(stage.straight)
    done = stage.all()
    broken = 0
    for nth in range(1, STATEMENTS_MOST, verb.stride):
        stage.set_up()
        untouched = stage.all()
        stage.cut.counts()  # it has a connection
        stage.proxy.arm_nth(nth, when)
        with contextlib.suppress(StoreUnavailable):
            verb.call(stage.cut)
        if stage.proxy.disarm():
            break  # it has fewer statements
        broken += 1
        assert stage.all() in (untouched, done), nth
        answered(lambda: verb.call(stage.cut))
        assert stage.all() == done, nth
    assert broken >= 1
