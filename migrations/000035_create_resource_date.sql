-- +goose Up

-- Stretches of time that a resource is found by: from low to before high. "2024-02" is
-- all of February; an open side of a period is infinite.
CREATE TABLE resource_date (
    resource  bigint      NOT NULL REFERENCES resource (key) ON DELETE CASCADE,
    parameter text        NOT NULL,
    low       timestamptz NOT NULL,
    high      timestamptz NOT NULL
);

CREATE INDEX resource_date_resource ON resource_date (resource, parameter);
CREATE INDEX resource_date_low ON resource_date (parameter, low);
CREATE INDEX resource_date_high ON resource_date (parameter, high);
