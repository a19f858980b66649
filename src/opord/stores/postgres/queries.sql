-- The statements of the store, each under its name. `opord.` is replaced by the store's schema. Lists come as one
-- parameter of JSON: it costs a fraction of an array, and every list of any length is the same statement.
--
-- A plan is made once for a connection, perhaps while a table is empty, and must still be right when it has a million
-- rows. So tables are read by lists of keys (`= ANY (ARRAY(…))`) or row by row (`LATERAL (… OFFSET 0)`), never by a
-- join that could read them whole.

-- name: identity
SELECT id FROM opord.identity

-- name: clock
SELECT :clock

-- name: changes
SELECT pg_current_snapshot()::text

-- name: contract
SELECT :contract_row FROM opord.digests AS d JOIN opord.contracts AS c ON c.id = d.contract WHERE d.digest = $1

-- name: contracts
SELECT :contract_row FROM opord.contracts AS c ORDER BY c.name, c.version

-- name: contract_of_version
-- Locked, so that two who put a contract of one name take turns.
SELECT c.id, :contract_row FROM opord.contracts AS c WHERE c.name = $1 AND c.version = $2 FOR UPDATE OF c

-- name: put_contract
-- Its number was never used before: a statement that read the number of a replaced contract starts nothing.
WITH c AS (
  INSERT INTO opord.contracts (digest, form, name, version, sources) VALUES ($1, $2::int, $3, $4, $5) RETURNING id
)
INSERT INTO opord.digests (digest, contract) SELECT $1, id FROM c

-- name: set_sources
UPDATE opord.contracts SET sources = $2 WHERE id = $1

-- name: set_digest
WITH c AS (UPDATE opord.contracts SET digest = $2, form = $3::int WHERE id = $1 RETURNING id)
INSERT INTO opord.digests (digest, contract) SELECT $2, id FROM c ON CONFLICT (digest) DO NOTHING

-- name: remove_contract
DELETE FROM opord.contracts WHERE id = $1

-- name: who_needs
-- What keeps a contract from being replaced: a run or the key of a pruned run that was started with it.
(SELECT 'runs were started with it' FROM opord.runs WHERE contract = $1 LIMIT 1)
UNION ALL
(SELECT 'pruned runs were started with it' FROM opord.pruned WHERE contract = $1 LIMIT 1)

-- name: is_at
-- The number of messages that have come for the run, which is locked until the transaction ends.
SELECT h.arrivals FROM opord.runs AS r JOIN opord.heads AS h ON h.run = r.id
WHERE r.run = $1 AND h.epoch = $2 AND h.seq = $3 FOR UPDATE OF h

-- name: load
SELECT :run_row
FROM opord.runs AS r JOIN opord.heads AS h ON h.run = r.id JOIN opord.contracts AS c ON c.id = r.contract
WHERE r.run = $1

-- name: ends
-- Those of these runs that have ended, and those that do not exist. A run whose head is missing is left out.
SELECT n.run, :run_row
FROM (SELECT json_array_elements_text($1::json) AS run) AS n
LEFT JOIN LATERAL (SELECT * FROM opord.runs WHERE run = n.run OFFSET 0) AS r ON true
LEFT JOIN LATERAL (SELECT * FROM opord.heads WHERE run = r.id OFFSET 0) AS h ON true
LEFT JOIN LATERAL (SELECT * FROM opord.contracts WHERE id = r.contract OFFSET 0) AS c ON true
WHERE r.id IS NULL OR h.status = 'ended'

-- name: notify
SELECT pg_notify($1, $2)

-- name: progress
-- Where those of these runs are that exist.
SELECT r.run, h.seq, h.arrivals, h.status
FROM (SELECT json_array_elements_text($1::json) AS run) AS n
JOIN LATERAL (SELECT * FROM opord.runs WHERE run = n.run OFFSET 0) AS r ON true
JOIN LATERAL (SELECT * FROM opord.heads WHERE run = r.id OFFSET 0) AS h ON true

-- name: moves
-- The newest records since an instant. The index on their instants leads to their pages.
SELECT j.at, r.run, j.seq, j.kind
FROM (SELECT at, run, seq, kind FROM opord.journal WHERE at >= $1 ORDER BY at DESC LIMIT $2) AS j
JOIN opord.runs AS r ON r.id = j.run ORDER BY j.at, j.run, j.seq

