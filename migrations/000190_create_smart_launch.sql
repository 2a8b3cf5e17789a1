-- +goose Up

-- What a SMART App Launch brought: an access token and whose data it is for. The
-- content is sealed with a key that only the browser holds, so that neither the
-- database nor a stolen cookie alone opens anything.
CREATE TABLE smart_launch (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    server     text        NOT NULL CHECK (server <> ''), -- name of the registered FHIR server
    person     text        NOT NULL, -- who launched; nobody else may use it
    sealed     bytea       NOT NULL, -- AES-256-GCM, nonce before, bound to id, server and person
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX smart_launch_expires_at ON smart_launch (expires_at);
