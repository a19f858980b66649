-- What limits need of runs, contracts and workers; the statements of limits themselves are in `stores/permits.sql`.

-- name: contract_numbers
SELECT id FROM contracts WHERE digest IN (:texts) OR current IN (:texts)

-- name: standings
SELECT r.run, h.epoch, h.worker, h.status = 'ended'
FROM runs AS r CROSS JOIN heads AS h ON h.run = r.id WHERE r.run IN (:texts)

-- name: wake_run
UPDATE heads SET wake_at = $3
WHERE run = (SELECT id FROM runs WHERE run = $1) AND epoch = $2 AND worker IS NULL AND status <> 'ended'

-- name: live_workers
SELECT worker FROM workers WHERE alive_until > $1

-- name: claim_run
UPDATE heads SET epoch = epoch + 1, worker = $3, wake_at = $4
WHERE run = (SELECT id FROM runs WHERE run = $1) AND epoch = $2 AND worker IS NULL AND status <> 'ended'
RETURNING 1