-- name: number
-- A run's place in the order of starts. A pruned run keeps it.
SELECT coalesce((SELECT id FROM opord.runs WHERE run = $1), (SELECT number FROM opord.pruned WHERE run = $1))

-- name: next_wake
-- The first that can be claimed. If there is none: the end of a lease that each step moves on, or what is due next,
-- whichever comes first. With the clock, so that a worker that looks sets its own by it.
:turns
SELECT (
  SELECT min(w.wake_at) FROM turns AS t
  CROSS JOIN LATERAL (SELECT coalesce($3::bigint, :clock) AS now) AS n CROSS JOIN LATERAL (
    SELECT coalesce(
      (SELECT h.wake_at FROM opord.heads AS h
       WHERE :of_turn AND h.due_at <= n.now AND h.wake_at <= n.now ORDER BY h.due_at, h.run LIMIT 1),
      least(
        (SELECT min(h.wake_at) FROM opord.heads AS h WHERE :of_turn AND h.due_at <= n.now),
        (SELECT h.due_at FROM opord.heads AS h WHERE :of_turn AND h.due_at > n.now ORDER BY h.due_at LIMIT 1))
    ) AS wake_at
  ) AS w
), :clock

-- name: any_held
-- Leases end soon, so this reads only the runs that wake soon, not all that wait.
:turns
SELECT EXISTS (
  SELECT 1 FROM turns AS t CROSS JOIN LATERAL (
    SELECT 1 FROM opord.heads AS h
    WHERE :of_turn AND h.due_at < :now3 + $4::bigint
      AND h.wake_at < :now3 + $4::bigint AND h.worker IS NOT NULL LIMIT 1
  ) AS held
)

-- name: claim
-- The runs that are due: those of the highest priority first, and among them the longest due. The part of each turn is
-- locked by itself, from one table alone, and what another claim has locked is left to it. A locked row is read as it is
-- now: a run that another claim has taken since this statement began is not due any more. The levels are a loop that ends
-- at the limit, so that no run of a lower priority is locked if there are enough above it.
:turns, clock AS MATERIALIZED (SELECT :now3 AS now), due AS MATERIALIZED (
  SELECT l.priority, d.run, d.wake_at, d.worker
  FROM (SELECT DISTINCT priority FROM turns ORDER BY priority DESC OFFSET 0) AS l CROSS JOIN LATERAL (
    SELECT o.run, o.wake_at, o.worker FROM turns AS t CROSS JOIN LATERAL (
      SELECT h.run, h.wake_at, h.worker FROM opord.heads AS h
      WHERE :of_turn AND h.due_at <= (SELECT now FROM clock) AND h.wake_at <= (SELECT now FROM clock)
      ORDER BY h.due_at, h.run LIMIT $4 FOR UPDATE SKIP LOCKED
    ) AS o
    WHERE t.priority = l.priority ORDER BY o.wake_at, o.run LIMIT $4
  ) AS d
  LIMIT $4
), h AS (
  UPDATE opord.heads AS h
  SET epoch = h.epoch + 1, worker = $5, wake_at = (SELECT now FROM clock) + $6::bigint,
    due_at = (SELECT now FROM clock) + $6::bigint
  WHERE h.run = ANY (ARRAY(SELECT run FROM due))
  RETURNING h.*
)
SELECT :run_row, due.worker
FROM h JOIN due ON due.run = h.run CROSS JOIN LATERAL (SELECT * FROM opord.runs WHERE id = h.run OFFSET 0) AS r
JOIN opord.contracts AS c ON c.id = r.contract
ORDER BY due.priority DESC, due.wake_at, due.run

-- name: put_off
-- Give a run back until later, without a look at its row.
UPDATE opord.heads SET worker = NULL, wake_at = :now2 + $3::bigint, due_at = :now2 + $3::bigint
WHERE run = (SELECT id FROM opord.runs WHERE run = $1) RETURNING 1

