-- A contract's content has a form of its own, and its digest no longer follows how Opord is written inside.
--
-- `digest` stays as it was stored, and `form` says in which form it was computed: 0 is the one before there were forms.
-- `current` is the digest of the same contract in form 1, where `digest` is in an older form. Both name the same contract.
-- It is empty where the text could not be read; the row then goes by its digest as before.
-- The digests of what is stored are computed behind this, in the same transaction, by `forms.py`.

ALTER TABLE contracts ADD COLUMN form INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contracts ADD COLUMN current TEXT;

CREATE UNIQUE INDEX contracts_by_current ON contracts (current) WHERE current IS NOT NULL;
