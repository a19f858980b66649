-- Who is told of runs, and the messages that wait to be sent. A message is a reference to a record; the journal has the rest.
CREATE TABLE opord_endpoints (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    contracts    TEXT NOT NULL,
    moves        INTEGER NOT NULL,
    ends         INTEGER NOT NULL,
    needs        INTEGER NOT NULL,
    since        INTEGER NOT NULL,
    stopped      TEXT NOT NULL DEFAULT '',
    sender       TEXT NOT NULL DEFAULT '',
    epoch        INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE opord_outbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint INTEGER NOT NULL,
    run      TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    what     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    first_at INTEGER,
    given_up INTEGER NOT NULL DEFAULT 0,
    trouble  TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX opord_outbox_of_run ON opord_outbox (endpoint, run, given_up, seq, id);
CREATE INDEX opord_outbox_by_run ON opord_outbox (run);
CREATE INDEX opord_outbox_in_order ON opord_outbox (endpoint, given_up, id);

-- The runs with messages that wait, how many, and when the first of them is tried next.
CREATE TABLE opord_queued (
    endpoint INTEGER NOT NULL,
    run      TEXT NOT NULL,
    next_at  INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (endpoint, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX opord_queued_due ON opord_queued (endpoint, next_at, run);

CREATE TRIGGER opord_outbox_is_queued AFTER INSERT ON opord_outbox
BEGIN
    INSERT INTO opord_queued (endpoint, run, next_at, messages) VALUES (new.endpoint, new.run, 0, 1)
    ON CONFLICT (endpoint, run) DO UPDATE SET messages = messages + 1;
END;
