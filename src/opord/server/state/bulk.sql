-- Sets of runs that somebody acts upon together; see `bulk.py`.

-- name: add
INSERT INTO opord.server_bulk (id, principal, verb, args, reason, made_at, owner, lease_until, kept_until)
VALUES ($1, $2, $3, $4, $5, $6, '', 0, $7)

-- name: find
SELECT id, principal, verb, args, reason, made_at, confirmed_at, stopped_at, ended_at, lease_until
FROM opord.server_bulk WHERE id = $1 AND kept_until > $2

-- name: of_principal
SELECT count(*) FROM opord.server_bulk WHERE principal = $1 AND kept_until > $2

-- name: page
SELECT n, run, seq, state, will, outcome, code, why FROM opord.server_bulk_runs WHERE bulk = $1 AND n > $2 ORDER BY n LIMIT $3

-- name: found
SELECT run FROM opord.server_bulk_runs WHERE bulk = $1 AND seq > 0

-- name: counts
SELECT will, coalesce(outcome, ''), count(*) FROM opord.server_bulk_runs WHERE bulk = $1 GROUP BY will, outcome

-- name: left
SELECT n, run, seq, state, will, outcome, code, why FROM opord.server_bulk_runs
WHERE bulk = $1 AND outcome IS NULL AND will = 1 ORDER BY n LIMIT $2

-- name: begin
UPDATE opord.server_bulk SET confirmed_at = coalesce(confirmed_at, $3), owner = $2, lease_until = $4
WHERE id = $1 AND stopped_at IS NULL AND ended_at IS NULL AND lease_until <= $3 RETURNING id

-- name: tell
UPDATE opord.server_bulk_runs SET outcome = $3, code = $4, why = $5 WHERE bulk = $1 AND n = $2 AND outcome IS NULL

-- name: renew
UPDATE opord.server_bulk SET lease_until = $3 WHERE id = $1 AND owner = $2 AND stopped_at IS NULL RETURNING id

-- name: end
UPDATE opord.server_bulk SET ended_at = $3, lease_until = 0 WHERE id = $1 AND owner = $2

-- name: let_go
UPDATE opord.server_bulk SET lease_until = 0 WHERE id = $1 AND owner = $2

-- name: stop
UPDATE opord.server_bulk SET stopped_at = $2 WHERE id = $1 AND stopped_at IS NULL AND ended_at IS NULL

-- name: over
SELECT id FROM opord.server_bulk WHERE kept_until <= $1 ORDER BY kept_until LIMIT $2

-- name: forget
DELETE FROM opord.server_bulk WHERE id = $1

-- name: forget_runs
DELETE FROM opord.server_bulk_runs WHERE bulk = $1
