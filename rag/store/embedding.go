package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/pgvector/pgvector-go"

	"cdss/rag"
	"cdss/rag/embed"
	"cdss/rag/ingest"
	"cdss/rag/retrieve"
)

const unembeddedQuery = `
SELECT ` + passageColumns + `
FROM passage p
WHERE p.version_id = @id AND p.ord >= @from
  AND NOT EXISTS (SELECT FROM passage_embedding e WHERE e.space_id = @space AND e.passage_id = p.id)
ORDER BY p.ord LIMIT @limit`

// Unembedded implements ingest.Embeddings.
func (s *Store) Unembedded(ctx context.Context, id string, space embed.Space, from, limit int) ([]rag.Passage, error) {
	u, err := parseID(id)
	if err != nil {
		return nil, err
	}
	n, err := s.space(ctx, space)
	if err != nil {
		return nil, err
	}
	list, err := s.passages(ctx, unembeddedQuery, pgx.NamedArgs{"id": u, "space": n, "from": from, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("read passages of guideline version %s to embed: %w", id, err)
	}
	return list, nil
}

const (
	// While a version is locked for sharing nobody changes its status, so that the
	// copies made below are right.
	shareVersionQuery = `SELECT id FROM guideline_version WHERE id = $1 FOR SHARE`

	saveVectorsQuery = `
INSERT INTO passage_embedding (space_id, passage_id, guideline_id, lang, status, emb)
SELECT @space, p.id, p.guideline_id, p.lang, p.status, v.emb::halfvec
FROM unnest(@ids::uuid[], @vectors::text[]) AS v (id, emb)
JOIN passage p ON p.id = v.id AND p.version_id = @version
ON CONFLICT (space_id, passage_id) DO NOTHING`
)

// SaveVectors implements ingest.Embeddings. Vectors that say nothing are left
// out; one of another dimension, or with a value that is no number, is refused.
func (s *Store) SaveVectors(ctx context.Context, id string, space embed.Space, vectors []ingest.Vector) error {
	u, err := parseID(id)
	if err != nil {
		return err
	}
	n, err := s.space(ctx, space)
	if err != nil {
		return err
	}
	var (
		ids   []string
		texts []string
	)
	for _, v := range vectors {
		if err := usable(v.Values, space.Dimensions); err != nil {
			return fmt.Errorf("embedding of passage %s in %s: %w", v.PassageID, space.ID(), err)
		}
		if !vanishes(v.Values) {
			ids = append(ids, v.PassageID)
			texts = append(texts, pgvector.NewHalfVector(v.Values).String())
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return s.inTx(ctx, pgx.TxOptions{}, "save vectors of guideline version "+id, func(tx pgx.Tx) error {
		var locked pgtype.UUID
		err := tx.QueryRow(ctx, shareVersionQuery, u).Scan(&locked)
		if errors.Is(err, pgx.ErrNoRows) {
			return unknown(id)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, saveVectorsQuery, pgx.NamedArgs{"space": n, "ids": ids, "vectors": texts, "version": u})
		return err
	})
}

func usable(v []float32, dimensions int) error {
	if len(v) != dimensions {
		return fmt.Errorf("%d dimensions instead of %d", len(v), dimensions)
	}
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.Abs(float64(x)) > 65504 { // the largest half-precision number
			return errors.New("a value is not a half-precision number")
		}
	}
	return nil
}

// vanishes tells whether nothing is left of v in half precision: the cosine to
// such a vector is not a number.
func vanishes(v []float32) bool {
	const smallest = 6e-8 // half-precision numbers below round to zero
	for _, x := range v {
		if math.Abs(float64(x)) >= smallest {
			return false
		}
	}
	return true
}

// nearestQuery is an exact scan, see exactUpTo. status is a literal so that a partial index may serve it.
const nearestQuery = `
SELECT passage_id, 1 - (emb <=> $2::halfvec) AS score
FROM passage_embedding
WHERE space_id = $1 AND status = 'active'
ORDER BY emb <=> $2::halfvec
LIMIT $3`

// Nearest implements retrieve.Vectors over active passages.
func (s *Store) Nearest(ctx context.Context, space string, vec []float32, k int) ([]retrieve.Scored, error) {
	n, err := s.spaceByID(ctx, space)
	if err != nil || n == 0 || k <= 0 || vanishes(vec) {
		return nil, err
	}
	if s.isIndexed(n) {
		list, err := s.nearIndexed(ctx, n, vec, k)
		if err != nil {
			return nil, fmt.Errorf("find nearest passages in %s: %w", space, err)
		}
		return list, nil
	}
	rows, err := s.pool.Query(ctx, nearestQuery, n, pgvector.NewHalfVector(vec), k)
	if err != nil {
		return nil, fmt.Errorf("find nearest passages in %s: %w", space, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[retrieve.Scored])
	if err != nil {
		return nil, fmt.Errorf("find nearest passages in %s: %w", space, err)
	}
	return list, nil
}
