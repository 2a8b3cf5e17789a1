-- +goose Up

-- How the answer of a version that ran beside differs from the one that was given:
-- [{"kind", "before", "after"}], of codes alone. [] says that they are the same.
CREATE TABLE shadow_run (
    decision_id uuid        PRIMARY KEY REFERENCES decision (id) ON DELETE CASCADE,
    shadow_id   bigint      NOT NULL REFERENCES shadow_artifact (id),
    at          timestamptz NOT NULL,
    changes     jsonb       NOT NULL
);

CREATE INDEX shadow_run_shadow ON shadow_run (shadow_id, at);
