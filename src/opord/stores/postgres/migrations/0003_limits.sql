-- Limits, and who holds a permit or waits for one. A permit is held while `until` is empty; after that it counts in the
-- rate of its limit until then.
CREATE TABLE opord.limits (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contract  text COLLATE "C" NOT NULL,
    call      text COLLATE "C" NOT NULL,
    at_once   bigint,
    rate      bigint,
    window_us bigint NOT NULL,
    by_path   text COLLATE "C" NOT NULL,
    UNIQUE (contract, call)
);

CREATE TABLE opord.permits (
    permit   text COLLATE "C" PRIMARY KEY,
    limit_id bigint NOT NULL,
    key      text COLLATE "C" NOT NULL,
    worker   text COLLATE "C" NOT NULL,
    given_at bigint NOT NULL,
    until    bigint
);

CREATE INDEX permits_of_limit ON opord.permits (limit_id, key, until);
CREATE INDEX permits_held ON opord.permits (worker) WHERE until IS NULL;

-- The runs that wait, each for one permit, and maybe for one of its contract's limit, too.
CREATE TABLE opord.waits (
    run        text COLLATE "C" PRIMARY KEY,
    epoch      bigint NOT NULL,
    limit_id   bigint NOT NULL,
    key        text COLLATE "C" NOT NULL,
    contract   bigint NOT NULL,
    label      text COLLATE "C" NOT NULL,
    priority   bigint NOT NULL,
    since      bigint NOT NULL,
    also_limit bigint NOT NULL,
    also_key   text COLLATE "C" NOT NULL
);

CREATE INDEX waits_in_order ON opord.waits (limit_id, key, contract, label, priority DESC, since, run);

-- The queues in which they wait, and from when on a look at each may help. `behind_limit` and `behind_key` say which other
-- permit its first run waits for.
CREATE TABLE opord.queues (
    limit_id     bigint NOT NULL,
    key          text COLLATE "C" NOT NULL,
    contract     bigint NOT NULL,
    label        text COLLATE "C" NOT NULL,
    look_at      bigint,
    behind_limit bigint,
    behind_key   text COLLATE "C",
    PRIMARY KEY (limit_id, key, contract, label)
);

CREATE INDEX queues_due ON opord.queues (contract, label, look_at) WHERE look_at IS NOT NULL;
CREATE INDEX queues_behind ON opord.queues (behind_limit, behind_key) WHERE behind_limit IS NOT NULL;
