-- Who is told of runs, and the messages that wait to be sent. A message is a reference to a record; the journal has the rest.
CREATE TABLE opord.endpoints (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text COLLATE "C" NOT NULL UNIQUE,
    contracts    text COLLATE "C" NOT NULL,
    moves        integer NOT NULL,
    ends         integer NOT NULL,
    needs        integer NOT NULL,
    since        bigint NOT NULL,
    stopped      text COLLATE "C" NOT NULL DEFAULT '',
    sender       text COLLATE "C" NOT NULL DEFAULT '',
    epoch        bigint NOT NULL DEFAULT 0,
    leased_until bigint NOT NULL DEFAULT 0
);

CREATE TABLE opord.outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint bigint NOT NULL,
    run      text COLLATE "C" NOT NULL,
    seq      bigint NOT NULL,
    what     text COLLATE "C" NOT NULL,
    at       bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    first_at bigint,
    given_up integer NOT NULL DEFAULT 0,
    trouble  text COLLATE "C" NOT NULL DEFAULT ''
);

CREATE INDEX outbox_of_run ON opord.outbox (endpoint, run, given_up, seq, id);
CREATE INDEX outbox_by_run ON opord.outbox (run);
CREATE INDEX outbox_in_order ON opord.outbox (endpoint, given_up, id);

-- The runs with messages that wait, how many, and when the first of them is tried next.
CREATE TABLE opord.queued (
    endpoint bigint NOT NULL,
    run      text COLLATE "C" NOT NULL,
    next_at  bigint NOT NULL,
    messages bigint NOT NULL,
    PRIMARY KEY (endpoint, run)
);

CREATE INDEX queued_due ON opord.queued (endpoint, next_at, run);

CREATE FUNCTION opord.queue_message() RETURNS trigger LANGUAGE plpgsql AS $queue$
BEGIN
    INSERT INTO opord.queued AS q (endpoint, run, next_at, messages)
    SELECT n.endpoint, n.run, 0, count(*) FROM new_messages AS n GROUP BY n.endpoint, n.run ORDER BY 1, 2
    ON CONFLICT (endpoint, run) DO UPDATE SET messages = q.messages + excluded.messages;
    RETURN NULL;
END
$queue$;

CREATE TRIGGER outbox_is_queued AFTER INSERT ON opord.outbox REFERENCING NEW TABLE AS new_messages
    FOR EACH STATEMENT EXECUTE FUNCTION opord.queue_message();

CREATE FUNCTION opord.tell_of_records() RETURNS trigger LANGUAGE plpgsql AS $records$
BEGIN
    INSERT INTO opord.outbox (endpoint, run, seq, what, at)
    SELECT e.id, r.run, n.seq, CASE n.kind WHEN 'alarm' THEN 'alarm' ELSE 'move' END, n.at
    FROM new_records AS n JOIN opord.runs AS r ON r.id = n.run JOIN opord.heads AS h ON h.run = r.id
    JOIN opord.contracts AS c ON c.id = r.contract CROSS JOIN opord.endpoints AS e
    WHERE n.kind IN ('started', 'transition', 'terminated', 'alarm')
      AND (e.contracts = '' OR position(' ' || c.name || ' ' IN e.contracts) > 0)
      AND CASE n.kind WHEN 'alarm' THEN e.needs = 1 ELSE e.moves = 1 OR (e.ends = 1 AND h.status = 'ended') END
    ORDER BY r.run, n.seq;
    RETURN NULL;
END
$records$;

CREATE FUNCTION opord.tell_of_needs() RETURNS trigger LANGUAGE plpgsql AS $needs$
BEGIN
    INSERT INTO opord.outbox (endpoint, run, seq, what, at)
    SELECT e.id, r.run, new.seq, reason, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
    FROM opord.runs AS r JOIN opord.contracts AS c ON c.id = r.contract CROSS JOIN opord.endpoints AS e
    CROSS JOIN unnest(ARRAY['doubt', 'stalled', 'collision']) AS reason
    WHERE r.id = new.run AND (e.contracts = '' OR position(' ' || c.name || ' ' IN e.contracts) > 0) AND e.needs = 1
      AND position(' ' || reason || ' ' IN ' ' || new.needs || ' ') > 0
      AND position(' ' || reason || ' ' IN ' ' || old.needs || ' ') = 0;
    RETURN NULL;
END
$needs$;

-- A store without an endpoint has no triggers on its runs, and pays nothing. Only the tables' owner may make one, so this does
-- it in his name.
CREATE FUNCTION opord.tell(on_or_off boolean) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $tell$
BEGIN
    IF on_or_off = EXISTS (SELECT 1 FROM pg_trigger
                           WHERE tgname = 'outbox_of_records' AND tgrelid = 'opord.journal'::regclass) THEN
        RETURN;
    END IF;
    IF on_or_off THEN
        CREATE TRIGGER outbox_of_records AFTER INSERT ON opord.journal REFERENCING NEW TABLE AS new_records
            FOR EACH STATEMENT EXECUTE FUNCTION opord.tell_of_records();
        CREATE TRIGGER outbox_of_needs AFTER UPDATE ON opord.heads FOR EACH ROW
            WHEN (new.needs IS DISTINCT FROM old.needs AND new.needs NOT IN ('', 'alarm'))
            EXECUTE FUNCTION opord.tell_of_needs();
    ELSE
        DROP TRIGGER outbox_of_records ON opord.journal;
        DROP TRIGGER outbox_of_needs ON opord.heads;
    END IF;
END
$tell$;

REVOKE EXECUTE ON FUNCTION opord.tell(boolean) FROM PUBLIC;
