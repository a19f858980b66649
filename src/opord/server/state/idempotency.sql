-- The requests with an `Idempotency-Key`; see `idempotency.py`.

-- name: find
SELECT request, lease_until, mark, status, headers, body, kept_until FROM opord.server_idempotency
WHERE id = $1 :for_update

-- name: add
INSERT INTO opord.server_idempotency (id, principal, request, owner, lease_until, mark, status, headers, body, kept_until)
VALUES ($1, $2, $3, $4, $5, $6, NULL, '[]', $8, $7) ON CONFLICT (id) DO NOTHING RETURNING id

-- name: take_over
UPDATE opord.server_idempotency SET owner = $2, lease_until = $3, kept_until = $4 WHERE id = $1

-- name: mark
UPDATE opord.server_idempotency SET mark = $3 WHERE id = $1 AND owner = $2 AND status IS NULL RETURNING id

-- name: renew
UPDATE opord.server_idempotency SET lease_until = $3 WHERE id = $1 AND owner = $2 AND status IS NULL

-- name: finish
UPDATE opord.server_idempotency SET status = $3, headers = $4, body = $5 WHERE id = $1 AND owner = $2 AND status IS NULL

-- name: forget
DELETE FROM opord.server_idempotency WHERE id = $1 AND owner = $2 AND status IS NULL

-- name: delete
DELETE FROM opord.server_idempotency WHERE id = $1

-- name: forget_over
DELETE FROM opord.server_idempotency WHERE id IN (
  SELECT id FROM opord.server_idempotency WHERE kept_until <= $1 ORDER BY kept_until LIMIT $2
) RETURNING id

-- name: count
SELECT principal, count(*) FROM opord.server_idempotency GROUP BY principal
