-- The statements of the store, each under its name. A query yields one column `row` of JSON, so that
-- the store can fetch all rows in one step and decode them at once. A step releases the interpreter
-- lock, and beside a busy event loop it may take milliseconds to get it back.

-- name: put_contract
-- The number was never used before. So a process that remembers the number of a replaced contract
-- cannot start a run of another contract.
INSERT INTO contracts (id, digest, name, version, sources, form) VALUES (?1, ?2, ?3, ?4, ?5, ?6)

-- name: highest_contract
SELECT coalesce(max(id), 0) AS row FROM contracts

-- name: contract_of_version
SELECT json_array(c.id, :contract_row) AS row FROM contracts AS c WHERE c.name = ?1 AND c.version = ?2

-- name: contract
SELECT :contract_row AS row FROM contracts AS c WHERE c.digest = ?1 OR c.current = ?1

-- name: contracts
SELECT :contract_row AS row FROM contracts AS c ORDER BY c.name, c.version

-- name: set_sources
UPDATE contracts SET sources = ?2 WHERE id = ?1

-- name: set_current
UPDATE contracts SET current = ?2 WHERE id = ?1

-- name: remove_contract
DELETE FROM contracts WHERE id = ?1

-- name: who_needs
-- What keeps a contract from being replaced: a run or the key of a pruned run that was started with it.
SELECT json_quote('runs were started with it') AS row FROM runs WHERE contract = ?1
UNION ALL
SELECT json_quote('pruned runs were started with it') AS row FROM pruned WHERE contract = ?1
LIMIT 1

-- name: is_at
SELECT 1 AS row FROM runs AS r CROSS JOIN heads AS h ON h.run = r.id
WHERE r.run = ?1 AND h.epoch = ?2 AND h.seq = ?3

-- name: load
SELECT :run_row AS row
FROM runs AS r CROSS JOIN heads AS h ON h.run = r.id CROSS JOIN contracts AS c ON c.id = r.contract
WHERE r.run = ?1

-- name: ends
-- Those of these runs that have ended, and those that do not exist. A run whose head is missing is left out.
SELECT json_array(n.value, CASE WHEN r.id IS NOT NULL THEN json(:run_row) END) AS row
FROM json_each(?1) AS n LEFT JOIN runs AS r ON r.run = n.value
LEFT JOIN heads AS h ON h.run = r.id LEFT JOIN contracts AS c ON c.id = r.contract
WHERE r.id IS NULL OR h.status = 'ended'

-- name: number
-- A run's place in the order of starts. A pruned run keeps it.
SELECT coalesce((SELECT id FROM runs WHERE run = ?1), (SELECT number FROM pruned WHERE run = ?1)) AS row

-- name: load_many
SELECT :run_row AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value
CROSS JOIN heads AS h ON h.run = r.id CROSS JOIN contracts AS c ON c.id = r.contract

-- name: hashes
-- The hashes of given records: pairs of run and seq.
SELECT json_array(r.run, j.seq, j.hash) AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value ->> 0
CROSS JOIN journal AS j ON j.run = r.id AND j.seq = n.value ->> 1

-- name: messages
-- Which of these messages (pairs of run and id) were ever put.
SELECT json_array(r.run, i.message) AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value ->> 0
CROSS JOIN inbox AS i ON i.run = r.id AND i.message = n.value ->> 1

-- name: taken_keys
-- Which of these event keys (run, event, key) are claimed, and with what content.
SELECT json_array(r.run, k.event, k.key, k.content) AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value ->> 0
CROSS JOIN event_keys AS k ON k.run = r.id AND k.event = n.value ->> 1 AND k.key = n.value ->> 2

-- name: is_due
SELECT '1' AS row FROM json_each(?1) AS d CROSS JOIN contracts AS c ON c.digest = d.value OR c.current = d.value
WHERE EXISTS (SELECT 1 FROM heads AS h WHERE h.contract = c.id AND h.wake_at <= ?2)
LIMIT 1

-- name: due
-- The runs of one contract whose time has come, the longest due first.
SELECT json_array(r.id, :run_row) AS row
FROM contracts AS c CROSS JOIN heads AS h ON h.contract = c.id
CROSS JOIN runs AS r ON r.id = h.run
WHERE c.id = ?1 AND h.wake_at <= ?2
ORDER BY h.wake_at, h.run LIMIT ?3

-- name: due_numbers
-- The same runs, by number only. Used if one of the rows cannot be read.
SELECT h.run AS row
FROM heads AS h
WHERE h.contract = ?1 AND h.wake_at <= ?2
ORDER BY h.wake_at, h.run LIMIT ?3

-- name: due_number
SELECT json_array(r.id, :run_row) AS row
FROM heads AS h CROSS JOIN runs AS r ON r.id = h.run CROSS JOIN contracts AS c ON c.id = h.contract
WHERE h.run = ?1

-- name: all_contract_ids
SELECT id AS row FROM contracts

-- name: unserved_contract_ids
SELECT c.id AS row FROM contracts AS c WHERE :nobody_serves

