-- The first schema. All instants are microseconds since 1970 UTC; bodies are canonical JSON that the store never
-- looks into. They are texts and not `jsonb`, which would change some values and refuse others.
--
-- A run is split in two rows: what never changes (`runs`, with the input, which may be large) and what changes with
-- every write (`heads`). Both go by one number, given in the order in which the store took the runs; every index
-- ends in it, so listings come newest first without sorting.
--
-- No row refers to another by a foreign key but a digest to its contract: each check would be one more look-up for
-- each row of a batch. `opord runs verify` finds what is missing.

-- Who the store is, and the server that wrote it last: a copy on another server, or a promoted standby, may lack what
-- was written here.
CREATE TABLE opord.identity (
    id       text NOT NULL,
    system   text NOT NULL,
    timeline bigint NOT NULL
);

CREATE TABLE opord.contracts (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest  text COLLATE "C" NOT NULL,
    form    integer NOT NULL,
    name    text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    sources text NOT NULL,
    UNIQUE (name, version)
);

-- A contract is known by all its digests, one for each form of digest.
CREATE TABLE opord.digests (
    digest   text COLLATE "C" PRIMARY KEY,
    contract bigint NOT NULL REFERENCES opord.contracts (id) ON DELETE CASCADE
);

CREATE INDEX digests_of_contract ON opord.digests (contract);

CREATE TABLE opord.runs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run        text COLLATE "C" NOT NULL UNIQUE,
    contract   bigint NOT NULL,
    started_at bigint NOT NULL,
    input      text NOT NULL
);

CREATE INDEX runs_of_contract ON opord.runs (contract, id);

-- While a worker steps, no column of an index changes, so that a step touches this table's own page only (a HOT
-- update): `rest_state` is empty while the run runs, and `ended_since` until it has ended. Each step of a held run moves
-- the end of its lease, `wake_at`, but not `due_at`, by which runs that are due are found: it is `wake_at` or, of a held
-- run, an earlier end of the same lease. Half of each page is left free for the new versions of its rows.
CREATE TABLE opord.heads (
    run         bigint PRIMARY KEY,
    contract    bigint NOT NULL,
    epoch       bigint NOT NULL,
    seq         bigint NOT NULL,
    arrivals    bigint NOT NULL,
    since       bigint NOT NULL,
    wake_at     bigint,
    due_at      bigint,
    ended_since bigint,
    hash        text COLLATE "C" NOT NULL,
    state       text COLLATE "C" NOT NULL,
    status      text COLLATE "C" NOT NULL,
    outcome     text COLLATE "C",
    needs       text COLLATE "C" NOT NULL,
    rest_state  text COLLATE "C",
    worker      text COLLATE "C",
    reason      text,
    body        text NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- What a worker looks for. An ended run is in it no more: claiming costs the same after a million of them.
CREATE INDEX heads_due ON opord.heads (contract, due_at, run) WHERE due_at IS NOT NULL;

-- What a person looks for.
CREATE INDEX heads_running ON opord.heads (run) WHERE status = 'running';
CREATE INDEX heads_by_status ON opord.heads (status, run) WHERE status <> 'running';
CREATE INDEX heads_by_state ON opord.heads (rest_state, run) WHERE rest_state IS NOT NULL;
CREATE INDEX heads_by_outcome ON opord.heads (outcome, run) WHERE outcome IS NOT NULL;
CREATE INDEX heads_by_needs ON opord.heads (needs, run) WHERE needs <> '';
CREATE INDEX heads_ended ON opord.heads (contract, ended_since, run) WHERE ended_since IS NOT NULL;

CREATE TABLE opord.journal (
    run  bigint NOT NULL,
    seq  bigint NOT NULL,
    at   bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (run, seq)
);

-- When the last record was written, for `opord doctor`.
CREATE INDEX journal_at ON opord.journal USING brin (at) WITH (autosummarize = on);

-- Large values of runs are kept once, by their content. Records, heads and inputs name their digests, the SHA-256 of
-- `body`.
CREATE TABLE opord.large_values (
    run    bigint NOT NULL,
    digest text COLLATE "C" NOT NULL,
    body   text NOT NULL,
    PRIMARY KEY (run, digest)
);

-- A taken message keeps its row, without its body, so that a repeated put of the same id finds it.
CREATE TABLE opord.inbox (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run     bigint NOT NULL,
    message text COLLATE "C" NOT NULL,
    arrived bigint NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    body    text,
    UNIQUE (run, message)
);

CREATE INDEX inbox_waiting ON opord.inbox (run, id) WHERE body IS NOT NULL;

CREATE TABLE opord.event_keys (
    run     bigint NOT NULL,
    event   text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (run, event, key)
);

CREATE TABLE opord.used_keys (
    run    bigint NOT NULL,
    action text COLLATE "C" NOT NULL,
    key    text COLLATE "C" NOT NULL,
    args   text NOT NULL,
    result text NOT NULL,
    PRIMARY KEY (run, action, key)
);

CREATE TABLE opord.workers (
    worker      text COLLATE "C" PRIMARY KEY,
    contracts   text[] NOT NULL,
    alive_until bigint NOT NULL,
    trouble     text NOT NULL,
    calls       text NOT NULL
);

-- The keys of pruned runs, which no other run may take before `forget_at`.
CREATE TABLE opord.pruned (
    run        text COLLATE "C" PRIMARY KEY,
    number     bigint NOT NULL,
    contract   bigint NOT NULL,
    started_at bigint NOT NULL,
    input      text NOT NULL,
    state      text NOT NULL,
    outcome    text,
    ended_at   bigint NOT NULL,
    pruned_at  bigint NOT NULL,
    forget_at  bigint NOT NULL,
    archive    text
);

CREATE INDEX pruned_to_forget ON opord.pruned (forget_at);
CREATE INDEX pruned_of_contract ON opord.pruned (contract);

-- The journal and its values only grow. Pruning and encrypting anew say that they may change them, each in its own
-- transaction.
CREATE FUNCTION opord.only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('opord.may_change', true), '') <> 'yes' THEN
        RAISE EXCEPTION 'the journal is append-only' USING HINT = 'opord prune deletes the runs that have ended';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER journal_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON opord.journal
    FOR EACH STATEMENT EXECUTE FUNCTION opord.only_grows();

CREATE TRIGGER values_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON opord.large_values
    FOR EACH STATEMENT EXECUTE FUNCTION opord.only_grows();
