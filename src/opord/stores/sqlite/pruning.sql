-- The statements that find ended runs, delete them and remember their keys. They delete by number.

-- name: identity
SELECT json_quote(id) AS row FROM identity LIMIT 1

-- name: contracts_of_name
SELECT id AS row FROM contracts WHERE ?1 IS NULL OR name = ?1

-- name: ended
-- The runs of one contract that ended before an instant and need nobody, and of which no message waits. A terminated run keeps the instant at which
-- it entered its state; the instant of its end is in its journal.
SELECT json_array(run, ended_at, since, number) AS row
FROM (
    SELECT r.run AS run, h.since AS since, h.run AS number,
        CASE h.outcome
            WHEN 'terminated' THEN coalesce(
                (SELECT max(j.at) FROM journal AS j WHERE j.run = h.run AND j.kind = 'terminated'), h.since)
            ELSE h.since
        END AS ended_at
    FROM heads AS h INDEXED BY heads_ended CROSS JOIN runs AS r ON r.id = h.run
    WHERE h.status = 'ended' AND h.needs = '' AND h.contract = ?1 AND h.since < ?2 AND (h.since, h.run) > (?3, ?4)
      AND NOT EXISTS (SELECT 1 FROM opord_outbox AS m WHERE m.run = r.run)
)
WHERE ended_at < ?2
ORDER BY since, number LIMIT ?5

-- name: prunable
-- Which of these runs have ended and have not changed: their numbers and places in the batch. The
-- parameter holds arrays of run, epoch, seq, arrivals and hash.
SELECT json_array(n.key, r.id) AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value ->> 0 CROSS JOIN heads AS h ON h.run = r.id
WHERE h.status = 'ended' AND h.needs = '' AND h.epoch = n.value ->> 1 AND h.seq = n.value ->> 2
  AND h.arrivals = n.value ->> 3 AND h.hash = n.value ->> 4
  AND NOT EXISTS (SELECT 1 FROM opord_outbox AS m WHERE m.run = r.run)

-- name: prune_journal
DELETE FROM journal WHERE run IN (SELECT value FROM json_each(?1))

-- name: prune_values
DELETE FROM large_values WHERE run IN (SELECT value FROM json_each(?1))

-- name: prune_inbox
DELETE FROM inbox WHERE run IN (SELECT value FROM json_each(?1))

-- name: prune_event_keys
DELETE FROM event_keys WHERE run IN (SELECT value FROM json_each(?1))

-- name: prune_used_keys
DELETE FROM settled WHERE run IN (SELECT value FROM json_each(?1))

-- name: prune_heads
DELETE FROM heads WHERE run IN (SELECT value FROM json_each(?1))

-- name: prune_runs
DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?1))

-- name: put_tombstones
-- A key that was forgotten, used again and pruned again has the tombstone of its latest run.
INSERT INTO pruned (run, number, contract, started_at, input, state, outcome, ended_at, pruned_at, forget_at, archive)
VALUES (?1, ?2, (SELECT id FROM contracts WHERE digest = ?3 OR current = ?3), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (run) DO UPDATE SET
    number = excluded.number, contract = excluded.contract, started_at = excluded.started_at, input = excluded.input,
    state = excluded.state, outcome = excluded.outcome, ended_at = excluded.ended_at, pruned_at = excluded.pruned_at,
    forget_at = excluded.forget_at, archive = excluded.archive

-- name: tombstones
SELECT json_array(p.run, coalesce(c.current, c.digest), c.name, c.version, p.started_at, p.input, p.state, p.outcome,
                  p.ended_at, p.pruned_at, p.forget_at, p.archive) AS row
FROM json_each(?1) AS n CROSS JOIN pruned AS p ON p.run = n.value CROSS JOIN contracts AS c ON c.id = p.contract

-- name: forget
DELETE FROM pruned WHERE id IN (SELECT id FROM pruned WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2)
