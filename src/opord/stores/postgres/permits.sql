-- What limits need of runs, contracts and workers; the statements of limits themselves are in `stores/permits.sql`.

-- name: contract_numbers
SELECT DISTINCT contract FROM opord.digests WHERE digest = ANY (ARRAY(:texts))

-- name: standings
SELECT r.run, h.epoch, h.worker, h.status = 'ended'
FROM opord.runs AS r CROSS JOIN LATERAL (SELECT * FROM opord.heads WHERE run = r.id OFFSET 0) AS h
WHERE r.run = ANY (ARRAY(:texts))

-- name: wake_run
UPDATE opord.heads SET wake_at = $3, due_at = $3
WHERE run = (SELECT id FROM opord.runs WHERE run = $1) AND epoch = $2 AND worker IS NULL AND status <> 'ended'

-- name: live_workers
SELECT worker FROM opord.workers WHERE alive_until > $1

-- name: claim_run
-- A run that somebody is just moving is left to him.
WITH free AS MATERIALIZED (
  SELECT h.run FROM opord.heads AS h
  WHERE h.run = (SELECT id FROM opord.runs WHERE run = $1) AND h.epoch = $2
    AND h.worker IS NULL AND h.status <> 'ended' FOR UPDATE SKIP LOCKED
), h AS (
  UPDATE opord.heads AS h SET epoch = h.epoch + 1, worker = $3, wake_at = $4, due_at = $4
  WHERE h.run = ANY (ARRAY(SELECT run FROM free)) RETURNING h.*
)
SELECT :run_row FROM h CROSS JOIN LATERAL (SELECT * FROM opord.runs WHERE id = h.run OFFSET 0) AS r
JOIN opord.contracts AS c ON c.id = r.contract
