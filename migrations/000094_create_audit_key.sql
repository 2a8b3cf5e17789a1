-- +goose Up

-- The keys of this installation's audit trail: one for the pseudonyms of patients, one
-- to sign the chain. Made at random by the first process that needs them. With
-- CDSS_SECRET_KEY they are sealed (AES-256-GCM), and sealed again when it changes.
CREATE TABLE audit_key (
    purpose     text        PRIMARY KEY CHECK (purpose IN ('pseudonym', 'signature')),
    id          text        NOT NULL UNIQUE, -- fingerprint
    secret      bytea       NOT NULL,
    sealed_with text,                        -- names the key it is sealed with; NULL: stands as it is
    public      bytea,                       -- of a signature
    created_at  timestamptz NOT NULL DEFAULT now()
);
