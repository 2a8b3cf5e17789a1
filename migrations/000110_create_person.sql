-- +goose Up

-- Who may log in, and with which roles. A row is never deleted and its id never given
-- twice: artifacts and the audit trail name people by it. Whoever logs in at an identity
-- provider has issuer and subject, whoever does so here a passphrase; one that was
-- registered and has not logged in yet may have neither.
CREATE TABLE person (
    id          text        PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9._@+-]{0,62}$'),
    display     text        NOT NULL CHECK (display <> ''),
    roles       text[]      NOT NULL DEFAULT '{}'
                CHECK (roles <@ '{viewer,clinician,curator,approver,admin,auditor}'),
    passphrase  text,                           -- argon2id in PHC form
    must_change boolean     NOT NULL DEFAULT false, -- somebody else set the passphrase
    issuer      text,
    subject     text,
    bootstrap   boolean     NOT NULL DEFAULT false, -- made on an empty database, ends when another admin comes
    disabled    boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    last_login  timestamptz,
    UNIQUE (issuer, subject),
    CHECK ((issuer IS NULL) = (subject IS NULL))
);
