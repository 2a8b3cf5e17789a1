-- +goose Up

-- What a resource refers to: a resource of this server by type and id, another by url
-- (a canonical with its version), or a business identifier. What is not known is ''.
CREATE TABLE resource_reference (
    resource         bigint NOT NULL REFERENCES resource (key) ON DELETE CASCADE,
    parameter        text   NOT NULL,
    type             text   NOT NULL DEFAULT '',
    id               text   NOT NULL DEFAULT '',
    url              text   NOT NULL DEFAULT '',
    version          text   NOT NULL DEFAULT '',
    system           text   NOT NULL DEFAULT '',
    value            text   NOT NULL DEFAULT ''
);

CREATE INDEX resource_reference_resource ON resource_reference (resource, parameter);
CREATE INDEX resource_reference_id ON resource_reference (id, type) WHERE id <> '';
CREATE INDEX resource_reference_url ON resource_reference (url) WHERE url <> '';
CREATE INDEX resource_reference_value ON resource_reference (value, system) WHERE value <> '';
