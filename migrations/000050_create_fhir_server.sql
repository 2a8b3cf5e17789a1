-- +goose Up

-- FHIR servers this one may read from. Nothing else is ever asked, whatever a call says.
CREATE TABLE fhir_server (
    name       text        PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    base_url   text        NOT NULL UNIQUE, -- without a slash behind; https unless it was said to be http
    client_id  text        NOT NULL DEFAULT '', -- ours at the server's authorization server; '' when not known
    auth       text        NOT NULL DEFAULT 'none' CHECK (auth IN ('none', 'bearer', 'basic')),
    secret     bytea,      -- AES-256-GCM, nonce before, bound to the name; NULL when there is none
    secret_key text,       -- names the key it is sealed with
    allow      cidr[]      NOT NULL DEFAULT '{}', -- networks that may be dialled besides public addresses
    disabled   boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((auth = 'none') = (secret IS NULL)),
    CHECK ((secret IS NULL) = (secret_key IS NULL))
);
