-- +goose Up

-- How long each kind of record is kept, where a site wants it otherwise than the
-- program would.
CREATE TABLE retention (
    kind       text        PRIMARY KEY CHECK (kind <> ''),
    days       int         NOT NULL CHECK (days > 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);
