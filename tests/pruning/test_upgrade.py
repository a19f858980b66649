"""A store that was made before there was pruning can be pruned."""

from __future__ import annotations

from pathlib import Path

import apsw

from opord.stores.sqlite import SqliteStore
from opord.testing.store_rows import SteppedClock
from tests.pruning.kit import a_store, names, prune, told


def test_a_store_of_the_first_schema_is_migrated_and_pruned(tmp_path: Path) -> None:
    file, archive = tmp_path / "runs.db", tmp_path / "old.jsonl"
    a_store(file).close()
    old = apsw.Connection(str(file))
    old.execute(
        "DROP INDEX heads_ended; DROP TABLE large_values; DROP TABLE pruned; DROP TABLE identity; DROP INDEX contracts_by_current"
    )
    old.execute(
        "DROP INDEX heads_by_needs; DROP INDEX heads_due; DROP INDEX heads_by_label; DROP INDEX heads_live_by_label"
    )
    for table in ("limits", "permits", "waits", "queues", "outbox", "queued", "endpoints"):
        old.execute(f"DROP TABLE opord_{table}")
    for column in ("heads DROP COLUMN needs", "heads DROP COLUMN priority", "heads DROP COLUMN label"):
        old.execute(f"ALTER TABLE {column}")
    for column in ("trouble", "calls", "labels"):
        old.execute(f"ALTER TABLE workers DROP COLUMN {column}")
    old.execute("CREATE INDEX heads_due ON heads (contract, wake_at) WHERE wake_at IS NOT NULL")
    old.execute("ALTER TABLE contracts DROP COLUMN form; ALTER TABLE contracts DROP COLUMN current")
    old.execute("PRAGMA user_version = 1")
    old.close()
    store = SqliteStore(file, clock=SteppedClock())
    assert len(store.identity()) == 32
    assert prune(store, archive).pruned == 6
    assert names(store) == {"live/1", "live/2"}
    assert len(told(archive)) == 6
    store.close()
    again = SqliteStore(file)
    assert prune(again, archive).pruned == 0, "it is the same store still"
    again.close()


def test_each_store_has_its_own_identity(tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / name) for name in ("a.db", "b.db")]
    assert stores[0].identity() != stores[1].identity()
    for store in stores:
        store.close()
