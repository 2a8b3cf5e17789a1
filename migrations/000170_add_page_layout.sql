-- +goose Up

-- Where the words of a printed page stand on it, so that a citation is highlighted
-- from what was read and never by searching the page again.
ALTER TABLE guideline_page
    ADD COLUMN width  real   NOT NULL DEFAULT 0, -- points, as the page is shown; 0 when the format has no pages
    ADD COLUMN height real   NOT NULL DEFAULT 0,
    ADD COLUMN words  bytea,                     -- rag/parse.PackWords
    ADD COLUMN flags  text[] NOT NULL DEFAULT '{}'; -- what a reader must know: picture-only, bad-letters, ...
