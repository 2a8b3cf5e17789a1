-- +goose Up

-- Images of pages that were looked at. A cache: any row may go at any time, and the
-- oldest go first when there are too many.
CREATE TABLE page_image (
    version_id uuid        NOT NULL REFERENCES guideline_version (id) ON DELETE CASCADE,
    ord        int         NOT NULL CHECK (ord >= 0), -- position of the page in the document
    width      int         NOT NULL CHECK (width > 0), -- pixels
    image      bytea       NOT NULL,                   -- PNG
    used_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (version_id, ord, width)
);
CREATE INDEX page_image_used ON page_image (used_at);

-- PNG is compressed already.
ALTER TABLE page_image ALTER COLUMN image SET STORAGE EXTERNAL;
