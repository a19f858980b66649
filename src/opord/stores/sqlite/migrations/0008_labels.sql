-- When and where a run is carried: runs of a higher priority go first, and a worker takes the runs of its labels alone. An
-- empty label is none. Both stay as they are from the start of a run on.
--
-- The index has the name of the one whose place it takes: an older process that has the store open names it in its
-- statements.

ALTER TABLE heads ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE heads ADD COLUMN label TEXT NOT NULL DEFAULT '';

DROP INDEX heads_due;
CREATE INDEX heads_due ON heads (contract, label, priority, wake_at) WHERE wake_at IS NOT NULL;

-- Runs with a label alone are in these, so that the others pay nothing for them.
CREATE INDEX heads_by_label ON heads (label) WHERE label <> '';
CREATE INDEX heads_live_by_label ON heads (contract, label) WHERE label <> '' AND status <> 'ended';

-- The labels whose runs a worker takes. One of an older version does not say so.
ALTER TABLE workers ADD COLUMN labels TEXT NOT NULL DEFAULT '[""]';