-- name: unserved_versions
SELECT json_array(c.name, c.version, (SELECT count(*) FROM runs AS r WHERE r.contract = c.id)
  - (SELECT count(*) FROM heads AS h INDEXED BY heads_ended WHERE h.contract = c.id AND h.status = 'ended')) AS row
FROM contracts AS c WHERE :nobody_serves ORDER BY c.name, c.version

-- name: due_with_status
-- Of the runs of one contract that have been due the longest, those with one of some statuses.
SELECT :run_row AS row
FROM (SELECT run, wake_at FROM heads INDEXED BY heads_due WHERE contract = ?1 AND wake_at <= ?2 ORDER BY wake_at, run LIMIT ?4) AS d
CROSS JOIN heads AS h ON h.run = d.run CROSS JOIN runs AS r ON r.id = d.run
CROSS JOIN contracts AS c ON c.id = r.contract
WHERE h.status IN (SELECT value FROM json_each(?5))
ORDER BY d.wake_at, d.run LIMIT ?3

-- name: resting
-- Of the runs of one contract that wake next, those between two attempts of a call.
SELECT :run_row AS row
FROM (SELECT run, wake_at FROM heads INDEXED BY heads_due WHERE contract = ?1 AND wake_at IS NOT NULL ORDER BY wake_at, run LIMIT ?3) AS d
CROSS JOIN heads AS h ON h.run = d.run CROSS JOIN runs AS r ON r.id = d.run
CROSS JOIN contracts AS c ON c.id = r.contract
WHERE h.status = 'waiting' AND h.worker IS NULL AND json_valid(h.body)
  AND (json_type(h.body, '$.pending.tries') IS NOT NULL OR json_type(h.body, '$.pending.intent') IS NOT NULL)
ORDER BY d.wake_at, d.run LIMIT ?2

-- name: kept_for
-- Goes from run to run in the index of the waiting messages, past all other messages of each.
WITH RECURSIVE waiting (run) AS (
  SELECT min(run) FROM inbox INDEXED BY inbox_waiting WHERE body IS NOT NULL
  UNION ALL
  SELECT (SELECT min(i.run) FROM inbox AS i INDEXED BY inbox_waiting WHERE i.body IS NOT NULL AND i.run > w.run)
  FROM waiting AS w WHERE w.run IS NOT NULL
  LIMIT ?3
)
SELECT json_array(f.run, f.since) AS row
FROM (
  SELECT r.id, r.run, (
    SELECT i.arrived FROM inbox AS i INDEXED BY inbox_waiting WHERE i.body IS NOT NULL AND i.run = w.run ORDER BY i.id LIMIT 1
  ) AS since
  FROM waiting AS w CROSS JOIN runs AS r ON r.id = w.run
) AS f
WHERE f.since < ?1
ORDER BY f.id LIMIT ?2

-- name: claim
UPDATE heads SET epoch = epoch + 1, worker = ?2, wake_at = ?3 WHERE run IN (SELECT value FROM json_each(?1))

-- name: held
-- Which of these (run, epoch) pairs the worker still holds, by number and name.
SELECT json_array(r.id, r.run) AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value ->> 0
CROSS JOIN heads AS h ON h.run = r.id AND h.epoch = n.value ->> 1 AND h.worker = ?2

-- name: renew
UPDATE heads SET wake_at = ?2 WHERE run IN (SELECT value FROM json_each(?1))

-- name: release
UPDATE heads SET wake_at = ?2, worker = NULL WHERE run IN (SELECT value FROM json_each(?1))

-- name: next_wake
SELECT json_quote(min((SELECT min(h.wake_at) FROM heads AS h WHERE h.contract = c.id AND h.wake_at IS NOT NULL))) AS row
FROM json_each(?1) AS d CROSS JOIN contracts AS c ON c.digest = d.value OR c.current = d.value

-- name: any_held
-- Leases end soon, so this reads only the runs that wake soon, not all that wait.
SELECT '1' AS row FROM json_each(?1) AS d CROSS JOIN contracts AS c ON c.digest = d.value OR c.current = d.value
WHERE EXISTS (SELECT 1 FROM heads AS h WHERE h.contract = c.id AND h.wake_at < ?2 AND h.worker IS NOT NULL)
LIMIT 1

-- name: counts
-- Each half is read from an index alone: `heads_running`, and `heads_by_status` in its own order.
SELECT json_array('running', count(*)) AS row FROM heads WHERE status = 'running'
UNION ALL
SELECT json_array(status, count(*)) AS row FROM heads WHERE status <> 'running' GROUP BY status

-- name: journal
SELECT json_array(j.seq, j.at, j.kind, j.body, j.hash) AS row
FROM runs AS r CROSS JOIN journal AS j ON j.run = r.id
WHERE r.run = ?1 AND j.seq > ?2
ORDER BY j.seq LIMIT ?3

