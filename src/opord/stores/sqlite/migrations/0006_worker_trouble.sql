-- What keeps a worker from going on, in words, as it last said; empty if nothing does.

ALTER TABLE workers ADD COLUMN trouble TEXT NOT NULL DEFAULT '';
