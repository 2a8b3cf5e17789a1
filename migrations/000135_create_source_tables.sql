-- +goose Up

-- The source tables that a hospital imported, so that they can be taken out, changed
-- and imported again.
CREATE TABLE source_tables (
    name      text        PRIMARY KEY CHECK (name ~ '^[a-z0-9-]{1,40}$'),
    base      text        NOT NULL,
    version   text        NOT NULL,
    guideline text        NOT NULL,
    files     jsonb       NOT NULL,
    person    text        NOT NULL,
    at        timestamptz NOT NULL
);