-- name: inbox
SELECT json_array(i.message, i.arrived, i.kind, i.body) AS row
FROM runs AS r CROSS JOIN inbox AS i ON i.run = r.id
WHERE r.run = ?1 AND i.body IS NOT NULL
ORDER BY i.id

-- name: waiting
-- Read from the index alone.
SELECT count(*) AS row FROM inbox AS i WHERE i.run = (SELECT id FROM runs WHERE run = ?1) AND i.body IS NOT NULL

-- name: waiting_bytes
SELECT coalesce(sum(octet_length(i.body)), 0) AS row
FROM inbox AS i WHERE i.run = (SELECT id FROM runs WHERE run = ?1) AND i.body IS NOT NULL

-- name: event_key
SELECT json_array(k.event, k.key, k.content) AS row
FROM runs AS r CROSS JOIN event_keys AS k ON k.run = r.id
WHERE r.run = ?1 AND k.event = ?2 AND k.key = ?3

-- name: used_key
SELECT json_array(s.action, s.key, s.args, s.result) AS row
FROM runs AS r CROSS JOIN settled AS s ON s.run = r.id
WHERE r.run = ?1 AND s.action = ?2 AND s.key = ?3

-- name: values
-- Some of a run's large values, by their digests.
SELECT json_array(v.digest, v.body) AS row
FROM json_each(?2) AS d CROSS JOIN large_values AS v
WHERE v.run = (SELECT id FROM runs WHERE run = ?1) AND v.digest = d.value

-- name: values_of
SELECT json_array(v.digest, v.body) AS row
FROM runs AS r CROSS JOIN large_values AS v ON v.run = r.id WHERE r.run = ?1 ORDER BY v.digest

-- name: heartbeat
INSERT INTO workers (worker, contracts, alive_until, trouble, calls) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (worker) DO UPDATE
SET contracts = excluded.contracts, alive_until = excluded.alive_until, trouble = excluded.trouble, calls = excluded.calls

-- name: workers
-- A worker of an older version uses the digests that it knows.
SELECT json_array(worker, json((
    SELECT json_group_array(coalesce((SELECT c.current FROM contracts AS c WHERE c.digest = d.value), d.value))
    FROM json_each(CASE WHEN json_valid(workers.contracts) THEN workers.contracts ELSE json_array() END) AS d
)), alive_until, trouble, calls) AS row FROM workers WHERE alive_until > ?1 ORDER BY worker

-- name: forget_worker
DELETE FROM workers WHERE worker = ?1 AND alive_until = ?2 RETURNING 1

-- name: release_all
-- All that a worker holds by leases that end between two instants.
UPDATE heads SET wake_at = ?2, worker = NULL WHERE run IN (
  SELECT h.run FROM contracts AS c CROSS JOIN heads AS h ON h.contract = c.id
  WHERE h.wake_at BETWEEN ?3 AND ?4 AND h.worker = ?1
)

-- name: forget_workers
-- Workers that have been silent for a long time are no longer needed.
DELETE FROM workers WHERE alive_until < ?1

-- name: event_keys_of
SELECT json_array(k.event, k.key, k.content) AS row
FROM runs AS r CROSS JOIN event_keys AS k ON k.run = r.id WHERE r.run = ?1 ORDER BY k.event, k.key

-- name: used_keys_of
SELECT json_array(s.action, s.key, s.args, s.result) AS row
FROM runs AS r CROSS JOIN settled AS s ON s.run = r.id WHERE r.run = ?1 ORDER BY s.action, s.key

-- name: rewrite_record
UPDATE journal SET body = ?3, hash = ?4 WHERE run = (SELECT id FROM runs WHERE run = ?1) AND seq = ?2

-- name: rewrite_message
UPDATE inbox SET body = ?3 WHERE run = (SELECT id FROM runs WHERE run = ?1) AND message = ?2

-- name: rewrite_event_key
UPDATE event_keys SET content = ?4 WHERE run = (SELECT id FROM runs WHERE run = ?1) AND event = ?2 AND key = ?3

-- name: rewrite_used_keys
UPDATE settled SET args = ?4, result = ?5 WHERE run = (SELECT id FROM runs WHERE run = ?1) AND action = ?2 AND key = ?3

-- name: rewrite_value
-- If a value has a new digest, `drop_values` removes the old text.
INSERT INTO large_values (run, digest, body) VALUES ((SELECT id FROM runs WHERE run = ?1), ?2, ?3)
ON CONFLICT (run, digest) DO NOTHING

-- name: drop_values
-- All values of a run except these.
DELETE FROM large_values
WHERE run = (SELECT id FROM runs WHERE run = ?1) AND digest NOT IN (SELECT value FROM json_each(?2))

-- name: rewrite_input
UPDATE runs SET input = ?2 WHERE run = ?1

-- name: rewrite_head
-- A worker that holds the run knows the old hash; the epoch fences it off.
UPDATE heads SET epoch = epoch + 1, hash = ?2, worker = ?3, wake_at = ?4, reason = ?5, body = ?6
WHERE run = (SELECT id FROM runs WHERE run = ?1)
