-- +goose Up

-- Texts that a resource is found by, as they are and folded (no case, no accents).
CREATE TABLE resource_string (
    resource  bigint NOT NULL REFERENCES resource (key) ON DELETE CASCADE,
    parameter text   NOT NULL,
    exact     text   NOT NULL,
    folded    text   NOT NULL
);

CREATE INDEX resource_string_resource ON resource_string (resource, parameter);

-- LIKE 'x%' needs text_pattern_ops in any locale; a whole description would not fit.
CREATE INDEX resource_string_folded ON resource_string (parameter, (left(folded, 128)) text_pattern_ops);
