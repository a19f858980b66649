-- What the outbox needs of this store. The two triggers write the messages in the transaction of what they tell of. They are
-- there as long as there is an endpoint, so that a store without one pays nothing.

-- name: begin_telling
CREATE TRIGGER IF NOT EXISTS opord_outbox_of_records AFTER INSERT ON journal
WHEN new.kind IN ('started', 'transition', 'terminated', 'alarm')
BEGIN
    INSERT INTO opord_outbox (endpoint, run, seq, what, at)
    SELECT e.id, r.run, new.seq, CASE new.kind WHEN 'alarm' THEN 'alarm' ELSE 'move' END, new.at
    FROM runs AS r CROSS JOIN heads AS h ON h.run = r.id CROSS JOIN contracts AS c ON c.id = r.contract
    CROSS JOIN opord_endpoints AS e
    WHERE r.id = new.run AND (e.contracts = '' OR instr(e.contracts, ' ' || c.name || ' ') > 0)
      AND CASE new.kind WHEN 'alarm' THEN e.needs ELSE e.moves OR (e.ends AND h.status = 'ended') END;
END;
CREATE TRIGGER IF NOT EXISTS opord_outbox_of_needs AFTER UPDATE OF needs ON heads
WHEN new.needs <> old.needs AND new.needs NOT IN ('', 'alarm')
BEGIN
    INSERT INTO opord_outbox (endpoint, run, seq, what, at)
    SELECT e.id, r.run, new.seq, n.reason, CAST(unixepoch('subsec') * 1000000 AS INTEGER)
    FROM runs AS r CROSS JOIN contracts AS c ON c.id = r.contract CROSS JOIN opord_endpoints AS e
    CROSS JOIN (SELECT 'doubt' AS reason UNION ALL SELECT 'stalled' UNION ALL SELECT 'collision') AS n
    WHERE r.id = new.run AND (e.contracts = '' OR instr(e.contracts, ' ' || c.name || ' ') > 0) AND e.needs
      AND instr(' ' || new.needs || ' ', ' ' || n.reason || ' ') > 0
      AND instr(' ' || old.needs || ' ', ' ' || n.reason || ' ') = 0;
END

-- name: end_telling
DROP TRIGGER IF EXISTS opord_outbox_of_records;
DROP TRIGGER IF EXISTS opord_outbox_of_needs
