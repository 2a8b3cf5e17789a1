-- +goose Up

-- Versions of artifacts that ran beside what is in force: answered with, recorded, and
-- shown to nobody. One at a time.
CREATE TABLE shadow_artifact (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type        text        NOT NULL,
    resource_id text        NOT NULL,
    canonical   text        NOT NULL, -- url|version
    started_by  text        NOT NULL DEFAULT '',
    started_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz
);

CREATE UNIQUE INDEX shadow_artifact_running ON shadow_artifact ((true)) WHERE ended_at IS NULL;
