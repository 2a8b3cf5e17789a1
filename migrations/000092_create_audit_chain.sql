-- +goose Up

-- The chain: hash = SHA-256(hash before || all of the event), 32 zero bytes standing
-- before the first. Positions have no gap. Events get their link a moment after they
-- were committed, from one process at a time, so that no writer waits for another.
-- A link outlives its event when that is deleted after its time (retention).
CREATE TABLE audit_chain (
    position bigint PRIMARY KEY CHECK (position > 0),
    event    bigint NOT NULL UNIQUE, -- audit_event.seq
    hash     bytea  NOT NULL CHECK (octet_length(hash) = 32)
);

-- Events without a link. Sequence numbers do not tell which those are: a transaction
-- that took its number early may commit late.
CREATE TABLE audit_pending (
    event bigint PRIMARY KEY
);
