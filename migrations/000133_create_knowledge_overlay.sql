-- +goose Up

-- What this hospital changes of the content without writing it anew. Targets are urls
-- and codes without a version, so that an entry survives content upgrades.
CREATE TABLE knowledge_overlay (
    id          uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    kind        text        NOT NULL CHECK (kind IN ('hide', 'restrict', 'replace', 'prefer')),
    target      text        NOT NULL CHECK (target <> ''),
    replacement text        NOT NULL DEFAULT '' CHECK ((kind = 'replace') = (replacement <> '')),
    indication  text        NOT NULL DEFAULT '',
    reason_de   text        NOT NULL CHECK (reason_de <> ''),
    reason_en   text        NOT NULL CHECK (reason_en <> ''),
    person      text        NOT NULL,
    person_name text        NOT NULL,
    at          timestamptz NOT NULL,
    UNIQUE (kind, target, indication)
);
