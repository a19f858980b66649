-- The statements of the outbox, for SQLite and PostgreSQL alike: `opord.` is the store's schema, and `$1` a parameter.
-- Messages are written by triggers, in the transaction of what they tell of; here they are read and taken out.

-- name: endpoints
SELECT e.id, e.name, e.contracts, e.moves, e.ends, e.needs, e.since, e.stopped, e.sender, e.leased_until,
  (SELECT count(*) FROM opord.outbox AS m WHERE m.endpoint = e.id AND m.given_up = 0),
  (SELECT min(m.at) FROM opord.outbox AS m WHERE m.endpoint = e.id AND m.given_up = 0),
  (SELECT count(*) FROM opord.outbox AS m WHERE m.endpoint = e.id AND m.given_up = 1)
FROM opord.endpoints AS e ORDER BY e.name

-- name: subscribed
SELECT id, name, contracts, moves, ends, needs FROM opord.endpoints ORDER BY name

-- name: subscribe
INSERT INTO opord.endpoints (name, contracts, moves, ends, needs, since) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE SET contracts = $2, moves = $3, ends = $4, needs = $5

-- name: unsubscribe
DELETE FROM opord.endpoints WHERE name = $1 RETURNING id

-- name: count_messages
SELECT count(*) FROM opord.outbox WHERE endpoint = $1

-- name: drop_messages
DELETE FROM opord.outbox WHERE endpoint = $1

-- name: drop_queue
DELETE FROM opord.queued WHERE endpoint = $1

-- name: gone_endpoints
-- The numbers of endpoints that are gone and have messages. It steps from number to number in the index, and does not read the messages.
WITH RECURSIVE told (endpoint) AS (
  SELECT min(endpoint) FROM opord.outbox
  UNION ALL
  SELECT (SELECT min(m.endpoint) FROM opord.outbox AS m WHERE m.endpoint > told.endpoint) FROM told WHERE told.endpoint IS NOT NULL
)
SELECT endpoint FROM told WHERE endpoint IS NOT NULL AND endpoint NOT IN (SELECT id FROM opord.endpoints)

-- name: any_endpoint
SELECT 1 FROM opord.endpoints LIMIT 1

-- name: free_endpoints
SELECT id, name, epoch, sender FROM opord.endpoints
WHERE name IN (:texts) AND stopped = '' AND (sender = $2 OR leased_until <= $3) ORDER BY id :for_update

-- name: lease_endpoint
UPDATE opord.endpoints SET sender = $2, epoch = $3, leased_until = $4 WHERE id = $1

-- name: give_endpoints_back
UPDATE opord.endpoints SET leased_until = 0, sender = '' WHERE sender = $1

-- name: holds_endpoint
SELECT 1 FROM opord.endpoints WHERE id = $1 AND sender = $2 AND epoch = $3 :for_update

-- name: due_messages
-- The runs whose turn has come, and of each the first message that waits.
SELECT m.id, m.endpoint, m.run, m.seq, m.what, m.at, m.attempts, m.first_at, q.next_at, m.trouble
FROM (SELECT endpoint, run, next_at FROM opord.queued WHERE endpoint = $1 AND next_at <= $2
      ORDER BY next_at, run LIMIT $3) AS q
JOIN opord.outbox AS m ON m.id = (
  SELECT f.id FROM opord.outbox AS f WHERE f.endpoint = q.endpoint AND f.run = q.run AND f.given_up = 0
  ORDER BY f.seq, f.id LIMIT 1)
ORDER BY q.next_at, q.run

-- name: next_message
SELECT min(next_at) FROM opord.queued WHERE endpoint = $1

-- name: message_done
DELETE FROM opord.outbox WHERE id = $1 AND given_up = 0 RETURNING id

-- name: message_failed
UPDATE opord.outbox SET attempts = $5, first_at = coalesce(first_at, $2), trouble = $3, given_up = $4
WHERE id = $1 AND given_up = 0 RETURNING id

-- name: one_less
UPDATE opord.queued SET messages = messages - 1, next_at = $3 WHERE endpoint = $1 AND run = $2

-- name: end_queued
DELETE FROM opord.queued WHERE endpoint = $1 AND run = $2 AND messages <= 0

-- name: put_off
UPDATE opord.queued SET next_at = $3 WHERE endpoint = $1 AND run = $2

-- name: wake_messages
UPDATE opord.queued SET next_at = $2 WHERE endpoint = $1 AND next_at > $2

-- name: stop_endpoint
UPDATE opord.endpoints SET stopped = $2, leased_until = 0, sender = '' WHERE id = $1

-- name: resume_endpoint
UPDATE opord.endpoints SET stopped = '' WHERE name = $1

-- name: endpoint_named
SELECT id FROM opord.endpoints WHERE name = $1

-- name: messages_of
SELECT m.id, m.endpoint, m.run, m.seq, m.what, m.at, m.attempts, m.first_at,
  CASE WHEN m.given_up = 0 THEN coalesce(q.next_at, 0) END, m.trouble
FROM opord.outbox AS m LEFT JOIN opord.queued AS q ON q.endpoint = m.endpoint AND q.run = m.run
WHERE m.endpoint = $1 AND m.given_up = $2 AND m.id > $3 ORDER BY m.id LIMIT $4

-- name: message
SELECT m.id, m.endpoint, m.run, m.seq, m.what, m.at, m.attempts, m.first_at,
  CASE WHEN m.given_up = 0 THEN coalesce(q.next_at, 0) END, m.trouble
FROM opord.outbox AS m LEFT JOIN opord.queued AS q ON q.endpoint = m.endpoint AND q.run = m.run
WHERE m.endpoint = $1 AND m.id = $2

-- name: retry_message
UPDATE opord.outbox SET given_up = 0, attempts = 0, first_at = NULL WHERE endpoint = $1 AND id = $2 AND given_up = 1 RETURNING endpoint, run

-- name: one_more
INSERT INTO opord.queued (endpoint, run, next_at, messages) VALUES ($1, $2, 0, 1)
ON CONFLICT (endpoint, run) DO UPDATE SET messages = opord.queued.messages + 1

-- name: drop_message
DELETE FROM opord.outbox WHERE endpoint = $1 AND id = $2 RETURNING endpoint, run, given_up

-- name: write_message
INSERT INTO opord.outbox (endpoint, run, seq, what, at) VALUES ($1, $2, $3, $4, $5)

-- name: kept_back
SELECT m.run FROM opord.outbox AS m JOIN opord.endpoints AS e ON e.id = m.endpoint WHERE m.run IN (:texts)