-- name: lease
-- Move the leases of the (run, epoch) pairs that the worker still holds, or end them. The rows are locked in the order
-- of their numbers, as all who lock several do.
WITH t AS MATERIALIZED (SELECT :now3 AS now), asked AS MATERIALIZED (
  SELECT a.run, a.epoch FROM json_to_recordset($1::json) AS a (run text, epoch bigint)
), found AS MATERIALIZED (
  SELECT r.id, r.run FROM opord.runs AS r WHERE r.run = ANY (ARRAY(SELECT run FROM asked))
), held AS MATERIALIZED (
  SELECT h.run AS id, h.epoch FROM opord.heads AS h
  WHERE h.run = ANY (ARRAY(SELECT id FROM found)) AND h.worker = $2 ORDER BY h.run FOR UPDATE
), fits AS MATERIALIZED (
  SELECT held.id, found.run
  FROM held JOIN found ON found.id = held.id JOIN asked ON asked.run = found.run AND asked.epoch = held.epoch
), changed AS (
  UPDATE opord.heads AS h
  SET wake_at = (SELECT now FROM t) + $4::bigint, due_at = (SELECT now FROM t) + $4::bigint,
    worker = CASE WHEN $5::bool THEN h.worker END
  WHERE h.run = ANY (ARRAY(SELECT id FROM fits))
)
SELECT run FROM fits

-- name: overdue
-- Of the runs that have been due the longest, those that wait.
:all_turns
SELECT :run_row
FROM turns AS t CROSS JOIN LATERAL (
  SELECT h.* FROM opord.heads AS h
  WHERE :of_turn AND h.due_at <= :now1 - $2::bigint ORDER BY h.due_at, h.run LIMIT $3
) AS h CROSS JOIN LATERAL (SELECT * FROM opord.runs WHERE id = h.run OFFSET 0) AS r
JOIN opord.contracts AS c ON c.id = r.contract
WHERE h.status = 'waiting' AND h.wake_at <= :now1 - $2::bigint
ORDER BY h.wake_at, h.run LIMIT $4

-- name: unserved
-- Of the runs that have been due the longest and that no worker takes, those that could go on.
:all_turns
SELECT :run_row
FROM (SELECT * FROM turns AS t WHERE :nobody_serves_it OFFSET 0) AS t CROSS JOIN LATERAL (
  SELECT h.* FROM opord.heads AS h
  WHERE :of_turn AND h.due_at <= :now1 - $2::bigint ORDER BY h.due_at, h.run LIMIT $3
) AS h CROSS JOIN LATERAL (SELECT * FROM opord.runs WHERE id = h.run OFFSET 0) AS r
JOIN opord.contracts AS c ON c.id = r.contract
WHERE h.status IN ('running', 'waiting', 'in_doubt') AND h.wake_at <= :now1 - $2::bigint
ORDER BY h.wake_at, h.run LIMIT $4

-- name: resting
-- Of the runs of each turn that wake next, those that may be between two attempts of a call: their bodies say so,
-- and are read by the caller, as a text that is no JSON would end the statement.
:all_turns
SELECT :run_row
FROM turns AS t CROSS JOIN LATERAL (
  SELECT h.* FROM opord.heads AS h
  WHERE :of_turn AND h.due_at IS NOT NULL ORDER BY h.due_at, h.run LIMIT $1
) AS h CROSS JOIN LATERAL (SELECT * FROM opord.runs WHERE id = h.run OFFSET 0) AS r
JOIN opord.contracts AS c ON c.id = r.contract
WHERE h.status = 'waiting' AND h.worker IS NULL AND (strpos(h.body, '"tries"') > 0 OR strpos(h.body, '"intent"') > 0)
ORDER BY h.wake_at, h.run

-- name: kept_for
-- Goes from run to run in the index of the waiting messages, past all other messages of each.
WITH RECURSIVE waiting (run, number) AS (
  (SELECT i.run, 1 FROM opord.inbox AS i WHERE i.body IS NOT NULL ORDER BY i.run LIMIT 1)
  UNION ALL
  SELECT n.run, w.number + 1 FROM waiting AS w CROSS JOIN LATERAL (
    SELECT i.run FROM opord.inbox AS i WHERE i.body IS NOT NULL AND i.run > w.run ORDER BY i.run LIMIT 1
  ) AS n
  WHERE w.number < $3
)
SELECT r.run, f.arrived
FROM waiting AS w CROSS JOIN LATERAL (SELECT run FROM opord.runs WHERE id = w.run OFFSET 0) AS r
CROSS JOIN LATERAL (
  SELECT i.arrived FROM opord.inbox AS i WHERE i.body IS NOT NULL AND i.run = w.run ORDER BY i.id LIMIT 1
) AS f
WHERE f.arrived < $1 ORDER BY w.run LIMIT $2

