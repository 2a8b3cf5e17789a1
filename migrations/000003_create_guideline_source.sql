-- +goose Up

-- The upload as it came, so that a better parser can read it again and a reader can
-- compare passages with it. Apart from guideline_version so that lists never read it.
CREATE TABLE guideline_source (
    version_id uuid   PRIMARY KEY REFERENCES guideline_version (id) ON DELETE CASCADE,
    format     text   NOT NULL CHECK (format <> ''), -- what the parser took it for: markdown, html, text, pdf, docx
    size       bigint NOT NULL CHECK (size > 0),     -- bytes
    content    bytea  NOT NULL
);

-- PDF and DOCX are compressed already: compressing them again costs time and gains nothing.
ALTER TABLE guideline_source ALTER COLUMN content SET STORAGE EXTERNAL;
