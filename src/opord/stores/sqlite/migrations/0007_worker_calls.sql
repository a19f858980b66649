-- The calls of effects that a worker is making, in the kernel's own JSON, as it last said; empty if none lasts.

ALTER TABLE workers ADD COLUMN calls TEXT NOT NULL DEFAULT '';
