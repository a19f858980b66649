"""Planted bugs of the stores, of values, and of the fakes that users test with."""

from __future__ import annotations

from tests.mutants.model import Mutant

CONFLICTS, MEMORY = "kernel/conflicts.py", "stores/memory.py"
BATCH, CONNECTION, OPENING, STORE = (
    f"stores/sqlite/{name}.py" for name in ("batch", "connection", "opening", "store")
)
QUERIES, WRITES = "stores/sqlite/queries.sql", "stores/sqlite/batch.sql"
ARITH, VAULT, GUARD, SECRET = (f"values/{name}.py" for name in ("arith", "vault", "guard", "secret"))
FAKES, CRASHING = "testing/fakes.py", "testing/crashing.py"

MUTANTS = (
    Mutant(
        "no epoch check (both stores)", CONFLICTS,
        "    if (change.epoch, change.seq) != (row.epoch, row.seq):", "    if change.seq != row.seq:",
        "a worker that lost a run can still move it", "11, 12",
        seeds=40,
    ),
    Mutant(
        "no epoch check (SQLite)", BATCH,
        "            and position.epoch == change.epoch\n", "",
        "a worker that lost a run can still move it", "11, 12",
        seeds=100,
    ),
    Mutant(
        "no seq check (both stores)", CONFLICTS,
        "    if (change.epoch, change.seq) != (row.epoch, row.seq):", "    if change.epoch != row.epoch:",
        "a write that was based on outdated data is made", "6, 8, 11",
        seeds=40,
    ),
    Mutant(
        "arrivals not checked (both stores)", CONFLICTS,
        "    if change.arrivals is not None and change.arrivals != row.arrivals:\n        return Stale(row)\n", "",
        "a run goes to rest although an unseen message waits", "6, 14",
        seeds=40,
    ),
    Mutant(
        "arrivals not checked (SQLite)", BATCH,
        "            and (change.arrivals is None or position.arrivals == change.arrivals)\n", "",
        "a run goes to rest although an unseen message waits", "6, 14",
        seeds=40,
    ),
    Mutant(
        "write made twice after an error", CONFLICTS,
        "        if _is_recorded(change, change.records, facts):\n            return Applied(row.arrivals)\n    elif",
        "        pass\n    elif",
        "a write that was durable before its error is refused when it is tried again", "C4, C8",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_the_very_same_write_again_is_applied_already",),
    ),
    Mutant(
        "start made twice after an error", CONFLICTS,
        "        return Applied(row.arrivals) if _is_recorded(change, change.records, facts) else Exists(row)",
        "        return Exists(row)",
        "a start that was durable before its error is reported as one that existed before", "5, C2",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_the_very_same_start_again_is_applied_already",),
    ),
    Mutant(
        "message put twice after an error", CONFLICTS,
        "    put = tuple(message for message in change.put if message not in there) if there else change.put",
        "    put = change.put",
        "a message that was put before is put again", "6",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_a_write_puts_only_the_messages_that_were_never_put",),
    ),
    Mutant(
        "event key not unique (both stores)", CONFLICTS,
        "        if other is not None:\n            return KeyTaken(other)", "        if False:\n            return KeyTaken(other)",
        "two events of one key are taken", "6",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_a_batch_applies_what_fits_and_leaves_the_rest",),
    ),
    Mutant(
        "event key not looked up (SQLite)", BATCH,
        "            and not change.event_keys\n", "",
        "a key that is taken is an error, not a refusal", "6",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_an_event_key_is_claimed_for_ever",),
    ),
    Mutant(
        "claim without a new epoch (memory)", MEMORY,
        "row = row.replace(epoch=row.epoch + 1, head=head)", "row = row.replace(head=head)",
        "two workers hold a run under one epoch", "11, 12",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_a_claim_takes_what_is_due_the_longest_due_first",),
    ),
    Mutant(
        "claim without a new epoch (SQLite)", QUERIES,
        "UPDATE heads SET epoch = epoch + 1, worker = ?2, wake_at = ?3 WHERE run IN",
        "UPDATE heads SET worker = ?2, wake_at = ?3 WHERE run IN",
        "two workers hold a run under one epoch", "11, 12",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_a_claim_takes_what_is_due_the_longest_due_first",),
    ),
    Mutant(
        "claim of a run that is held (memory)", MEMORY,
        "row.head.wake_at is not None and row.head.wake_at <= now",
        "row.head.wake_at is not None and row.head.wake_at <= now + 20_000_000",
        "a run is taken from a worker whose lease still runs, and timers fire early", "12, 13",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_a_claim_takes_what_is_due_the_longest_due_first",),
    ),
    Mutant(
        "claim of a run that is held (SQLite)", STORE,
        'rows(connection, self._sql["due"], (contract, now, limit)', 'rows(connection, self._sql["due"], (contract, now + 20_000_000, limit)',
        "a run is taken from a worker whose lease still runs", "12",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_a_claim_takes_what_is_due_the_longest_due_first",),
    ),
    Mutant(
        "lease renewed by a loser (memory)", MEMORY,
        "if row is None or (row.epoch, row.head.worker) != (epoch, worker):",
        "if row is None or row.head.worker is None:",
        "a worker that lost a run renews the lease of the one that holds it", "12",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_renewing_moves_the_lease_and_names_what_is_lost",),
    ),
    Mutant(
        "lease renewed by a loser (SQLite)", QUERIES,
        "AND h.epoch = n.value ->> 1 AND h.worker = ?2", "AND h.worker IS NOT NULL",
        "a worker that lost a run renews the lease of the one that holds it", "12",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_renewing_moves_the_lease_and_names_what_is_lost",),
    ),
    Mutant(
        "lease of an older epoch renewed (SQLite)", QUERIES,
        "AND h.epoch = n.value ->> 1 AND h.worker = ?2", "AND h.worker = ?2",
        "a worker that claimed its run again renews the older claim too", "12",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_renewing_moves_the_lease_and_names_what_is_lost",),
    ),
    Mutant(
        "released but still held (memory)", MEMORY,
        "row.head.replace(worker=None, wake_at=now))", "row.head.replace(worker=None))",
        "a released run waits until its lease is over", "14",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_a_released_run_may_be_claimed_at_once",),
    ),
    Mutant(
        "released but still held (SQLite)", QUERIES,
        "UPDATE heads SET wake_at = ?2, worker = NULL WHERE run IN (SELECT", "UPDATE heads SET worker = NULL WHERE run IN (SELECT",
        "a released run waits until its lease is over", "14",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_a_released_run_may_be_claimed_at_once",),
    ),
    Mutant(
        "part of a batch written (memory)", MEMORY,
        "            results = [self._apply(change) for change in batch]",
        "            results = [self._apply(change) for change in batch[:1]] * len(batch)",
        "only the first change of a batch is written, and all are confirmed", "5, 6",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_the_name_of_a_pruned_run_starts_no_second_run",),
    ),
    Mutant(
        "taken message stays (memory)", MEMORY,
        "[m for m in rows.inboxes[run] if m.id not in answer.take] + list(answer.put)",
        "rows.inboxes[run] + list(answer.put)",
        "a message that was taken is still there", "6",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_a_taken_message_is_gone_and_arrivals_stay",),
    ),
    Mutant(
        "taken message stays (SQLite)", WRITES,
        "UPDATE inbox SET body = NULL WHERE run = ? AND message = ?",
        "UPDATE inbox SET body = body WHERE run = ? AND message = ?",
        "a message that was taken is still there", "6",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_a_taken_message_is_gone_and_arrivals_stay",),
    ),
    Mutant(
        "taken message of another run (SQLite)", WRITES,
        "UPDATE inbox SET body = NULL WHERE run = ? AND message = ?",
        "UPDATE inbox SET body = NULL WHERE run = ? OR message = ?",
        "taking one message removes all that wait for the run", "6",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_a_taken_message_is_gone_and_arrivals_stay",),
    ),
    Mutant(
        "messages in another order (SQLite)", QUERIES,
        "WHERE r.run = ?1 AND i.body IS NOT NULL\nORDER BY i.id", "WHERE r.run = ?1 AND i.body IS NOT NULL\nORDER BY i.id DESC",
        "messages are not taken in the order in which they came", "6",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_messages_wait_in_order_of_arrival",),
    ),
    Mutant(
        "used key overwritten (memory)", MEMORY,
        "            rows.used_keys.setdefault((run, used.action, used.key), used)",
        "            rows.used_keys[(run, used.action, used.key)] = used",
        "the first result is replaced", "3",
        tests=("tests/stores/test_memory.py::TestMemoryStore::test_the_first_result_of_a_used_key_is_remembered",),
    ),
    Mutant(
        "used key overwritten (SQLite)", WRITES,
        "ON CONFLICT (run, action, key) DO NOTHING",
        "ON CONFLICT (run, action, key) DO UPDATE SET result = excluded.result",
        "the first result is replaced", "3",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_the_first_result_of_a_used_key_is_remembered",),
    ),
    Mutant(
        "hash of the head left behind (SQLite)", WRITES,
        "SET epoch = ?, seq = ?, hash = coalesce(?, hash), arrivals = ?,\n    state",
        "SET epoch = ?, seq = ?, hash = coalesce(hash, ?), arrivals = ?,\n    state",
        "the row of a run does not agree with its journal", "8, 10",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_a_write_moves_the_run",),
    ),
    Mutant(
        "synchronous not full", OPENING,
        '    ("synchronous", 2),\n', '    ("synchronous", 1),\n',
        "a commit is confirmed before it is on the disk", "5, 6, P1",
        tests=("tests/stores/test_opening.py::test_every_setting_is_in_force_on_every_connection",),
    ),
    Mutant(
        "settings not read back", OPENING,
        "        if answer != value:", "        if answer is None:",
        "a build of SQLite that ignores a setting is still used", "2.2",
        tests=("tests/stores/test_opening.py::test_a_setting_with_another_effect_is_refused",),
    ),
    Mutant(
        "transaction deferred", CONNECTION,
        'connection.execute("BEGIN IMMEDIATE")', 'connection.execute("BEGIN")',
        "a write that read before another process wrote fails at once", "2.2",
        tests=("tests/stores/test_opening.py::test_a_transaction_may_write_from_its_first_statement_on",),
    ),
    Mutant(
        "a ring closes a file that has locks", "stores/sqlite/bell.py",
        'return f"{path}-wal"', 'return f"{path}-shm"',
        "a ring takes away SQLite's locks, and two processes write at once", "1, 5, 19",
        tests=("tests/stores/test_bell.py::test_a_ring_leaves_the_locks_of_the_store_alone",),
    ),
    Mutant(
        "transaction left open after an error", CONNECTION,
        "                if not connection.getautocommit():\n                    self._roll_back()",
        "                pass",
        "after an error the writes of another run join the ones that failed", "2.2",
        tests=("tests/stores/test_opening.py::test_a_batch_that_fails_half_way_leaves_nothing_and_no_transaction",),
    ),
    Mutant(
        "no commit at the end", CONNECTION,
        '            yield connection\n            connection.execute("COMMIT")', "            yield connection",
        "writes are rolled back", "5, 6",
        tests=("tests/stores/test_opening.py::test_a_store_in_memory_works",),
    ),
    Mutant(
        "outcome and transition in two transactions", STORE,
        "        with self._write() as connection:\n            return self._batch.apply", "        with self._pool.write_alone() as connection:\n            return self._batch.apply",
        "each statement of a batch is durable by itself", "5, 6, 10",
        tests=("tests/stores/test_opening.py::test_a_batch_that_fails_half_way_leaves_nothing_and_no_transaction",),
    ),
    Mutant(
        "hard link taken", "stores/sqlite/location.py",
        "    if names > 1:", "    if names > 1000:",
        "two processes open one file by two names and lose each other's writes", "1, 5, 19",
        tests=("tests/stores/test_two_names.py::test_a_file_with_two_names_is_refused_under_both",),
    ),
    Mutant(
        "mounted file taken", "stores/sqlite/location.py",
        "        return mount != folders", "        return False",
        "a container and its host open one file by two names and lose each other's writes", "1, 5, 19",
        tests=("tests/stores/test_two_names.py::test_no_confirmed_start_is_lost_in_a_file_that_is_mounted_by_itself",),
    ),
    Mutant(
        "late hard link not noticed", "stores/sqlite/log_guard.py",
        '        if status.st_nlink > 1:\n            raise', '        if status.st_nlink > 1000:\n            raise',
        "a store goes on writing while others may open its file by another name", "1, 5, 19",
        tests=("tests/stores/test_two_names.py::test_a_write_while_a_second_name_is_made_is_not_confirmed",),
    ),
    Mutant(
        "link not followed", "stores/sqlite/location.py",
        "    real = Path(os.path.realpath(path))\n", "    real = path\n",
        "a store that is opened by a link looks for its log in the wrong folder", "5",
        tests=("tests/stores/test_two_names.py::test_a_link_to_a_missing_file_creates_it_at_the_target",),
    ),
    Mutant(
        "journal can be changed", "stores/sqlite/guards.py",
        "    yield\n    connection.execute(guard)", "    yield",
        "after a rewrite the journal is no longer protected against changes", "8",
        tests=("tests/stores/test_sqlite.py::TestSqliteStore::test_a_batch_deletes_the_matching_runs_and_names_them",),
    ),
    Mutant(
        "migration not in a transaction", OPENING,
        '        connection.execute("BEGIN IMMEDIATE")\n        try:\n            if connection.pragma("user_version") < number:',
        '        connection.execute("BEGIN IMMEDIATE")\n        connection.execute("COMMIT")\n        try:\n            if connection.pragma("user_version") < number:',
        "a process that dies in a migration leaves half a schema", "C16",
        tests=("tests/stores/test_opening.py::test_a_file_is_named_by_a_relative_or_an_absolute_path",),
    ),
    Mutant(
        "newer file opened", OPENING,
        "        if version > newest:", "        if version > newest + 1000:",
        "a file of a newer version is written by this one", "C16",
        tests=("tests/stores/test_opening.py::test_a_store_of_a_newer_opord_is_refused",),
    ),
    Mutant(
        "damage taken for a passing fault", CONNECTION,
        "    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):", "    if isinstance(error, apsw.NotADBError):",
        "a damaged file is tried again and again", "19, 2.2",
        tests=("tests/stores/test_faults.py::test_a_damaged_page_is_damage",),
    ),
    Mutant(
        "secret bound to no place", VAULT,
        "        bound = place.encode()\n", '        bound = b""\n',
        "a sealed secret can be opened at any place", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_printed",),
    ),
    Mutant(
        "sealed with the oldest key", VAULT,
        "        self._first = next(iter(self._keys.values()))", "        self._first = list(self._keys.values())[-1]",
        "a new key is configured, and the old one still seals", "20",
        tests=("tests/protection/test_at_rest.py::test_a_new_first_key_and_a_migration_change_the_keys",),
    ),
    Mutant(
        "same nonce for all secrets", VAULT,
        '        nonce = hmac.new(self._nonces, bound + b"\\0" + plain, sha256).digest()[:_NONCE_BYTES]',
        '        nonce = hmac.new(self._nonces, b"\\0", sha256).digest()[:_NONCE_BYTES]',
        "two secrets are sealed under one nonce", "20",
        tests=("tests/values/test_vault.py::test_no_two_secrets_share_a_nonce_under_one_key",),
    ),
    Mutant(
        "fake forgets its keys", FAKES,
        "                if earlier.happened or (failure is not None and failure.opord_settles):",
        "                if False:",
        "a fake takes effect twice under one key", "1",
        tests=("tests/testing/test_fakes.py::test_a_repeated_key_is_answered_from_the_ledger",),
    ),
    Mutant(
        "dead engine writes on", CRASHING,
        "        if self.dead:\n            raise Killed\n        if name", "        if name",
        "an engine that was killed in a test goes on writing", "harness",
        tests=("tests/testing/test_crashing.py::test_a_dead_engine_neither_reads_nor_writes",),
    ),
)  # fmt: skip
