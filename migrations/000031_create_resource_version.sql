-- +goose Up

-- What a resource was at one time. The body is text and not jsonb: numbers keep their
-- digits (1.50), members their order, and a reader gets the bytes that were stored.
CREATE TABLE resource_version (
    resource   bigint      NOT NULL REFERENCES resource (key) ON DELETE CASCADE,
    version    int         NOT NULL CHECK (version > 0),
    seq        bigint      GENERATED ALWAYS AS IDENTITY UNIQUE, -- order among all resources
    type       text        NOT NULL,                            -- of the resource, for the history of a type
    method     text        NOT NULL CHECK (method IN ('POST', 'PUT', 'DELETE')),
    updated_at timestamptz NOT NULL,
    body       text,                                            -- NULL: deleted
    PRIMARY KEY (resource, version),
    CHECK ((method = 'DELETE') = (body IS NULL))
);

CREATE INDEX resource_version_type ON resource_version (type, seq);
