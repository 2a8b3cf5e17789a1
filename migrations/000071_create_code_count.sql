-- +goose Up

-- How often codes came, and which of them nobody could read: what a map of local codes
-- still lacks. Codes only, of no usual form none; a known one is counted without its name.
CREATE TABLE code_count (
    kind      text        NOT NULL CHECK (kind IN ('drug', 'laboratory')),
    system    text        NOT NULL DEFAULT '',
    code      text        NOT NULL DEFAULT '', -- '' with a system '' for what came as words alone
    known     boolean     NOT NULL,
    count     bigint      NOT NULL,
    last_seen timestamptz NOT NULL,
    PRIMARY KEY (kind, system, code, known)
);
