-- +goose Up

-- A guideline is an identity only: the stable identifier that rules and citations
-- name (for example a register number). What a publisher states about it (title,
-- language, validity) changes from version to version and stands there.
CREATE TABLE guideline (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    identifier text        NOT NULL UNIQUE CHECK (identifier <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
