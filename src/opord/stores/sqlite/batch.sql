-- The statements that write a batch. Each is run over many rows in one transaction. They use the
-- numbers of runs. The first statement fetches the numbers and guards of all runs: one look-up by name
-- for each change. With the run's name in every row it would be one look-up for each record.

-- name: positions
-- Where these runs stand: their numbers and guards. A new run gets the number after the highest.
SELECT json_array(r.run, r.id, h.epoch, h.seq, h.arrivals) AS row
FROM json_each(?1) AS n CROSS JOIN runs AS r ON r.run = n.value CROSS JOIN heads AS h ON h.run = r.id

-- name: highest
-- A pruned run keeps its number as long as its key is kept, so the order of starts does not change.
SELECT max(coalesce((SELECT max(id) FROM runs), 0), coalesce((SELECT max(number) FROM pruned), 0)) AS row

-- name: contract_ids
SELECT json_array(d.value, c.id) AS row
FROM json_each(?1) AS d CROSS JOIN contracts AS c ON c.digest = d.value OR c.current = d.value

-- name: start_run
INSERT INTO runs (id, run, contract, started_at, input) VALUES (?, ?, ?, ?, ?)

-- name: start_head
INSERT INTO heads (run, contract, epoch, seq, hash, arrivals,
                   state, status, outcome, since, wake_at, worker, reason, body, needs, priority, label)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: move
-- A write with a new head. Without records the hash stays.
UPDATE heads
SET epoch = ?, seq = ?, hash = coalesce(?, hash), arrivals = ?,
    state = ?, status = ?, outcome = ?, since = ?, wake_at = ?, worker = ?, reason = ?, body = ?, needs = ?
WHERE run = ?

-- name: keep
-- A write that leaves the head as it is.
UPDATE heads SET epoch = ?, seq = ?, hash = coalesce(?, hash), arrivals = ? WHERE run = ?

-- name: record
INSERT INTO journal (run, seq, at, kind, body, hash) VALUES (?, ?, ?, ?, ?, ?)

-- name: keep_value
-- A value's digest is that of its content, so an existing row is the same value.
INSERT INTO large_values (run, digest, body) VALUES (?, ?, ?) ON CONFLICT (run, digest) DO NOTHING

-- name: take
UPDATE inbox SET body = NULL WHERE run = ? AND message = ?

-- name: put
INSERT INTO inbox (run, message, arrived, kind, body) VALUES (?, ?, ?, ?, ?)

-- name: claim_key
INSERT INTO event_keys (run, event, key, content) VALUES (?, ?, ?, ?)

-- name: put_used_keys
-- The first effect under a key is the one that counts.
INSERT INTO settled (run, action, key, args, result) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run, action, key) DO NOTHING
