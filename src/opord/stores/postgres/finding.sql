-- Indexes on what JSON has at a place, and the queries that need them.
--
-- The data of a state are found by the records that wrote them, and compared with those of the present state. An index on
-- `heads` would cost every step of every run: its page is written alone as long as no index looks at what changes.
--
-- An index has the beginning of a value only: a longer entry is refused, and with it the write of the run.

-- name: index_state
CREATE INDEX CONCURRENTLY :index ON opord.journal ((:in_new)) WHERE kind IN ('started', 'transition') AND (:in_new) IS NOT NULL

-- name: index_input
CREATE INDEX CONCURRENTLY :index ON opord.runs ((:in_input)) WHERE (:in_input) IS NOT NULL

-- name: index_deliveries
CREATE INDEX CONCURRENTLY :index ON opord.event_keys (key, event) WHERE left(event, 1) = '@'

-- name: drop_index
DROP INDEX CONCURRENTLY IF EXISTS opord.:index

-- name: try_lock
SELECT pg_try_advisory_lock($1)

-- name: unlock
SELECT pg_advisory_unlock($1)

-- name: has_index
-- An index whose making was broken off is not valid.
SELECT i.indisvalid FROM pg_index AS i WHERE i.indexrelid = to_regclass($1)

-- name: live_by_state
SELECT DISTINCT r.run FROM opord.journal AS j JOIN opord.heads AS h ON h.run = j.run
JOIN opord.runs AS r ON r.id = j.run JOIN opord.contracts AS c ON c.id = h.contract
WHERE j.kind IN ('started', 'transition') AND (:in_record) IS NOT NULL AND (:in_record) = :wanted
  AND h.status <> 'ended' AND (:in_state) = :wanted AND c.name = $2 LIMIT $3

-- name: live_by_input
-- A field of the state hides a parameter of the same name.
SELECT r.run FROM opord.runs AS r JOIN opord.heads AS h ON h.run = r.id JOIN opord.contracts AS c ON c.id = h.contract
WHERE (:in_input) IS NOT NULL AND (:in_input) = :wanted AND h.status <> 'ended' AND c.name = $2
  AND (h.body::json #> :first_in_state) IS NULL LIMIT $3

-- name: delivered
SELECT r.run FROM opord.event_keys AS k JOIN opord.runs AS r ON r.id = k.run
WHERE left(k.event, 1) = '@' AND k.key = $2 AND k.event = $1 LIMIT 1
