-- +goose Up

-- Durable background work. A worker claims a row with FOR UPDATE SKIP LOCKED and holds
-- it until locked_until; a worker that dies lets the lease run out, and another one
-- resumes. Times are the database's, so that clocks of replicas do not matter.
CREATE TABLE task (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    kind         text        NOT NULL CHECK (kind <> ''),
    key          text        NOT NULL CHECK (key <> ''), -- what makes the work one: asking twice does it once
    payload      jsonb       NOT NULL DEFAULT '{}',      -- ids and settings, never patient data
    state        text        NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    attempts     int         NOT NULL DEFAULT 0,
    max_attempts int         NOT NULL DEFAULT 5 CHECK (max_attempts > 0), -- then failed, with its error, until asked again
    run_at       timestamptz NOT NULL DEFAULT now(),     -- not before; moved by back-off
    locked_until timestamptz,                            -- end of the lease, NULL when not running
    stage        text        NOT NULL DEFAULT '',        -- progress, as people are shown it
    done         bigint      NOT NULL DEFAULT 0,
    total        bigint      NOT NULL DEFAULT 0,
    error        text        NOT NULL DEFAULT '',        -- of the last attempt
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    UNIQUE (kind, key),
    CHECK ((state = 'running') = (locked_until IS NOT NULL))
);

-- Finished tasks accumulate; the two questions of a worker stay small.
CREATE INDEX task_due ON task (run_at) WHERE state = 'queued';
CREATE INDEX task_leased ON task (locked_until) WHERE state = 'running';
