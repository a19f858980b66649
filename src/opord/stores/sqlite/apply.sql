-- How a batch is written: one INSERT into the view `change_set` of this connection, whose trigger does the rest.
--
-- Why so: every statement that is stepped from Python gives up the interpreter lock and has to wait for it again,
-- up to five milliseconds when another thread computes. One INSERT is one step, and being a statement of its own it is also one
-- transaction. If anything does not fit (a run has moved on, a name or key is taken) it raises a constraint
-- and leaves nothing; the store then sorts the batch and writes the changes that do fit the same way.
--
-- The columns: `texts` is one blob of UTF-8 with all long texts end to end; the others are JSON arrays of small
-- rows that say where in `texts` (counted from 1, in bytes) a text lies. Cutting a blob costs next to nothing,
-- where a JSON string would be unescaped at every level.
--   starts    [run, contract digest, started_at, input at, input bytes, epoch, seq, hash, arrivals, head...]
--   moves     [run, epoch, seq, arrivals, new epoch, new seq, new hash or null, messages put, -, head...]
--             head... = body at, body bytes, state, status, outcome, since, wake_at, worker, reason  (from index 9)
--   keeps     the first eight of `moves`: the write leaves the head as it is
--   records   [run, seq before, record, record, ...], a record being at << 33 | bytes of its body << 6 | bytes of its kind;
--             there lie its instant (18 digits), hash (64 characters), kind and body
--   takes     [run, message]            puts     [run, message, arrived, kind, body]
--   keys      [run, event, key, content] settled [run, action, key, args, result]
-- LIMIT -1 has SQLite cut a row out of its array once, not again for each of its fields.
-- CROSS JOIN keeps the order of the loops: from the rows of the batch to the run by its name, never over all runs.

CREATE TEMP VIEW change_set AS
SELECT NULL AS texts, NULL AS starts, NULL AS moves, NULL AS keeps, NULL AS records,
       NULL AS takes, NULL AS puts, NULL AS keys, NULL AS settled;

