-- +goose Up

-- Questions whose right answers a person has marked, to be asked again whenever the
-- guidelines or the search change. They hold no patient data.
CREATE TABLE query_set (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text        NOT NULL UNIQUE CHECK (name <> ''),
    queries    jsonb       NOT NULL DEFAULT '[]',
    revision   int         NOT NULL DEFAULT 1, -- grows with each change: two editors do not overwrite each other
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE query_run (
    id       uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    set_id   uuid        NOT NULL REFERENCES query_set (id) ON DELETE CASCADE,
    ran_at   timestamptz NOT NULL DEFAULT now(),
    reason   text        NOT NULL CHECK (reason IN ('asked', 'changed')),
    corpus   text        NOT NULL, -- what was searched; equal values are equal corpora
    program  text        NOT NULL, -- version of the program and of the table of concepts
    queries  int         NOT NULL CHECK (queries >= 0),
    report   jsonb       NOT NULL,
    results  jsonb       NOT NULL  -- what each query found, without the text
);

CREATE INDEX query_run_set ON query_run (set_id, ran_at DESC);