-- name: unserved_versions
-- Those with a label are counted by themselves; the others are what is left of all that have not ended.
WITH RECURSIVE found (contract, label) AS (
  SELECT c.id, (SELECT h.label FROM opord.heads AS h
    WHERE h.contract = c.id AND h.label <> '' AND h.ended_since IS NULL ORDER BY h.label LIMIT 1)
  FROM opord.contracts AS c
  UNION ALL
  SELECT p.contract, (SELECT h.label FROM opord.heads AS h
    WHERE h.contract = p.contract AND h.label > p.label AND h.label <> '' AND h.ended_since IS NULL ORDER BY h.label LIMIT 1)
  FROM found AS p WHERE p.label IS NOT NULL
)
SELECT c.name, c.version, (SELECT count(*) FROM opord.runs AS r WHERE r.contract = c.id)
  - (SELECT count(*) FROM opord.heads AS h WHERE h.contract = c.id AND h.ended_since IS NOT NULL)
  - (SELECT count(*) FROM opord.heads AS h WHERE h.contract = c.id AND h.label <> '' AND h.ended_since IS NULL), ''
FROM opord.contracts AS c WHERE :nobody_serves
UNION ALL
SELECT c.name, c.version,
  (SELECT count(*) FROM opord.heads AS h
   WHERE h.contract = c.id AND h.label = t.label AND h.label <> '' AND h.ended_since IS NULL), t.label
FROM found AS t JOIN opord.contracts AS c ON c.id = t.contract WHERE t.label IS NOT NULL AND :nobody_serves_it
ORDER BY 1, 2, 4

-- name: counts
SELECT 'running', count(*) FROM opord.heads WHERE status = 'running'
UNION ALL
SELECT status, count(*) FROM opord.heads WHERE status <> 'running' GROUP BY status

-- name: tally
-- The ended runs of each contract are counted in `heads_ended` alone. Of the others the heads are read.
SELECT c.name, t.status, t.needs, t.runs FROM (
  SELECT contract, 'ended' AS status, '' AS needs, count(*) AS runs
  FROM opord.heads WHERE ended_since IS NOT NULL GROUP BY contract
  UNION ALL
  SELECT contract, status, '', count(*) FROM opord.heads
  WHERE status IN ('in_doubt', 'stalled', 'waiting') AND status <> 'running' GROUP BY contract, status
  UNION ALL
  SELECT contract, 'running', '', count(*) FROM opord.heads WHERE status = 'running' GROUP BY contract
  UNION ALL
  SELECT contract, '', needs, count(*) FROM opord.heads WHERE needs <> '' GROUP BY contract, needs
) AS t JOIN opord.contracts AS c ON c.id = t.contract

-- name: journal
SELECT j.seq, j.at, j.kind, j.body, j.hash FROM opord.journal AS j
WHERE j.run = (SELECT id FROM opord.runs WHERE run = $1) AND j.seq > $2 ORDER BY j.seq LIMIT $3

-- name: inbox
SELECT i.message, i.arrived, i.kind, i.body FROM opord.inbox AS i
WHERE i.run = (SELECT id FROM opord.runs WHERE run = $1) AND i.body IS NOT NULL ORDER BY i.id

-- name: waiting
SELECT count(*) FROM opord.inbox AS i WHERE i.run = (SELECT id FROM opord.runs WHERE run = $1) AND i.body IS NOT NULL

-- name: waiting_bytes
SELECT coalesce(sum(octet_length(i.body)), 0)::bigint
FROM opord.inbox AS i WHERE i.run = (SELECT id FROM opord.runs WHERE run = $1) AND i.body IS NOT NULL

-- name: event_key
SELECT k.event, k.key, k.content FROM opord.event_keys AS k
WHERE k.run = (SELECT id FROM opord.runs WHERE run = $1) AND k.event = $2 AND k.key = $3

-- name: event_keys_of
SELECT k.event, k.key, k.content FROM opord.event_keys AS k
WHERE k.run = (SELECT id FROM opord.runs WHERE run = $1) ORDER BY k.event, k.key

