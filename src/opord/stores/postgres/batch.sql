-- The parts of the one statement that writes a batch. `batch.py` joins those that a batch needs, in this order. Each
-- list comes as one parameter of JSON.
--
-- Everything is written, or nothing: `gate` says whether the whole batch fits. Where it does not, the batch is looked
-- at change by change. Tables are read by lists of keys, as `queries.sql` says. The heads are written by the place of
-- their rows (`ctid`), which is as quick for a thousand rows as for one; a row that somebody changed since the
-- statement began is at another place than the one that was locked, and does not fit.

-- part: writes
w AS MATERIALIZED (
  SELECT * FROM json_to_recordset(:writes::json) AS w (
    n int, run text, epoch bigint, seq bigint, arrivals bigint, new_epoch bigint, new_seq bigint, hash text, puts int,
    keep bool, state text, status text, outcome text, since bigint, wake_at bigint, worker text, reason text, body text,
    needs text, rest_state text, ended_since bigint)
), found AS MATERIALIZED (
  SELECT r.id, r.run FROM opord.runs AS r WHERE r.run = ANY (ARRAY(SELECT run FROM w))
), locked AS MATERIALIZED (
  SELECT h.run AS id, h.ctid AS place, h.epoch, h.seq, h.arrivals FROM opord.heads AS h
  WHERE h.run = ANY (ARRAY(SELECT id FROM found)) ORDER BY h.run FOR UPDATE
), seen AS MATERIALIZED (
  SELECT h.ctid AS place FROM opord.heads AS h WHERE h.run = ANY (ARRAY(SELECT id FROM found))
), fits AS MATERIALIZED (
  SELECT w.*, f.id, l.place
  FROM w JOIN found AS f ON f.run = w.run JOIN locked AS l ON l.id = f.id JOIN seen ON seen.place = l.place
  WHERE l.epoch = w.epoch AND l.seq = w.seq AND (w.arrivals IS NULL OR l.arrivals = w.arrivals)
)

-- part: starts
s AS MATERIALIZED (
  SELECT * FROM json_to_recordset(:starts::json) AS s (
    n int, run text, contract text, started_at bigint, input text, epoch bigint, seq bigint, hash text, arrivals bigint,
    state text, status text, outcome text, since bigint, wake_at bigint, worker text, reason text, body text,
    needs text, rest_state text, ended_since bigint, priority int, label text)
), known AS MATERIALIZED (
  SELECT d.digest, c.id FROM opord.digests AS d JOIN opord.contracts AS c ON c.id = d.contract
  WHERE d.digest = ANY (ARRAY(SELECT contract FROM s)) FOR KEY SHARE OF c
)

-- gate: writes
(SELECT count(*) FROM fits) = (SELECT count(*) FROM w)

-- gate: starts
(SELECT count(*) FROM s JOIN known ON known.digest = s.contract) = (SELECT count(*) FROM s)
AND NOT EXISTS (SELECT 1 FROM opord.runs WHERE run = ANY (ARRAY(SELECT run FROM s)))
AND NOT EXISTS (SELECT 1 FROM opord.pruned WHERE run = ANY (ARRAY(SELECT run FROM s)))

-- gate: puts
NOT EXISTS (SELECT 1 FROM p JOIN fits AS f ON f.n = p.n CROSS JOIN LATERAL (
              SELECT 1 FROM opord.inbox WHERE run = f.id AND message = p.message OFFSET 0) AS i)

-- gate: event_keys
NOT EXISTS (SELECT 1 FROM e JOIN fits AS f ON f.n = e.n CROSS JOIN LATERAL (
              SELECT 1 FROM opord.event_keys WHERE run = f.id AND event = e.event AND key = e.key OFFSET 0) AS k)

-- list: puts
p AS MATERIALIZED (
  SELECT * FROM json_to_recordset(:puts::json) AS p (n int, place int, message text, arrived bigint, kind text, body text)
)

-- list: event_keys
e AS MATERIALIZED (
  SELECT * FROM json_to_recordset(:event_keys::json) AS e (n int, event text, key text, content text)
)

