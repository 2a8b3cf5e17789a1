-- +goose Up

-- CDS clients (EHRs, sandboxes) that may call the hooks: how each proves itself, what it
-- may reach, and what it can show. It holds no secret; keys are public.
CREATE TABLE cds_client (
    name        text        PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    issuer      text        NOT NULL UNIQUE CHECK (issuer <> ''), -- iss of its tokens
    algorithm   text        NOT NULL CHECK (algorithm ~ '^(ES|RS|PS)(256|384|512)$'), -- the one it signs with
    jwks_url    text        NOT NULL DEFAULT '',  -- where its keys are, and the only jku its tokens may name
    jwks        json,                             -- its keys, when given out of band; then none are fetched
    audiences   text[]      NOT NULL DEFAULT '{}', -- accepted besides the address that is called
    tenants     text[]      NOT NULL DEFAULT '{}', -- values of tenant; without any, its tokens carry none
    no_tenant   boolean     NOT NULL DEFAULT false, -- tokens without tenant are accepted although some are listed
    allow       cidr[]      NOT NULL DEFAULT '{}', -- networks that may be dialled for it besides public addresses
    origins     text[]      NOT NULL DEFAULT '{}', -- of browsers that call for it
    language    text        NOT NULL DEFAULT '' CHECK (language IN ('', 'de', 'en')), -- '' leaves it to the call
    deadline_ms int         NOT NULL DEFAULT 450 CHECK (deadline_ms BETWEEN 50 AND 5000),
    blocked     text        NOT NULL DEFAULT '412' CHECK (blocked IN ('412', 'card')), -- when no check can run
    suggestions text[]      NOT NULL DEFAULT '{create,update,delete}' CHECK (suggestions <@ '{create,update,delete}'), -- actions it can carry out
    markdown    boolean     NOT NULL DEFAULT true,
    max_cards   int         NOT NULL DEFAULT 0 CHECK (max_cards >= 0), -- 0: as many as there are
    version3    boolean     NOT NULL DEFAULT false, -- features of CDS Hooks 3.0
    shadow      boolean     NOT NULL DEFAULT false, -- evaluate and record, show nothing
    disabled    boolean     NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (jwks_url <> '' OR jwks IS NOT NULL)
);

-- The FHIR servers a client may name in a call. A server in use cannot be removed.
CREATE TABLE cds_client_server (
    client text NOT NULL REFERENCES cds_client (name) ON DELETE CASCADE,
    server text NOT NULL REFERENCES fhir_server (name),
    PRIMARY KEY (client, server)
);

CREATE INDEX cds_client_server_server ON cds_client_server (server);
