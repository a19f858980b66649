-- Old runs may go. What this adds: who the store is, which runs ended when, and what stays of those that went.

-- One row. A copy of the file is the same store: its archives are those of the original.
CREATE TABLE identity (
    id TEXT NOT NULL
) STRICT;

INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));

-- The ended runs of a contract by the instant at which they entered their last state. Runs in any other status are not in
-- it, so that only the write that ends a run pays for it.
CREATE INDEX heads_ended ON heads (contract, since) WHERE status = 'ended';

-- The keys of pruned runs, which no other run may take before `forget_at`.
CREATE TABLE pruned (
    id         INTEGER PRIMARY KEY,
    run        TEXT NOT NULL UNIQUE,
    number     INTEGER NOT NULL,
    contract   INTEGER NOT NULL REFERENCES contracts (id),
    started_at INTEGER NOT NULL,
    input      TEXT NOT NULL,
    state      TEXT NOT NULL,
    outcome    TEXT,
    ended_at   INTEGER NOT NULL,
    pruned_at  INTEGER NOT NULL,
    forget_at  INTEGER NOT NULL,
    archive    TEXT
) STRICT;

CREATE INDEX pruned_to_forget ON pruned (forget_at);
CREATE INDEX pruned_by_number ON pruned (number);
