-- +goose Up

-- What was looked at for a decision: [{"plan", "at", "outcome", "conditions":
-- [{"expression", "outcome", "reads": [{"name", "from": ["<reference>"]}]}]}]. It names
-- where values came from and holds none of them.
ALTER TABLE decision ADD COLUMN trace jsonb NOT NULL DEFAULT '[]';
