-- +goose Up

-- Which resources the values of a decision were read from, how long each step took, and
-- whether the client was shown nothing. An input is now an object:
-- {"<prefetch key or part>": {"sha256", "origin", "resources", "why"}}.
ALTER TABLE decision
    ADD COLUMN used     jsonb   NOT NULL DEFAULT '[]', -- ["<reference>"], the Patient left out
    ADD COLUMN timings  jsonb   NOT NULL DEFAULT '[]', -- [{"step", "ms"}]
    ADD COLUMN shadow   boolean NOT NULL DEFAULT false;
