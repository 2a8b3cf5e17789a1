-- +goose Up

-- Codes that a resource is found by: its current version only, none when deleted. What is
-- longer than an index page bears is cut on both sides of the comparison (fhir/search).
CREATE TABLE resource_token (
    resource  bigint NOT NULL REFERENCES resource (key) ON DELETE CASCADE,
    parameter text   NOT NULL,            -- name of the search parameter
    system    text   NOT NULL DEFAULT '',
    code      text   NOT NULL DEFAULT '',
    text      text   NOT NULL DEFAULT ''  -- folded display
);

CREATE INDEX resource_token_resource ON resource_token (resource, parameter);
CREATE INDEX resource_token_code ON resource_token (parameter, code, system);
