-- +goose Up

-- A space is one way of turning text into vectors. Vectors of different spaces are
-- never compared, so each vector bears its space, and each query the space it searches.
CREATE TABLE embedding_space (
    id           int         PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kind         text        NOT NULL CHECK (kind IN ('lsa', 'openai', 'static')),
    provider     text        NOT NULL DEFAULT '', -- base address of the API; '' when computed here
    model        text        NOT NULL DEFAULT '',
    dims         int         NOT NULL CHECK (dims BETWEEN 1 AND 4000), -- 4,000 halfvec fit one page, and one HNSW index
    version      text        NOT NULL,            -- of the procedure that made it
    trained_on   text        NOT NULL DEFAULT '', -- fingerprint of the corpus; '' for models trained elsewhere
    state        text        NOT NULL DEFAULT 'building' CHECK (state IN ('building', 'active', 'retired')),
    projection   bytea,                           -- the three of LSA, NULL otherwise
    idf          bytea,
    vocabulary   bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    UNIQUE (kind, provider, model, dims, version, trained_on)
);

-- A new space is filled and evaluated, then swapped in one transaction.
CREATE UNIQUE INDEX embedding_space_one_active ON embedding_space (state) WHERE state = 'active';

-- Packed floating-point numbers do not compress.
ALTER TABLE embedding_space ALTER COLUMN projection SET STORAGE EXTERNAL;
