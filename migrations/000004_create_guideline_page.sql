-- +goose Up

-- The text of each page, verbatim: what quotes are checked against and what stands
-- beside the passages. A document without pages is one page with an empty label.
CREATE TABLE guideline_page (
    version_id uuid NOT NULL REFERENCES guideline_version (id) ON DELETE CASCADE,
    ord        int  NOT NULL CHECK (ord >= 0),  -- position in the document
    label      text NOT NULL DEFAULT '',        -- the printed page, which citations name; '' when there is none
    text       text NOT NULL,
    PRIMARY KEY (version_id, ord)
);
