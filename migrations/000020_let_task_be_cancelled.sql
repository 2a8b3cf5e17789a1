-- +goose Up

-- Whoever deletes a guideline while it is being read stops the work: the worker
-- finds its row no longer running and gives up.
ALTER TABLE task DROP CONSTRAINT task_state_check;
ALTER TABLE task ADD CONSTRAINT task_state_check CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled'));