-- name: used_key
SELECT k.action, k.key, k.args, k.result FROM opord.used_keys AS k
WHERE k.run = (SELECT id FROM opord.runs WHERE run = $1) AND k.action = $2 AND k.key = $3

-- name: used_keys_of
SELECT k.action, k.key, k.args, k.result FROM opord.used_keys AS k
WHERE k.run = (SELECT id FROM opord.runs WHERE run = $1) ORDER BY k.action, k.key

-- name: values
SELECT v.digest, v.body FROM opord.large_values AS v
WHERE v.run = (SELECT id FROM opord.runs WHERE run = $1)
  AND v.digest = ANY (ARRAY(SELECT json_array_elements_text($2::json))) ORDER BY v.digest

-- name: values_of
SELECT v.digest, v.body FROM opord.large_values AS v
WHERE v.run = (SELECT id FROM opord.runs WHERE run = $1) ORDER BY v.digest

-- name: strays
SELECT r.run, 'it has no row of `heads`, and cannot be listed' FROM opord.runs AS r
WHERE NOT EXISTS (SELECT 1 FROM opord.heads AS h WHERE h.run = r.id)
UNION ALL
SELECT r.run, 'the contract that it was started with is not in the store, and it cannot be listed' FROM opord.runs AS r
WHERE NOT EXISTS (SELECT 1 FROM opord.contracts AS c WHERE c.id = r.contract)
UNION ALL
SELECT 'number ' || n.run, 'it has no row of `runs`, and cannot be listed'
FROM (SELECT run FROM opord.heads UNION SELECT run FROM opord.journal) AS n
WHERE NOT EXISTS (SELECT 1 FROM opord.runs AS r WHERE r.id = n.run)
ORDER BY 2, 1

-- name: heartbeat
WITH gone AS (
  DELETE FROM opord.workers WHERE alive_until < :now3 - $7::bigint AND worker <> $1
)
INSERT INTO opord.workers (worker, contracts, alive_until, trouble, calls, labels)
VALUES ($1, ARRAY(SELECT json_array_elements_text($2::json)), :now3 + $4::bigint, $5, $6,
  ARRAY(SELECT json_array_elements_text($8::json)))
ON CONFLICT (worker) DO UPDATE
SET contracts = excluded.contracts, alive_until = excluded.alive_until, trouble = excluded.trouble,
  calls = excluded.calls, labels = excluded.labels

-- name: workers
-- A worker of an older version uses the digests that it knows.
SELECT w.worker, ARRAY(
  SELECT coalesce(c.digest, s.digest) AS digest FROM unnest(w.contracts) AS s (digest)
  LEFT JOIN opord.digests AS d ON d.digest = s.digest LEFT JOIN opord.contracts AS c ON c.id = d.contract ORDER BY 1
), w.alive_until, w.trouble, w.calls, w.labels FROM opord.workers AS w
WHERE $2::bool OR w.alive_until > :now1 ORDER BY w.worker

-- name: forget_worker
DELETE FROM opord.workers WHERE worker = $1 AND alive_until = $2 RETURNING 1

-- name: release_all
-- All that a worker holds by leases that end between two instants.
:all_turns, clock AS MATERIALIZED (SELECT :now2 AS now), held AS MATERIALIZED (
  SELECT x.run FROM opord.heads AS x
  WHERE x.run = ANY (ARRAY(
      SELECT o.run FROM turns AS t CROSS JOIN LATERAL (
        SELECT h.run FROM opord.heads AS h
        WHERE :of_turn AND h.due_at <= $4::bigint AND h.wake_at BETWEEN $3::bigint AND $4::bigint AND h.worker = $1
        OFFSET 0
      ) AS o))
    AND x.worker = $1 AND x.wake_at BETWEEN $3::bigint AND $4::bigint
  ORDER BY x.run FOR UPDATE
)
UPDATE opord.heads AS h
SET wake_at = (SELECT now FROM clock), due_at = (SELECT now FROM clock), worker = NULL
WHERE h.run = ANY (ARRAY(SELECT run FROM held))
RETURNING h.run

