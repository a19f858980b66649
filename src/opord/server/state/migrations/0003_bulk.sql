-- Sets of runs that somebody acts upon together, as they were when the set was made; see `bulk.py`. Of a run, `will` is 0 if
-- it would have refused, and `code` and `why` say why; `outcome` is what became of it. Instants are microseconds since 1970
-- UTC.
CREATE TABLE opord.server_bulk (
    id           text PRIMARY KEY,
    principal    text NOT NULL,
    verb         text NOT NULL,
    args         text NOT NULL,
    reason       text NOT NULL,
    made_at      bigint NOT NULL,
    confirmed_at bigint,
    stopped_at   bigint,
    ended_at     bigint,
    owner        text NOT NULL,
    lease_until  bigint NOT NULL,
    kept_until   bigint NOT NULL
) :strict;

CREATE INDEX opord_server_bulk_of ON opord.server_bulk (principal);
CREATE INDEX opord_server_bulk_over ON opord.server_bulk (kept_until);

CREATE TABLE opord.server_bulk_runs (
    bulk    text NOT NULL,
    n       bigint NOT NULL,
    run     text NOT NULL,
    seq     bigint NOT NULL,
    state   text NOT NULL,
    will    bigint NOT NULL,
    outcome text,
    code    text NOT NULL,
    why     text NOT NULL,
    PRIMARY KEY (bulk, n)
) :strict;

CREATE INDEX opord_server_bulk_left ON opord.server_bulk_runs (bulk, n) WHERE outcome IS NULL AND will = 1;