CREATE TEMP TRIGGER apply_change_set INSTEAD OF INSERT ON change_set
BEGIN
    INSERT INTO runs (run, contract, started_at, input)
    SELECT value ->> 0,
           (SELECT id FROM contracts WHERE digest = value ->> 1),
           value ->> 2,
           CAST(substr(NEW.texts, value ->> 3, value ->> 4) AS TEXT)
    FROM (SELECT value FROM json_each(NEW.starts) LIMIT -1);

    INSERT INTO heads (run, contract, epoch, seq, hash, arrivals,
                       body, state, status, outcome, since, wake_at, worker, reason)
    SELECT r.id, r.contract, s.value ->> 5, s.value ->> 6, s.value ->> 7, s.value ->> 8,
           CAST(substr(NEW.texts, s.value ->> 9, s.value ->> 10) AS TEXT),
           s.value ->> 11, s.value ->> 12, s.value ->> 13, s.value ->> 14,
           s.value ->> 15, s.value ->> 16, s.value ->> 17
    FROM (SELECT value FROM json_each(NEW.starts) LIMIT -1) AS s
    CROSS JOIN runs AS r ON r.run = s.value ->> 0;

    INSERT INTO heads (run, contract, epoch, seq, hash, arrivals,
                       body, state, status, outcome, since, wake_at, worker, reason)
    SELECT h.run, h.contract, m.value ->> 4, m.value ->> 5,
           coalesce(m.value ->> 6, h.hash), h.arrivals + (m.value ->> 7),
           CAST(substr(NEW.texts, m.value ->> 9, m.value ->> 10) AS TEXT),
           m.value ->> 11, m.value ->> 12, m.value ->> 13, m.value ->> 14,
           m.value ->> 15, m.value ->> 16, m.value ->> 17
    FROM (SELECT value FROM json_each(NEW.moves) LIMIT -1) AS m
    CROSS JOIN runs AS r ON r.run = m.value ->> 0
    CROSS JOIN heads AS h ON h.run = r.id
    WHERE h.epoch = m.value ->> 1
      AND h.seq = m.value ->> 2
      AND h.arrivals = m.value ->> 3
    ON CONFLICT (run) DO UPDATE
    SET epoch = excluded.epoch, seq = excluded.seq, hash = excluded.hash, arrivals = excluded.arrivals,
        body = excluded.body, state = excluded.state, status = excluded.status, outcome = excluded.outcome,
        since = excluded.since, wake_at = excluded.wake_at, worker = excluded.worker, reason = excluded.reason;

    SELECT RAISE(ABORT, 'a change does not fit')
    WHERE changes() <> json_array_length(NEW.moves);

    INSERT INTO heads (run, contract, epoch, seq, hash, arrivals,
                       body, state, status, outcome, since, wake_at, worker, reason)
    SELECT h.run, h.contract, k.value ->> 4, k.value ->> 5,
           coalesce(k.value ->> 6, h.hash), h.arrivals + (k.value ->> 7),
           h.body, h.state, h.status, h.outcome, h.since, h.wake_at, h.worker, h.reason
    FROM (SELECT value FROM json_each(NEW.keeps) LIMIT -1) AS k
    CROSS JOIN runs AS r ON r.run = k.value ->> 0
    CROSS JOIN heads AS h ON h.run = r.id
    WHERE h.epoch = k.value ->> 1
      AND h.seq = k.value ->> 2
      AND h.arrivals = k.value ->> 3
    ON CONFLICT (run) DO UPDATE
    SET epoch = excluded.epoch, seq = excluded.seq, hash = excluded.hash, arrivals = excluded.arrivals;

    SELECT RAISE(ABORT, 'a change does not fit')
    WHERE changes() <> json_array_length(NEW.keeps);

    INSERT INTO journal (run, seq, at, hash, kind, body)
    SELECT r.id,
           (w.value ->> 1) + p.key - 1,
           CAST(CAST(substr(NEW.texts, p.value >> 33, 18) AS TEXT) AS INTEGER),
           CAST(substr(NEW.texts, (p.value >> 33) + 18, 64) AS TEXT),
           CAST(substr(NEW.texts, (p.value >> 33) + 82, p.value & 63) AS TEXT),
           CAST(substr(NEW.texts, (p.value >> 33) + 82 + (p.value & 63), (p.value >> 6) & 134217727) AS TEXT)
    FROM (SELECT value FROM json_each(NEW.records) LIMIT -1) AS w
    CROSS JOIN runs AS r ON r.run = w.value ->> 0
    CROSS JOIN json_each(w.value) AS p
    WHERE p.key >= 2;

    UPDATE inbox SET body = NULL
    WHERE id IN (
        SELECT i.id
        FROM (SELECT value FROM json_each(NEW.takes) LIMIT -1) AS t
        CROSS JOIN runs AS r ON r.run = t.value ->> 0
        CROSS JOIN inbox AS i ON i.run = r.id AND i.message = t.value ->> 1
    );

    INSERT INTO inbox (run, message, arrived, kind, body)
    SELECT r.id, p.value ->> 1, p.value ->> 2, p.value ->> 3, p.value ->> 4
    FROM (SELECT value FROM json_each(NEW.puts) LIMIT -1) AS p
    CROSS JOIN runs AS r ON r.run = p.value ->> 0;

    INSERT INTO event_keys (run, event, key, content)
    SELECT r.id, k.value ->> 1, k.value ->> 2, k.value ->> 3
    FROM (SELECT value FROM json_each(NEW.keys) LIMIT -1) AS k
    CROSS JOIN runs AS r ON r.run = k.value ->> 0;

    INSERT INTO settled (run, action, key, args, result)
    SELECT r.id, s.value ->> 1, s.value ->> 2, s.value ->> 3, s.value ->> 4
    FROM (SELECT value FROM json_each(NEW.settled) LIMIT -1) AS s
    CROSS JOIN runs AS r ON r.run = s.value ->> 0
    WHERE true
    ON CONFLICT (run, action, key) DO NOTHING;
END;