-- name: forget
WITH over AS MATERIALIZED (
  SELECT run FROM opord.pruned WHERE forget_at <= :now1
  ORDER BY forget_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
DELETE FROM opord.pruned WHERE run = ANY (ARRAY(SELECT run FROM over)) RETURNING 1

-- name: tombstones
SELECT p.run, c.digest, c.name, c.version, p.started_at, p.input, p.state, p.outcome, p.ended_at, p.pruned_at,
       p.forget_at, p.archive
FROM opord.pruned AS p JOIN opord.contracts AS c ON c.id = p.contract
WHERE p.run = ANY (ARRAY(SELECT json_array_elements_text($1::json)))

-- name: ended
-- The runs that ended before an instant and need nobody, and of which no message waits. A terminated run keeps the instant at which it entered its
-- state; the instant of its end is in its journal. Each contract's part stops at the limit.
SELECT e.run, e.ended_at, e.since, e.number
FROM opord.contracts AS c CROSS JOIN LATERAL (
  SELECT r.run, h.ended_since AS since, h.run AS number, t.ended_at
  FROM opord.heads AS h JOIN opord.runs AS r ON r.id = h.run CROSS JOIN LATERAL (
    SELECT CASE h.outcome WHEN 'terminated' THEN coalesce(
        (SELECT max(j.at) FROM opord.journal AS j WHERE j.run = h.run AND j.kind = 'terminated'), h.ended_since)
      ELSE h.ended_since END AS ended_at
  ) AS t
  WHERE h.contract = c.id AND h.ended_since IS NOT NULL AND h.ended_since < $2
    AND (h.ended_since, h.run) > ($3::bigint, $4::bigint) AND h.needs = '' AND t.ended_at < $2
    AND NOT EXISTS (SELECT 1 FROM opord.outbox AS m JOIN opord.endpoints AS e ON e.id = m.endpoint WHERE m.run = r.run)
  ORDER BY h.ended_since, h.run LIMIT $5
) AS e
WHERE $1::text IS NULL OR c.name = $1
ORDER BY e.since, e.number LIMIT $5

-- name: lock_ended
-- Lock the runs that are to be pruned, in the order of their numbers, and return those that have ended and have not
-- changed: their places in the batch, and their numbers.
WITH asked AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS a (n int, run text, epoch bigint, seq bigint, arrivals bigint, hash text)
), found AS MATERIALIZED (
  SELECT r.id, r.run FROM opord.runs AS r WHERE r.run = ANY (ARRAY(SELECT run FROM asked))
), h AS MATERIALIZED (
  SELECT x.run, x.epoch, x.seq, x.arrivals, x.hash FROM opord.heads AS x
  WHERE x.run = ANY (ARRAY(SELECT id FROM found)) AND x.status = 'ended' AND x.needs = '' ORDER BY x.run FOR UPDATE
)
SELECT a.n, h.run
FROM h JOIN found ON found.id = h.run JOIN asked AS a ON a.run = found.run
WHERE (h.epoch, h.seq, h.arrivals, h.hash) = (a.epoch, a.seq, a.arrivals, a.hash)
  AND NOT EXISTS (SELECT 1 FROM opord.outbox AS m JOIN opord.endpoints AS e ON e.id = m.endpoint WHERE m.run = found.run)

-- name: prune
WITH gone AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS g (
    number bigint, run text, contract text, started_at bigint, input text, state text, outcome text, ended_at bigint,
    pruned_at bigint, forget_at bigint, archive text)
), d1 AS (DELETE FROM opord.journal WHERE run = ANY (ARRAY(SELECT number FROM gone))
), d2 AS (DELETE FROM opord.large_values WHERE run = ANY (ARRAY(SELECT number FROM gone))
), d3 AS (DELETE FROM opord.inbox WHERE run = ANY (ARRAY(SELECT number FROM gone))
), d4 AS (DELETE FROM opord.event_keys WHERE run = ANY (ARRAY(SELECT number FROM gone))
), d5 AS (DELETE FROM opord.used_keys WHERE run = ANY (ARRAY(SELECT number FROM gone))
), d6 AS (DELETE FROM opord.heads WHERE run = ANY (ARRAY(SELECT number FROM gone))
), d7 AS (DELETE FROM opord.runs WHERE id = ANY (ARRAY(SELECT number FROM gone))
)
-- A key that was forgotten, used again and pruned again has the tombstone of its latest run.
INSERT INTO opord.pruned
  (run, number, contract, started_at, input, state, outcome, ended_at, pruned_at, forget_at, archive)
SELECT g.run, g.number, d.contract, g.started_at, g.input, g.state, g.outcome, g.ended_at, g.pruned_at, g.forget_at,
  g.archive
