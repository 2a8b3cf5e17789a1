-- +goose Up

-- A case that another system hands to the clinician's app, until a browser fetches it:
-- once, within minutes, sealed with a key that stands only in the address handed back.
CREATE TABLE handover (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    client     text        NOT NULL, -- registered CDS client that sent it; '' with open access
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX handover_expires_at ON handover (expires_at);
