-- +goose Up

-- Numbers and quantities that a resource is found by: from low to high, both included,
-- open sides infinite. Where the unit is UCUM's, the same in base units of the dimension
-- it measures, so that mg/dL is found by g/L.
CREATE TABLE resource_number (
    resource  bigint  NOT NULL REFERENCES resource (key) ON DELETE CASCADE,
    parameter text    NOT NULL,
    low       numeric NOT NULL,
    high      numeric NOT NULL,
    system    text    NOT NULL DEFAULT '',
    code      text    NOT NULL DEFAULT '',
    unit      text    NOT NULL DEFAULT '',
    dimension text    NOT NULL DEFAULT '',
    base_low  numeric,
    base_high numeric,
    CHECK (dimension = '' OR base_low IS NOT NULL AND base_high IS NOT NULL)
);

CREATE INDEX resource_number_resource ON resource_number (resource, parameter);
CREATE INDEX resource_number_low ON resource_number (parameter, low);
CREATE INDEX resource_number_base ON resource_number (parameter, dimension, base_low) WHERE dimension <> '';
