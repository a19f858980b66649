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
-- The number of messages that have come for the run.
SELECT h.arrivals AS row FROM runs AS r CROSS JOIN heads AS h ON h.run = r.id
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

-- name: progress
-- Where those of these runs are that exist.
SELECT json_array(r.run, h.seq, h.arrivals, h.status) AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value CROSS JOIN heads AS h ON h.run = r.id

-- name: moves
-- The newest records since an instant. Records are added at the end, so no index on their instants is needed.
SELECT json_array(j.at, r.run, j.seq, j.kind) AS row
FROM journal AS j CROSS JOIN runs AS r ON r.id = j.run
WHERE j.id > (SELECT max(id) FROM journal) - ?2 AND j.at >= ?1 ORDER BY j.at, j.id

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

-- name: due_turns
-- The turns in which a run is due: each contract, label and priority.
:turns
SELECT json_array(t.priority, t.contract, t.label) AS row FROM turns AS t WHERE EXISTS (
  SELECT 1 FROM heads AS h INDEXED BY heads_due WHERE :of_turn AND h.wake_at <= ?3
)

-- name: due
-- The runs of one turn whose time has come, the longest due first.
SELECT json_array(r.id, :run_row) AS row
FROM contracts AS c CROSS JOIN heads AS h INDEXED BY heads_due ON h.contract = c.id
CROSS JOIN runs AS r ON r.id = h.run
WHERE h.priority = ?1 AND c.id = ?2 AND h.label = ?3 AND h.wake_at <= ?4
ORDER BY h.wake_at, h.run LIMIT ?5

-- name: due_numbers
-- The same runs, by number only. Used if one of the rows cannot be read.
SELECT h.run AS row
FROM heads AS h INDEXED BY heads_due
WHERE h.priority = ?1 AND h.contract = ?2 AND h.label = ?3 AND h.wake_at <= ?4
ORDER BY h.wake_at, h.run LIMIT ?5

-- name: due_number
SELECT json_array(r.id, :run_row) AS row
FROM heads AS h CROSS JOIN runs AS r ON r.id = h.run CROSS JOIN contracts AS c ON c.id = h.contract
WHERE h.run = ?1

-- name: all_turns
:all_turns
SELECT json_array(t.priority, t.contract, t.label) AS row FROM turns AS t

-- name: unserved_turns
:all_turns
SELECT json_array(t.priority, t.contract, t.label) AS row
FROM turns AS t CROSS JOIN contracts AS c ON c.id = t.contract WHERE :nobody_serves_it

-- name: unserved_versions
-- Those with a label are counted by themselves; the others are what is left of all that have not ended.
WITH RECURSIVE found (contract, label) AS (
  SELECT c.id, (SELECT min(h.label) FROM heads AS h INDEXED BY heads_live_by_label
    WHERE h.contract = c.id AND h.label <> '' AND h.status <> 'ended') FROM contracts AS c
  UNION ALL
  SELECT p.contract, (SELECT min(h.label) FROM heads AS h INDEXED BY heads_live_by_label
    WHERE h.contract = p.contract AND h.label > p.label AND h.label <> '' AND h.status <> 'ended')
  FROM found AS p WHERE p.label IS NOT NULL
)
SELECT json_array(name, version, live, label) AS row FROM (
  SELECT c.name AS name, c.version AS version, '' AS label, (SELECT count(*) FROM runs AS r WHERE r.contract = c.id)
    - (SELECT count(*) FROM heads AS h INDEXED BY heads_ended WHERE h.contract = c.id AND h.status = 'ended')
    - (SELECT count(*) FROM heads AS h INDEXED BY heads_live_by_label
       WHERE h.contract = c.id AND h.label <> '' AND h.status <> 'ended') AS live
  FROM contracts AS c WHERE :nobody_serves
  UNION ALL
  SELECT c.name, c.version, t.label, (SELECT count(*) FROM heads AS h INDEXED BY heads_live_by_label
    WHERE h.contract = c.id AND h.label = t.label AND h.label <> '' AND h.status <> 'ended')
  FROM found AS t CROSS JOIN contracts AS c ON c.id = t.contract WHERE t.label IS NOT NULL AND :nobody_serves_it
)
ORDER BY name, version, label

-- name: due_with_status
-- Of the runs of one turn that have been due the longest, those with one of some statuses.
SELECT :run_row AS row
FROM (SELECT run, wake_at FROM heads INDEXED BY heads_due WHERE priority = ?1 AND contract = ?2 AND label = ?3 AND wake_at <= ?4
  ORDER BY wake_at, run LIMIT ?6) AS d
CROSS JOIN heads AS h ON h.run = d.run CROSS JOIN runs AS r ON r.id = d.run
CROSS JOIN contracts AS c ON c.id = r.contract
WHERE h.status IN (SELECT value FROM json_each(?7))
ORDER BY d.wake_at, d.run LIMIT ?5

-- name: resting
-- Of the runs of one turn that wake next, those between two attempts of a call.
SELECT :run_row AS row
FROM (SELECT run, wake_at FROM heads INDEXED BY heads_due WHERE priority = ?1 AND contract = ?2 AND label = ?3 AND wake_at IS NOT NULL
  ORDER BY wake_at, run LIMIT ?5) AS d
