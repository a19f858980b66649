-- What a run needs from a person, as words with spaces between them, in a column of its own; empty for most runs. So the runs
-- with a need are found without reading the others, also among those that have ended.

ALTER TABLE heads ADD COLUMN needs TEXT NOT NULL DEFAULT '';

CREATE INDEX heads_by_needs ON heads (needs) WHERE needs <> '';

UPDATE heads SET needs = 'stalled' WHERE status = 'stalled' AND status <> 'running';

UPDATE heads SET needs = 'doubt'
WHERE status = 'in_doubt' AND status <> 'running' AND json_valid(body)
  AND json_extract(body, '$.pending.intent.asking') IS 1;

-- Processes of an older version that have the file open do not know the column. What they write is mended here. A write that
-- sets the column is right already, and the condition is false at its first comparisons.
CREATE TRIGGER needs_of_older_writers AFTER UPDATE OF status ON heads
WHEN NEW.needs = OLD.needs AND (NEW.status IN ('stalled', 'in_doubt') OR NEW.needs <> '')
BEGIN
    UPDATE heads SET needs = trim(
        CASE
            WHEN NEW.status = 'stalled' THEN CASE WHEN instr(NEW.needs, 'collision') THEN '' ELSE 'stalled' END
            WHEN NEW.status = 'in_doubt' AND json_valid(NEW.body)
                 AND json_extract(NEW.body, '$.pending.intent.asking') IS 1 THEN 'doubt'
            ELSE ''
        END
        || CASE WHEN instr(NEW.needs, 'alarm') THEN ' alarm' ELSE '' END
        || CASE WHEN NEW.status = 'stalled' AND instr(NEW.needs, 'collision') THEN ' collision' ELSE '' END
    )
    WHERE run = NEW.run;
END;
