-- One-use links, and the keys that sign them. Instants are microseconds since 1970 UTC.

-- name: keys
SELECT id, secret, made_at FROM opord.server_link_keys ORDER BY made_at DESC, id DESC;

-- name: add_key
INSERT INTO opord.server_link_keys (id, secret, made_at) VALUES ($1, $2, $3);

-- name: drop_keys
DELETE FROM opord.server_link_keys WHERE id <> $1;

-- name: add
INSERT INTO opord.server_links
   (id, key, run, event, actor, role, args, state, entered, made_at, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: one
SELECT l.id, l.key, l.run, l.event, l.actor, l.role, l.args, l.state, l.entered, l.made_at, l.made_by, l.expires_at,
   l.spent_at, k.secret
FROM opord.server_links AS l JOIN opord.server_link_keys AS k ON k.id = l.key
WHERE l.id = $1;

-- name: spend
UPDATE opord.server_links SET spent_at = $2 WHERE id = $1 AND spent_at IS NULL;

-- Links are kept for some time after they have expired, so that they are told apart from unknown ones.
-- name: sweep
DELETE FROM opord.server_links WHERE expires_at < $1;