CROSS JOIN heads AS h ON h.run = d.run CROSS JOIN runs AS r ON r.id = d.run
CROSS JOIN contracts AS c ON c.id = r.contract
WHERE h.status = 'waiting' AND h.worker IS NULL AND json_valid(h.body)
  AND (json_type(h.body, '$.pending.tries') IS NOT NULL OR json_type(h.body, '$.pending.intent') IS NOT NULL)
ORDER BY d.wake_at, d.run LIMIT ?4

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
-- Each look of a worker reads this. In most stores all runs have the priority 0: two searches find that there is no
-- other, and one the run that wakes first.
SELECT json_quote(min(CASE
  WHEN EXISTS (SELECT 1 FROM heads AS h INDEXED BY heads_due WHERE :of_place AND h.priority > 0 AND h.wake_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM heads AS h INDEXED BY heads_due WHERE :of_place AND h.priority < 0 AND h.wake_at IS NOT NULL)
  THEN (
    WITH RECURSIVE steps (priority) AS (
      SELECT (SELECT min(h.priority) FROM heads AS h INDEXED BY heads_due WHERE :of_place AND h.wake_at IS NOT NULL)
      UNION ALL
      SELECT (SELECT min(h.priority) FROM heads AS h INDEXED BY heads_due
        WHERE :of_place AND h.priority > g.priority AND h.wake_at IS NOT NULL)
      FROM steps AS g WHERE g.priority IS NOT NULL
    )
    SELECT min((SELECT min(h.wake_at) FROM heads AS h INDEXED BY heads_due
      WHERE :of_place AND h.priority = g.priority AND h.wake_at IS NOT NULL)) FROM steps AS g
  )
  ELSE (SELECT min(h.wake_at) FROM heads AS h INDEXED BY heads_due WHERE :of_place AND h.priority = 0 AND h.wake_at IS NOT NULL)
END)) AS row
FROM json_each(?1) AS d CROSS JOIN contracts AS c ON c.digest = d.value OR c.current = d.value CROSS JOIN json_each(?2) AS l

-- name: any_held
-- Leases end soon, so this reads only the runs that wake soon, not all that wait.
:turns
SELECT '1' AS row FROM turns AS t WHERE EXISTS (
  SELECT 1 FROM heads AS h INDEXED BY heads_due WHERE :of_turn AND h.wake_at < ?3 AND h.worker IS NOT NULL
)
LIMIT 1

-- name: counts
-- Each half is read from an index alone: `heads_running`, and `heads_by_status` in its own order.
SELECT json_array('running', count(*)) AS row FROM heads WHERE status = 'running'
UNION ALL
SELECT json_array(status, count(*)) AS row FROM heads WHERE status <> 'running' GROUP BY status

-- name: tally
-- The ended runs of each contract are counted in `heads_ended` alone. Of the others the heads are read.
SELECT json_array(c.name, 'ended', '', count(*)) AS row
FROM contracts AS c CROSS JOIN heads AS h INDEXED BY heads_ended
WHERE h.contract = c.id AND h.status = 'ended' GROUP BY c.id
UNION ALL
SELECT json_array(c.name, t.status, '', t.runs) AS row FROM (
  SELECT h.contract, h.status, count(*) AS runs FROM heads AS h INDEXED BY heads_by_status
  WHERE h.status > 'ended' AND h.status <> 'running' GROUP BY h.contract, h.status
) AS t CROSS JOIN contracts AS c ON c.id = t.contract
UNION ALL
SELECT json_array(c.name, 'running', '', t.runs) AS row FROM (
  SELECT h.contract, count(*) AS runs FROM heads AS h INDEXED BY heads_running
  WHERE h.status = 'running' GROUP BY h.contract
) AS t CROSS JOIN contracts AS c ON c.id = t.contract
UNION ALL
SELECT json_array(c.name, '', t.needs, t.runs) AS row FROM (
  SELECT h.contract, h.needs, count(*) AS runs FROM heads AS h INDEXED BY heads_by_needs
  WHERE h.needs <> '' GROUP BY h.contract, h.needs
) AS t CROSS JOIN contracts AS c ON c.id = t.contract

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
INSERT INTO workers (worker, contracts, alive_until, trouble, calls, labels) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (worker) DO UPDATE
SET contracts = excluded.contracts, alive_until = excluded.alive_until, trouble = excluded.trouble, calls = excluded.calls,
  labels = excluded.labels

-- name: workers
-- A worker of an older version uses the digests that it knows.
SELECT json_array(worker, json((
    SELECT json_group_array(coalesce((SELECT c.current FROM contracts AS c WHERE c.digest = d.value), d.value))
    FROM json_each(CASE WHEN json_valid(workers.contracts) THEN workers.contracts ELSE json_array() END) AS d
)), alive_until, trouble, calls, json(CASE WHEN json_valid(labels) THEN labels ELSE json_array() END)) AS row
FROM workers WHERE alive_until > ?1 ORDER BY worker

-- name: forget_worker
DELETE FROM workers WHERE worker = ?1 AND alive_until = ?2 RETURNING 1

-- name: release_all
-- All that a worker holds by leases that end between two instants.
:all_turns
UPDATE heads SET wake_at = ?2, worker = NULL WHERE run IN (
  SELECT h.run FROM turns AS t CROSS JOIN heads AS h INDEXED BY heads_due ON :of_turn
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
