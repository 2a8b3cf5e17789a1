-- +goose Up

-- One FHIR resource, whatever its versions. The row stays when the resource is deleted,
-- so that its id is never given twice and its history can be read. Version 0 exists only
-- within the transaction that creates the resource.
CREATE TABLE resource (
    key        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type       text        NOT NULL CHECK (type <> ''),
    id         text        NOT NULL CHECK (id ~ '^[A-Za-z0-9.-]{1,64}$'),
    version    int         NOT NULL CHECK (version >= 0),
    deleted    boolean     NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL,
    UNIQUE (type, id)
);

CREATE INDEX resource_updated_at ON resource (type, updated_at);
