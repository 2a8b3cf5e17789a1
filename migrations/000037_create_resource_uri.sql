-- +goose Up

-- Uris that a resource is found by, among them the canonical url under which others
-- refer to it.
CREATE TABLE resource_uri (
    resource  bigint NOT NULL REFERENCES resource (key) ON DELETE CASCADE,
    parameter text   NOT NULL,
    value     text   NOT NULL
);

CREATE INDEX resource_uri_resource ON resource_uri (resource, parameter);
CREATE INDEX resource_uri_value ON resource_uri (parameter, value text_pattern_ops);
