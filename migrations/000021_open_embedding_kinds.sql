-- +goose Up

-- The kinds of embedder are the program's to name; the key of a space keeps them apart.
ALTER TABLE embedding_space DROP CONSTRAINT embedding_space_kind_check;
ALTER TABLE embedding_space ADD CONSTRAINT embedding_space_kind_check CHECK (kind <> '');
