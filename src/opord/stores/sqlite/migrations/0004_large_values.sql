-- Large values of runs are kept once, by their content. Records, heads and inputs name their digests, the SHA-256 of `body`;
-- what was written before this has its values in place, and stays as it is.

CREATE TABLE large_values (
    id     INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES runs (id),
    digest TEXT NOT NULL,
    body   TEXT NOT NULL,
    UNIQUE (run, digest)
) STRICT;

-- As much a part of the journal as the records that name them.
CREATE TRIGGER values_are_never_changed BEFORE UPDATE ON large_values
BEGIN
    SELECT RAISE(ABORT, 'the values of a journal are never changed');
END;

CREATE TRIGGER values_are_never_cut BEFORE DELETE ON large_values
BEGIN
    SELECT RAISE(ABORT, 'the values of a journal are never deleted');
END;
