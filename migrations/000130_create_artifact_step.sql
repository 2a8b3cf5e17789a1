-- +goose Up

-- The steps in the life of an artifact, each with who took it: the state of an artifact
-- is that of its last step. resource_version is the FHIR version that the step made.
CREATE TABLE artifact_step (
    seq              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type             text        NOT NULL,
    id               text        NOT NULL,
    url              text        NOT NULL,
    version          text        NOT NULL,
    resource_version int         NOT NULL CHECK (resource_version > 0),
    step             text        NOT NULL CHECK (step IN
        ('draft', 'clone', 'import', 'edit', 'submit', 'reject', 'approve', 'release', 'retire', 'delete')),
    person           text        NOT NULL CHECK (person <> ''),
    person_name      text        NOT NULL,
    at               timestamptz NOT NULL,
    origin           text        NOT NULL DEFAULT '', -- url|version that a draft was made of
    note             text        NOT NULL DEFAULT ''
);

CREATE INDEX artifact_step_artifact ON artifact_step (type, id, seq);
CREATE INDEX artifact_step_url ON artifact_step (url, seq);
