-- +goose Up

-- One uploaded document. Expiry is a flag and not a status: an expired version can
-- be active and is then always marked.
CREATE TABLE guideline_version (
    id           uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    guideline_id uuid        NOT NULL REFERENCES guideline (id),
    version      text        NOT NULL DEFAULT '', -- the publisher's; '' when it states none
    title        text        NOT NULL CHECK (title <> ''),
    publisher    text        NOT NULL DEFAULT '',
    language     text        NOT NULL CHECK (language IN ('de', 'en')),
    valid_until  date,                            -- NULL when the publisher states none
    expired      boolean     NOT NULL DEFAULT false, -- as the publisher states; valid_until is judged on reading
    part_of      text        NOT NULL DEFAULT '', -- identifier of the document this one is a chapter of
    same_as      text        NOT NULL DEFAULT '', -- identifier of a document with the same content
    indications  text[]      NOT NULL DEFAULT '{}',
    status       text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'retired')),
    file_name    text        NOT NULL DEFAULT '',
    sha256       text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'), -- of the uploaded bytes
    created_at   timestamptz NOT NULL DEFAULT now(),
    approved_at  timestamptz,
    retired_at   timestamptz,
    -- The same bytes uploaded again under the same name are the same version.
    UNIQUE (guideline_id, version, sha256)
);

-- Two active versions of one guideline could contradict each other: whoever approves
-- a version retires its predecessor in the same transaction.
CREATE UNIQUE INDEX guideline_version_one_active ON guideline_version (guideline_id) WHERE status = 'active';
