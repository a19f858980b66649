-- The statements of limits, for SQLite and PostgreSQL alike: `opord.` is the store's schema, and `$1` a parameter.
-- A list comes as one parameter of JSON; `:texts` and `:numbers` are how the database reads it.

-- name: limits
SELECT contract, call, at_once, rate, window_us, by_path, id FROM opord.limits ORDER BY contract, call

-- name: lock
-- All who change what a limit counts lock it first, in the order of the numbers.
SELECT id FROM opord.limits WHERE id IN (:numbers) ORDER BY id :for_update

-- name: put_limit
INSERT INTO opord.limits (contract, call, at_once, rate, window_us, by_path) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (contract, call) DO UPDATE SET at_once = $3, rate = $4, window_us = $5, by_path = $6

-- name: drop_limit
DELETE FROM opord.limits WHERE contract = $1 AND call = $2 RETURNING id

-- name: drop_permits
DELETE FROM opord.permits WHERE limit_id = $1

-- name: drop_queues
DELETE FROM opord.queues WHERE limit_id = $1

-- name: drop_waits
DELETE FROM opord.waits WHERE limit_id = $1 OR also_limit = $1 RETURNING run, epoch

-- name: use
-- The permits of a limit and key that are held, those given back that still count, and until when the first of these does.
SELECT count(*) FILTER (WHERE until IS NULL), count(*) FILTER (WHERE until > $3), min(until) FILTER (WHERE until > $3)
FROM opord.permits WHERE limit_id = $1 AND key = $2

-- name: forget_spent
DELETE FROM opord.permits WHERE limit_id = $1 AND key = $2 AND until <= $3

-- name: known
SELECT permit FROM opord.permits WHERE permit IN (:texts)

-- name: give
INSERT INTO opord.permits (permit, limit_id, key, worker, given_at) VALUES ($1, $2, $3, $4, $5)

-- name: take_back
DELETE FROM opord.permits WHERE permit = $1

-- name: spend
UPDATE opord.permits SET until = $2 WHERE permit = $1 AND until IS NULL

-- name: holders
-- Goes from worker to worker in the index.
WITH RECURSIVE holding (worker) AS (
  SELECT min(worker) FROM opord.permits WHERE until IS NULL
  UNION ALL
  SELECT (SELECT min(p.worker) FROM opord.permits AS p WHERE p.until IS NULL AND p.worker > h.worker)
  FROM holding AS h WHERE h.worker IS NOT NULL
)
SELECT worker FROM holding WHERE worker IS NOT NULL

-- name: held_by
SELECT permit, limit_id, key, given_at FROM opord.permits WHERE worker = $1 AND until IS NULL

-- name: put_wait
INSERT INTO opord.waits (run, epoch, limit_id, key, contract, label, priority, since, also_limit, also_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (run) DO UPDATE SET epoch = $2, limit_id = $3, key = $4, contract = $5, label = $6, priority = $7,
  since = $8, also_limit = $9, also_key = $10

-- name: end_wait
DELETE FROM opord.waits WHERE run = $1

-- name: any_waits
SELECT 1 FROM opord.waits WHERE limit_id = $1 AND key = $2 LIMIT 1

-- name: waits_of
-- A queue stays for a while after its last run has left it.
SELECT 1 FROM opord.queues AS q WHERE q.contract = $1 AND q.label = $2 AND EXISTS (
  SELECT 1 FROM opord.waits AS w
  WHERE w.limit_id = q.limit_id AND w.key = q.key AND w.contract = q.contract AND w.label = q.label
) LIMIT 1

-- name: first_waits
SELECT run, epoch, also_limit, also_key FROM opord.waits
WHERE limit_id = $1 AND key = $2 AND contract = $3 AND label = $4 ORDER BY priority DESC, since, run LIMIT $5

-- name: put_queue
INSERT INTO opord.queues (limit_id, key, contract, label, look_at, behind_limit, behind_key)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (limit_id, key, contract, label) DO UPDATE SET look_at = $5, behind_limit = $6, behind_key = $7

-- name: end_queue
DELETE FROM opord.queues WHERE limit_id = $1 AND key = $2 AND contract = $3 AND label = $4

-- name: wake_queues
UPDATE opord.queues SET look_at = $3
WHERE ((limit_id = $1 AND key = $2) OR (behind_limit = $1 AND behind_key = $2)) AND (look_at IS NULL OR look_at > $3)
RETURNING 1

-- name: next_look
SELECT min(look_at) FROM opord.queues WHERE contract = $1 AND label = $2 AND look_at IS NOT NULL

-- name: due_queues
SELECT limit_id, key, contract, label, look_at FROM opord.queues
WHERE contract = $1 AND label = $2 AND look_at <= $3 ORDER BY look_at LIMIT $4

-- name: held_in_all
SELECT limit_id, count(*), count(DISTINCT key) FROM opord.permits WHERE until IS NULL GROUP BY limit_id

-- name: waiting_in_all
SELECT limit_id, count(*), count(DISTINCT key) FROM opord.waits GROUP BY limit_id

-- name: wake_all_of
UPDATE opord.queues SET look_at = $2 WHERE limit_id = $1 OR behind_limit = $1
