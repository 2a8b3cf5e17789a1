-- +goose Up

-- A case belongs to the person who saved it; nobody else sees it.
CREATE INDEX saved_case_owner ON saved_case (created_by, created_at);
