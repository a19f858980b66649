-- Who may ask: tokens, one-use links, and the trail of what was done.

-- `roles` and `contracts` are JSON arrays; `contracts` is empty for all. `digest` is the SHA-256 of the secret.
CREATE TABLE opord.server_tokens (
   id         text PRIMARY KEY,
   name       text NOT NULL,
   roles      text NOT NULL,
   contracts  text NOT NULL,
   digest     bytea NOT NULL,
   made_at    bigint NOT NULL,
   made_by    text NOT NULL,
   expires_at bigint,
   revoked_at bigint,
   revoked_by text NOT NULL
) :strict;

-- The keys that sign links; the newest signs, and a link holds while its key is here.
CREATE TABLE opord.server_link_keys (
   id      text PRIMARY KEY,
   secret  bytea NOT NULL,
   made_at bigint NOT NULL
) :strict;

-- `entered` is the instant at which the run came into `state`: a link is for that stay alone. `args` is a JSON object.
CREATE TABLE opord.server_links (
   id         text PRIMARY KEY,
   key        text NOT NULL,
   run        text NOT NULL,
   event      text NOT NULL,
   actor      text NOT NULL,
   role       text NOT NULL,
   args       text NOT NULL,
   state      text NOT NULL,
   entered    bigint NOT NULL,
   made_at    bigint NOT NULL,
   made_by    text NOT NULL,
   expires_at bigint NOT NULL,
   spent_at   bigint
) :strict;

CREATE INDEX opord_server_links_over ON opord.server_links (expires_at);

-- What was done over HTTP. `status` is empty until the outcome is known, and for good if the server died before.
-- `id` is a UUID of version 7, so its order is that of time.
CREATE TABLE opord.server_audit (
   id      text PRIMARY KEY,
   at      bigint NOT NULL,
   actor   text NOT NULL,
   token   text NOT NULL,
   address text NOT NULL,
   act     text NOT NULL,
   run     text NOT NULL,
   reason  text NOT NULL,
   status  bigint,
   code    text NOT NULL
) :strict;

CREATE INDEX opord_server_audit_of_actor ON opord.server_audit (actor, id);
CREATE INDEX opord_server_audit_of_run ON opord.server_audit (run, id);
