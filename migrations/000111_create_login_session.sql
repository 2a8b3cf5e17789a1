-- +goose Up

-- Logins that last. The browser holds a random token, this table its hash: whoever reads
-- it can log in as nobody. A row without a person is a login on its way to the identity
-- provider. Sessions may be lost; then people log in again.
CREATE TABLE login_session (
    token      text        PRIMARY KEY,         -- SHA-256 of the token
    person     text        NOT NULL DEFAULT '', -- person.id, or one of open access
    way        text        NOT NULL DEFAULT '' CHECK (way IN ('', 'oidc', 'passphrase', 'choose')),
    data       bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,            -- moves with use
    ends_at    timestamptz NOT NULL,            -- does not
    checked_at timestamptz NOT NULL DEFAULT now() -- when the provider last told the roles
);

CREATE INDEX login_session_person ON login_session (person) WHERE person <> '';
CREATE INDEX login_session_expires_at ON login_session (expires_at);
