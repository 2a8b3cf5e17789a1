-- +goose Up

-- Signed ends of the chain (Ed25519). Whoever keeps a copy elsewhere can prove what
-- the chain held at that time, even against somebody who can write in the database.
CREATE TABLE audit_head (
    position  bigint      PRIMARY KEY,
    hash      bytea       NOT NULL CHECK (octet_length(hash) = 32),
    signed_at timestamptz NOT NULL,
    key       text        NOT NULL, -- audit_key.id
    signature bytea       NOT NULL CHECK (octet_length(signature) = 64)
);
