-- When and where a run is carried: runs of a higher priority go first, and a worker takes the runs of its labels alone. An
-- empty label is none. Both stay as they are from the start of a run on, so the index changes with no step.
ALTER TABLE opord.heads ADD COLUMN priority integer NOT NULL DEFAULT 0;
ALTER TABLE opord.heads ADD COLUMN label text COLLATE "C" NOT NULL DEFAULT '';

DROP INDEX opord.heads_due;
CREATE INDEX heads_due ON opord.heads (contract, label, priority, due_at, run) WHERE due_at IS NOT NULL;

-- Runs with a label alone are in these, so that the others pay nothing for them.
CREATE INDEX heads_by_label ON opord.heads (label, run) WHERE label <> '';
CREATE INDEX heads_live_by_label ON opord.heads (contract, label) WHERE label <> '' AND ended_since IS NULL;

-- The labels whose runs a worker takes. One of an older version does not say so.
ALTER TABLE opord.workers ADD COLUMN labels text[] NOT NULL DEFAULT ARRAY[''];
