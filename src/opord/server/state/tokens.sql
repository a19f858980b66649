-- The tokens that say who asks. Instants are microseconds since 1970 UTC.

-- Those that may still be good, and whether there has ever been one.
-- name: live
SELECT id, name, roles, contracts, digest, made_at, made_by, expires_at, revoked_at, revoked_by
FROM opord.server_tokens
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1);

-- name: any
SELECT 1 FROM opord.server_tokens LIMIT 1;

-- name: all
SELECT id, name, roles, contracts, digest, made_at, made_by, expires_at, revoked_at, revoked_by
FROM opord.server_tokens
ORDER BY made_at, id;

-- name: one
SELECT id, name, roles, contracts, digest, made_at, made_by, expires_at, revoked_at, revoked_by
FROM opord.server_tokens
WHERE id = $1;

-- name: add
INSERT INTO opord.server_tokens (id, name, roles, contracts, digest, made_at, made_by, expires_at, revoked_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '');

-- name: revoke
UPDATE opord.server_tokens SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL RETURNING id;
