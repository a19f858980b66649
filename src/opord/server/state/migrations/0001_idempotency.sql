-- Requests with an `Idempotency-Key`, by the digest of principal and key. `request` is the digest of what was asked for.
-- While `status` is empty, the request is under way until `lease_until` is over; then its server has died, and another
-- may take it over. `mark` says how to find out whether it was done. Instants are microseconds since 1970 UTC.
CREATE TABLE opord.server_idempotency (
    id          text PRIMARY KEY,
    principal   text NOT NULL,
    request     text NOT NULL,
    owner       text NOT NULL,
    lease_until bigint NOT NULL,
    mark        text NOT NULL,
    status      bigint,
    headers     text NOT NULL,
    body        bytea NOT NULL,
    kept_until  bigint NOT NULL
) :strict;

CREATE INDEX opord_server_idempotency_over ON opord.server_idempotency (kept_until);
CREATE INDEX opord_server_idempotency_of ON opord.server_idempotency (principal);
