-- +goose Up

-- What became of a card or of an option (CDS Hooks 2.0.1, Feedback). A client may send
-- the same feedback again, hours later, or for several hook instances in one call.
CREATE TABLE feedback (
    id                   bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    card                 uuid        NOT NULL, -- of the card, or of the recommendation when it came from the app
    decision_id          uuid        REFERENCES decision (id) ON DELETE SET NULL, -- NULL when the card is unknown here
    service              text        NOT NULL DEFAULT '',
    client               text        NOT NULL DEFAULT '',
    outcome              text        NOT NULL CHECK (outcome IN ('accepted', 'modified', 'overridden')), -- modified: the app only
    accepted_suggestions text[]      NOT NULL DEFAULT '{}',
    reason_system        text        NOT NULL DEFAULT '',
    reason_code          text        NOT NULL DEFAULT '',
    reason_display       text        NOT NULL DEFAULT '', -- often absent; then the display we offered
    comment              text        NOT NULL DEFAULT '', -- free text of a person: treat it as patient data
    outcome_at           timestamptz NOT NULL,
    received_at          timestamptz NOT NULL DEFAULT now(),
    -- Sent twice is stored once.
    UNIQUE (card, outcome, outcome_at)
);

CREATE INDEX feedback_decision ON feedback (decision_id);