-- do: writes
moved AS (
  UPDATE opord.heads AS h SET
    epoch = f.new_epoch, seq = f.new_seq, arrivals = h.arrivals + f.puts, hash = coalesce(f.hash, h.hash),
    state = CASE WHEN f.keep THEN h.state ELSE f.state END,
    status = CASE WHEN f.keep THEN h.status ELSE f.status END,
    outcome = CASE WHEN f.keep THEN h.outcome ELSE f.outcome END,
    since = CASE WHEN f.keep THEN h.since ELSE f.since END,
    wake_at = CASE WHEN f.keep THEN h.wake_at ELSE f.wake_at END,
    due_at = CASE WHEN f.keep OR (f.worker = h.worker AND h.due_at > :now::bigint AND h.due_at <= f.wake_at) THEN h.due_at
                  ELSE f.wake_at END,
    worker = CASE WHEN f.keep THEN h.worker ELSE f.worker END,
    reason = CASE WHEN f.keep THEN h.reason ELSE f.reason END,
    body = CASE WHEN f.keep THEN h.body ELSE f.body END,
    needs = CASE WHEN f.keep THEN h.needs ELSE f.needs END,
    rest_state = CASE WHEN f.keep THEN h.rest_state ELSE f.rest_state END,
    ended_since = CASE WHEN f.keep THEN h.ended_since ELSE f.ended_since END
  FROM fits AS f
  WHERE h.ctid = f.place AND (SELECT ok FROM gate)
  RETURNING f.n, h.run AS id, h.arrivals
)

-- do: starts
begun AS (
  INSERT INTO opord.runs (run, contract, started_at, input)
  SELECT s.run, known.id, s.started_at, s.input FROM s JOIN known ON known.digest = s.contract
  WHERE (SELECT ok FROM gate) ORDER BY s.n
  RETURNING id, run, contract
), first_heads AS (
  INSERT INTO opord.heads (run, contract, epoch, seq, arrivals, since, wake_at, due_at, ended_since, hash, state, status, outcome,
                           needs, rest_state, worker, reason, body, priority, label)
  SELECT b.id, b.contract, s.epoch, s.seq, s.arrivals, s.since, s.wake_at, s.wake_at, s.ended_since, s.hash, s.state, s.status,
         s.outcome, s.needs, s.rest_state, s.worker, s.reason, s.body, s.priority, s.label
  FROM begun AS b JOIN s ON s.run = b.run
), started AS MATERIALIZED (
  SELECT s.n, b.id, s.arrivals FROM begun AS b JOIN s ON s.run = b.run
)

-- do: records
records AS (
  INSERT INTO opord.journal (run, seq, at, kind, hash, body)
  SELECT d.id, x.seq, x.at, x.kind, x.hash, x.body
  FROM json_to_recordset(:records::json) AS x (n int, seq bigint, at bigint, kind text, hash text, body text)
  JOIN done AS d ON d.n = x.n
)

-- do: values
kept_values AS (
  INSERT INTO opord.large_values (run, digest, body)
  SELECT d.id, x.digest, x.body FROM json_to_recordset(:values::json) AS x (n int, digest text, body text)
  JOIN done AS d ON d.n = x.n
  ON CONFLICT (run, digest) DO NOTHING
)

-- do: takes
taken AS (
  UPDATE opord.inbox AS i SET body = NULL WHERE i.id = ANY (ARRAY(
    SELECT m.id FROM json_to_recordset(:takes::json) AS x (n int, message text) JOIN done AS d ON d.n = x.n
    CROSS JOIN LATERAL (SELECT id FROM opord.inbox WHERE run = d.id AND message = x.message OFFSET 0) AS m))
)

-- do: puts
arrived AS (
  INSERT INTO opord.inbox (run, message, arrived, kind, body)
  SELECT d.id, p.message, p.arrived, p.kind, p.body FROM p JOIN done AS d ON d.n = p.n ORDER BY p.n, p.place
)

-- do: event_keys
claimed_keys AS (
  INSERT INTO opord.event_keys (run, event, key, content)
  SELECT d.id, e.event, e.key, e.content FROM e JOIN done AS d ON d.n = e.n
)

-- do: used_keys
-- The first effect under a key is the one that counts.
used AS (
  INSERT INTO opord.used_keys (run, action, key, args, result)
  SELECT d.id, x.action, x.key, x.args, x.result
  FROM json_to_recordset(:used_keys::json) AS x (n int, action text, key text, args text, result text)
  JOIN done AS d ON d.n = x.n
  ON CONFLICT (run, action, key) DO NOTHING
)
