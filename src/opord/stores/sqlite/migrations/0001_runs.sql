-- The first schema. All instants are microseconds since 1970 UTC; all text is UTF-8; bodies are canonical JSON
-- that the store never looks into.
--
-- A run is split in two rows: what never changes (`runs`, with the input, which may be large) and what changes
-- with every write (`heads`), so that a write does not copy the input again. Both go by one small integer,
-- given in the order in which the store took the runs; every index ends in it, so listings come newest first
-- without sorting.

CREATE TABLE contracts (
    id      INTEGER PRIMARY KEY,
    digest  TEXT NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    sources TEXT NOT NULL,
    UNIQUE (name, version)
) STRICT;

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    run        TEXT NOT NULL UNIQUE,
    contract   INTEGER NOT NULL REFERENCES contracts (id),
    started_at INTEGER NOT NULL,
    input      TEXT NOT NULL
) STRICT;

CREATE INDEX runs_of_contract ON runs (contract);

CREATE TABLE heads (
    run      INTEGER PRIMARY KEY REFERENCES runs (id),
    contract INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    hash     TEXT NOT NULL,
    arrivals INTEGER NOT NULL,
    state    TEXT NOT NULL,
    status   TEXT NOT NULL,
    outcome  TEXT,
    since    INTEGER NOT NULL,
    wake_at  INTEGER,
    worker   TEXT,
    reason   TEXT,
    body     TEXT NOT NULL
) STRICT;

-- What a worker looks for. An ended run is in it no more: claiming costs the same after a million of them.
CREATE INDEX heads_due ON heads (contract, wake_at) WHERE wake_at IS NOT NULL;

-- What a person looks for. A running run changes its state too often to pay for more than being in one list.
CREATE INDEX heads_by_status ON heads (status) WHERE status <> 'running';
CREATE INDEX heads_by_outcome ON heads (outcome) WHERE outcome IS NOT NULL;
CREATE INDEX heads_by_state ON heads (state) WHERE status <> 'running';
CREATE INDEX heads_running ON heads (run) WHERE status = 'running';

-- The journal grows at its end only, whatever run a record belongs to: a batch dirties few pages.
CREATE TABLE journal (
    id   INTEGER PRIMARY KEY,
    run  INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX journal_of_run ON journal (run, seq);

-- Append-only. Who may ever prune ended runs takes these two away for the time of that transaction.
CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_is_never_cut BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;

-- A taken message keeps its row, without its body, so that a repeated put of the same id finds it.
CREATE TABLE inbox (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES runs (id),
    message TEXT NOT NULL,
    arrived INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    body    TEXT,
    UNIQUE (run, message)
) STRICT;

CREATE INDEX inbox_waiting ON inbox (run) WHERE body IS NOT NULL;

CREATE TABLE event_keys (
    run     INTEGER NOT NULL REFERENCES runs (id),
    event   TEXT NOT NULL,
    key     TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (run, event, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE settled (
    run    INTEGER NOT NULL REFERENCES runs (id),
    action TEXT NOT NULL,
    key    TEXT NOT NULL,
    args   TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (run, action, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    worker      TEXT PRIMARY KEY,
    contracts   TEXT NOT NULL,
    alive_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
