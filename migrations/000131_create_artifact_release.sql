-- +goose Up

-- What was released, once for ever: sha256 is that of the artifact without meta and
-- status, in the form the program hashes it. resource_version is the FHIR version that
-- was released and that runs.
CREATE TABLE artifact_release (
    url              text        NOT NULL CHECK (url <> ''),
    version          text        NOT NULL CHECK (version <> ''),
    type             text        NOT NULL,
    id               text        NOT NULL,
    resource_version int         NOT NULL CHECK (resource_version > 0),
    sha256           text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    approved_by      text        NOT NULL,
    released_by      text        NOT NULL,
    released_at      timestamptz NOT NULL,
    PRIMARY KEY (url, version),
    UNIQUE (type, id)
);

-- Which version of a url is in force: at most one.
CREATE TABLE artifact_in_force (
    url     text        PRIMARY KEY,
    version text        NOT NULL,
    since   timestamptz NOT NULL,
    FOREIGN KEY (url, version) REFERENCES artifact_release (url, version)
);
