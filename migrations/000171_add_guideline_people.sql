-- +goose Up

-- Who brought a version in and who approved it: where access is required they are
-- two people. Empty before there were people, and with open access.
ALTER TABLE guideline_version
    ADD COLUMN uploaded_by text NOT NULL DEFAULT '',
    ADD COLUMN approved_by text NOT NULL DEFAULT '',
    ADD COLUMN edited      int  NOT NULL DEFAULT 0; -- counts changes of its passages, so that the index notices

-- What curators say of a passage. It belongs to the words and not to the row: a
-- version that is read again keeps it, and a new version inherits it where the same
-- words stand.
CREATE TABLE passage_mark (
    version_id uuid        NOT NULL REFERENCES guideline_version (id) ON DELETE CASCADE,
    sha256     text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'), -- of the quoted words
    disabled   boolean     NOT NULL DEFAULT false, -- feeds no answer and is not cited
    note       text        NOT NULL DEFAULT '',
    marked_by  text        NOT NULL DEFAULT '',
    marked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (version_id, sha256)
);

-- Where words of a passage stood in earlier versions, written when the version is
-- approved: a rule that cites the earlier place finds them here.
ALTER TABLE passage ADD COLUMN earlier jsonb NOT NULL DEFAULT '[]';
