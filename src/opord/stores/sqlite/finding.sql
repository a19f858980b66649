-- Indexes on what JSON has at a place, and the queries that need them. A row whose JSON is damaged is in no index, so
-- that it can still be written.

-- name: index_state
CREATE INDEX IF NOT EXISTS :index ON heads (:in_state) WHERE status <> 'ended' AND :in_state IS NOT NULL

-- name: index_input
CREATE INDEX IF NOT EXISTS :index ON runs (:in_input) WHERE :in_input IS NOT NULL

-- name: index_deliveries
CREATE INDEX IF NOT EXISTS event_keys_by_delivery ON event_keys (key, event) WHERE substr(event, 1, 1) = '@'

-- name: has_index
SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1

-- name: live_by_state
SELECT r.run FROM heads AS h INDEXED BY :index
CROSS JOIN runs AS r ON r.id = h.run CROSS JOIN contracts AS c ON c.id = h.contract
WHERE h.status <> 'ended' AND :in_state IS NOT NULL AND :in_state = ?1 AND c.name = ?2 LIMIT ?3

-- name: live_by_input
-- A field of the state hides a parameter of the same name.
SELECT r.run FROM runs AS r INDEXED BY :index
CROSS JOIN heads AS h ON h.run = r.id CROSS JOIN contracts AS c ON c.id = h.contract
WHERE :in_input IS NOT NULL AND :in_input = ?1 AND h.status <> 'ended' AND c.name = ?2
  AND CASE WHEN json_valid(h.body) THEN json_type(h.body, :first_in_state) END IS NULL LIMIT ?3

-- name: delivered
SELECT r.run FROM event_keys AS k INDEXED BY event_keys_by_delivery CROSS JOIN runs AS r ON r.id = k.run
WHERE substr(k.event, 1, 1) = '@' AND k.key = ?2 AND k.event = ?1 LIMIT 1
