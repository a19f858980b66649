-- Limits, and who holds a permit or waits for one. A permit is held while `until` is empty; after that it counts in the
-- rate of its limit until then.
CREATE TABLE opord_limits (
    id        INTEGER PRIMARY KEY,
    contract  TEXT NOT NULL,
    call      TEXT NOT NULL,
    at_once   INTEGER,
    rate      INTEGER,
    window_us INTEGER NOT NULL,
    by_path   TEXT NOT NULL,
    UNIQUE (contract, call)
) STRICT;

CREATE TABLE opord_permits (
    permit   TEXT PRIMARY KEY,
    limit_id INTEGER NOT NULL,
    key      TEXT NOT NULL,
    worker   TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    until    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX opord_permits_of_limit ON opord_permits (limit_id, key, until);
CREATE INDEX opord_permits_held ON opord_permits (worker) WHERE until IS NULL;

-- The runs that wait, each for one permit, and maybe for one of its contract's limit, too.
CREATE TABLE opord_waits (
    run        TEXT PRIMARY KEY,
    epoch      INTEGER NOT NULL,
    limit_id   INTEGER NOT NULL,
    key        TEXT NOT NULL,
    contract   INTEGER NOT NULL,
    label      TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    also_limit INTEGER NOT NULL,
    also_key   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX opord_waits_in_order ON opord_waits (limit_id, key, contract, label, priority DESC, since, run);

-- The queues in which they wait, and from when on a look at each may help. `behind_limit` and `behind_key` say which other
-- permit its first run waits for.
CREATE TABLE opord_queues (
    limit_id     INTEGER NOT NULL,
    key          TEXT NOT NULL,
    contract     INTEGER NOT NULL,
    label        TEXT NOT NULL,
    look_at      INTEGER,
    behind_limit INTEGER,
    behind_key   TEXT,
    PRIMARY KEY (limit_id, key, contract, label)
) STRICT, WITHOUT ROWID;

CREATE INDEX opord_queues_due ON opord_queues (contract, label, look_at) WHERE look_at IS NOT NULL;
CREATE INDEX opord_queues_behind ON opord_queues (behind_limit, behind_key) WHERE behind_limit IS NOT NULL;
