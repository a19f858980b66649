-- The trail of what was done over HTTP. Instants are microseconds since 1970 UTC.

-- name: add
INSERT INTO opord.server_audit (id, at, actor, token, address, act, run, reason, status, code)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: end
UPDATE opord.server_audit SET run = $2, reason = $3, status = $4, code = $5 WHERE id = $1;

-- name: actors
SELECT DISTINCT actor FROM opord.server_audit WHERE run = $1 AND act = $2;

-- name: old
SELECT id FROM opord.server_audit WHERE id < $1 ORDER BY id LIMIT 500;

-- name: drop
DELETE FROM opord.server_audit WHERE id = $1;
