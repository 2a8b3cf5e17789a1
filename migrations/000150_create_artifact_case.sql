-- +goose Up

-- Invented patients that artifacts of this site are tried with, beside those that ship:
-- a Bundle in the form that docs/REPLAY.md describes. They name the canonical urls of
-- the artifacts they belong to, without version.
CREATE TABLE artifact_case (
    id         text        PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9.-]{1,64}$'),
    artifacts  text[]      NOT NULL CHECK (cardinality(artifacts) > 0),
    title      text        NOT NULL,
    bundle     text        NOT NULL, -- as it was sent: members keep their order
    changed_by text        NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX artifact_case_artifacts ON artifact_case USING gin (artifacts);
