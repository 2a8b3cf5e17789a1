-- +goose Up

-- Apart from passage, so that an exact scan reads vectors only. guideline_id, lang and
-- status repeat the passage's on purpose: filters then need no join. The transaction
-- that changes them there changes them here.
--
-- emb has no fixed dimension, since spaces differ; the store compares vector_dims(emb)
-- with embedding_space.dims on writing. A zero vector is refused: its cosine distance
-- is NaN, which sorts last ascending and first descending.
CREATE TABLE passage_embedding (
    space_id     int     NOT NULL REFERENCES embedding_space (id) ON DELETE CASCADE,
    passage_id   uuid    NOT NULL REFERENCES passage (id) ON DELETE CASCADE,
    guideline_id uuid    NOT NULL,
    lang         text    NOT NULL CHECK (lang IN ('de', 'en')),
    status       text    NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
    emb          halfvec NOT NULL CHECK (l2_norm(emb) > 0),
    PRIMARY KEY (space_id, passage_id)
);

-- A halfvec of 1,024 dimensions (2,056 bytes) is over the 2 kB threshold at which
-- values move to the TOAST table. Kept in the row, exact scans are 2-4 times faster.
ALTER TABLE passage_embedding ALTER COLUMN emb SET STORAGE PLAIN;

-- The planner answers a search within few guidelines by this index and an exact sort.
CREATE INDEX passage_embedding_guideline ON passage_embedding (guideline_id);

-- Deleting a passage cascades by passage_id, which the primary key does not lead with.
CREATE INDEX passage_embedding_passage ON passage_embedding (passage_id);
