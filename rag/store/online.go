package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"cdss/rag/embed"
)

const (
	lackingQuery = `
SELECT v.id::text FROM guideline_version v
WHERE v.status <> 'retired' AND EXISTS (
    SELECT FROM passage p WHERE p.version_id = v.id AND p.indexed <> ''
    AND NOT EXISTS (SELECT FROM passage_embedding e WHERE e.space_id = $1 AND e.passage_id = p.id))
ORDER BY v.status, v.created_at, v.id`

	coversQuery = `
SELECT NOT EXISTS (
    SELECT FROM passage p WHERE p.status = 'active' AND p.indexed <> ''
    AND NOT EXISTS (SELECT FROM passage_embedding e WHERE e.space_id = $1 AND e.passage_id = p.id))`
)

// Lacking implements ingest.Spaces.
func (s *Store) Lacking(ctx context.Context, space embed.Space) ([]string, error) {
	n, err := s.space(ctx, space)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, lackingQuery, n)
	if err != nil {
		return nil, fmt.Errorf("look for passages without a vector in %s: %w", space.ID(), err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for passages without a vector in %s: %w", space.ID(), err)
	}
	return list, nil
}

// Covers implements ingest.Spaces.
func (s *Store) Covers(ctx context.Context, space embed.Space) (covers bool, err error) {
	n, err := s.space(ctx, space)
	if err != nil {
		return false, err
	}
	if err := s.pool.QueryRow(ctx, coversQuery, n).Scan(&covers); err != nil {
		return false, fmt.Errorf("look whether %s covers the active passages: %w", space.ID(), err)
	}
	return covers, nil
}
