-- What a run needs from a person, as words with spaces between them, in a column of its own; empty for most runs. So the runs
-- with a need are found without reading the others, also among those that have ended.

ALTER TABLE heads ADD COLUMN needs TEXT NOT NULL DEFAULT '';

CREATE INDEX heads_by_needs ON heads (needs) WHERE needs <> '';

UPDATE heads SET needs = 'stalled' WHERE status = 'stalled' AND status <> 'running';

UPDATE heads SET needs = 'doubt'
WHERE status = 'in_doubt' AND status <> 'running' AND json_valid(body)
  AND json_extract(body, '$.pending.intent.asking') IS 1;
