-- +goose Up

-- What was answered, on what, and why: enough to tell later why an alert was or was not
-- shown, and nothing of the patient. Inputs are hashes; cards and checks hold codes and
-- uuids, no texts with values.
CREATE TABLE decision (
    id             uuid        PRIMARY KEY,
    created_at     timestamptz NOT NULL DEFAULT now(),
    service        text        NOT NULL,             -- id of the CDS service, or of the API that asked
    hook           text        NOT NULL DEFAULT '',
    hook_instance  text        NOT NULL DEFAULT '',  -- as the client sent it, which need not be a uuid
    client         text        NOT NULL DEFAULT '',  -- registered client; '' while everything is open
    language       text        NOT NULL CHECK (language IN ('de', 'en')),
    inputs         jsonb       NOT NULL DEFAULT '{}', -- {"<prefetch key or part>": "<sha-256>"}
    artifacts      jsonb       NOT NULL DEFAULT '[]', -- [{"url", "version"}] of the knowledge that ran
    checks_run     jsonb       NOT NULL DEFAULT '[]', -- ["<check>"]
    checks_skipped jsonb       NOT NULL DEFAULT '[]', -- [{"check", "reason", "missing": ["<fact>"]}]
    duration_ms    double precision NOT NULL DEFAULT 0,
    degraded       boolean     NOT NULL DEFAULT false, -- some check or leg did not run for a fault of ours
    cards          jsonb       NOT NULL DEFAULT '[]'   -- [{"uuid", "indicator", "topic", "suggestions": ["<uuid>"]}]
);

CREATE INDEX decision_created_at ON decision (created_at);

-- Feedback and `explain` come with the uuid of a card:
-- cards @> '[{"uuid": "…"}]'
CREATE INDEX decision_cards ON decision USING gin (cards jsonb_path_ops);