FROM gone AS g JOIN opord.digests AS d ON d.digest = g.contract
ON CONFLICT (run) DO UPDATE SET
  number = excluded.number, contract = excluded.contract, started_at = excluded.started_at, input = excluded.input,
  state = excluded.state, outcome = excluded.outcome, ended_at = excluded.ended_at, pruned_at = excluded.pruned_at,
  forget_at = excluded.forget_at, archive = excluded.archive

-- name: may_change
SELECT set_config('opord.may_change', 'yes', true)

-- name: lock_run
SELECT r.id FROM opord.runs AS r JOIN opord.heads AS h ON h.run = r.id WHERE r.run = $1 FOR UPDATE OF h

-- name: rewrite_record
UPDATE opord.journal SET body = $3, hash = $4 WHERE run = $1 AND seq = $2

-- name: rewrite_message
UPDATE opord.inbox SET body = $3 WHERE run = $1 AND message = $2

-- name: rewrite_event_key
UPDATE opord.event_keys SET content = $4 WHERE run = $1 AND event = $2 AND key = $3

-- name: rewrite_used_key
UPDATE opord.used_keys SET args = $4, result = $5 WHERE run = $1 AND action = $2 AND key = $3

-- name: rewrite_value
-- If a value has a new digest, `drop_values` removes the old text.
INSERT INTO opord.large_values (run, digest, body) VALUES ($1, $2, $3) ON CONFLICT (run, digest) DO NOTHING

-- name: drop_values
-- All values of a run except these.
DELETE FROM opord.large_values
WHERE run = $1 AND digest <> ALL (ARRAY(SELECT json_array_elements_text($2::json)))

-- name: rewrite_input
UPDATE opord.runs SET input = $2 WHERE id = $1

-- name: rewrite_head
-- A worker that holds the run knows the old hash; the epoch fences it off.
UPDATE opord.heads SET epoch = epoch + 1, hash = $2, worker = $3, wake_at = $4, due_at = $4, reason = $5, body = $6
WHERE run = $1

-- name: lock_runs
-- What is stored of the runs of a batch, locked in the order of their numbers.
WITH h AS MATERIALIZED (
  SELECT * FROM opord.heads AS x
  WHERE x.run = ANY (ARRAY(
    SELECT r.id FROM opord.runs AS r WHERE r.run = ANY (ARRAY(SELECT json_array_elements_text($1::json)))))
  ORDER BY x.run FOR UPDATE
)
SELECT :run_row
FROM h CROSS JOIN LATERAL (SELECT * FROM opord.runs WHERE id = h.run OFFSET 0) AS r
JOIN opord.contracts AS c ON c.id = r.contract

-- name: known_digests
SELECT digest FROM opord.digests WHERE digest = ANY (ARRAY(SELECT json_array_elements_text($1::json)))

-- name: hashes
-- The hashes of given records.
SELECT a.run, j.seq, j.hash FROM json_to_recordset($1::json) AS a (run text, seq bigint)
CROSS JOIN LATERAL (SELECT id FROM opord.runs WHERE run = a.run OFFSET 0) AS r
CROSS JOIN LATERAL (SELECT seq, hash FROM opord.journal WHERE run = r.id AND seq = a.seq OFFSET 0) AS j

-- name: messages
-- Which of these messages were ever put.
SELECT a.run, a.message FROM json_to_recordset($1::json) AS a (run text, message text)
CROSS JOIN LATERAL (SELECT id FROM opord.runs WHERE run = a.run OFFSET 0) AS r
CROSS JOIN LATERAL (SELECT 1 FROM opord.inbox WHERE run = r.id AND message = a.message OFFSET 0) AS i

-- name: taken_keys
-- Which of these event keys are claimed, and with what content.
SELECT a.run, a.event, a.key, k.content FROM json_to_recordset($1::json) AS a (run text, event text, key text)
CROSS JOIN LATERAL (SELECT id FROM opord.runs WHERE run = a.run OFFSET 0) AS r
CROSS JOIN LATERAL (
  SELECT content FROM opord.event_keys WHERE run = r.id AND event = a.event AND key = a.key OFFSET 0
) AS k

-- name: contract_numbers
SELECT id FROM opord.contracts WHERE name = $1
