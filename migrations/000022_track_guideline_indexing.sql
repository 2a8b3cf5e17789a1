-- +goose Up

-- How far the reading of a version has come, so that a killed worker's successor goes
-- on instead of starting again, and a better parser or another space is noticed.
ALTER TABLE guideline_version
    ADD COLUMN pipeline    int NOT NULL DEFAULT 0 CHECK (pipeline >= 0), -- number of the procedure that made the passages; 0: none yet
    ADD COLUMN embedded_in int REFERENCES embedding_space (id) ON DELETE SET NULL, -- the space that holds all of its vectors
    ADD COLUMN indexed_at  timestamptz; -- complete; nothing is approved before

-- Deleting a space looks here.
CREATE INDEX guideline_version_embedded_in ON guideline_version (embedded_in) WHERE embedded_in IS NOT NULL;
