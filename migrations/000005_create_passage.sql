-- +goose Up

-- A passage is small enough to be quoted whole. quoted is the source's own text;
-- indexed is what search reads (heading path, column names) and is never shown.
-- A vector never shares a row with the text: see passage_embedding.
CREATE TABLE passage (
    id           uuid   PRIMARY KEY DEFAULT gen_random_uuid(),
    version_id   uuid   NOT NULL REFERENCES guideline_version (id) ON DELETE CASCADE,
    guideline_id uuid   NOT NULL REFERENCES guideline (id), -- repeated, as is status: search filters without a join
    ord          int    NOT NULL CHECK (ord >= 0),          -- position in the document
    kind         text   NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'table', 'list')),
    lang         text   NOT NULL CHECK (lang IN ('de', 'en')),
    status       text   NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'retired')),
    page         int    NOT NULL DEFAULT 0,                 -- printed page, 0 when the document has none
    page_end     int    NOT NULL DEFAULT 0,
    section      text[] NOT NULL DEFAULT '{}',              -- heading path, outermost first
    indexed      text   NOT NULL,
    quoted       text   NOT NULL CHECK (quoted <> ''),
    sha256       text   NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'), -- of quoted; a bound locator names it
    anchor       jsonb  NOT NULL DEFAULT '{}',              -- where quoted stands in the page text: characters, rectangles
    UNIQUE (version_id, ord),
    CHECK (page_end >= page)
);

-- The in-memory index is built from the active passages, in document order.
CREATE INDEX passage_active ON passage (version_id, ord) WHERE status = 'active';

-- Deleting a guideline checks this reference.
CREATE INDEX passage_guideline ON passage (guideline_id);
