-- +goose Up

-- A recommendation that a person chose to keep. It holds patient data, which nothing
-- else here does, and therefore has a date on which it goes.
CREATE TABLE saved_case (
    id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at     timestamptz NOT NULL DEFAULT now(),
    title          text        NOT NULL CHECK (title <> ''),
    language       text        NOT NULL CHECK (language IN ('de', 'en')),
    indication     text        NOT NULL DEFAULT '', -- code, for the list
    decision_id    uuid        REFERENCES decision (id) ON DELETE SET NULL,
    request        jsonb       NOT NULL DEFAULT '{}', -- what was asked, so that it can be asked again
    recommendation jsonb       NOT NULL,              -- what was answered, as it was shown
    created_by     text        NOT NULL DEFAULT '',
    delete_after   timestamptz
);

CREATE INDEX saved_case_created_at ON saved_case (created_at);
CREATE INDEX saved_case_delete_after ON saved_case (delete_after) WHERE delete_after IS NOT NULL;
CREATE INDEX saved_case_decision ON saved_case (decision_id);
