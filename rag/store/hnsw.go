package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"cdss/rag/embed"
	"cdss/rag/retrieve"
)

// exactUpTo is how many active vectors of a space an exact scan searches: below, it
// is fast enough and loses nothing.
const exactUpTo = 20_000

// What an index of neighbours is built with and searched by (pgvector, HNSW).
const (
	neighbours   = 16  // m
	construction = 64  // ef_construction
	breadth      = 400 // ef_search; also the most that is asked of an index
)

const (
	countVectorsQuery = `SELECT count(*) FROM (SELECT FROM passage_embedding WHERE space_id = $1 AND status = 'active' LIMIT $2) AS counted`
	indexStateQuery   = `SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)`

	// One process builds; the others find the index later.
	indexLock = 7_305_114 // of pg_try_advisory_lock; any number that nothing else here uses
)

func indexName(space int) string { return fmt.Sprintf("passage_embedding_hnsw_%d", space) }

// Tend builds the index of neighbours of a space that has grown too large for exact
// scans. It may take minutes; searches and writes go on meanwhile. What an attempt
// that was killed has left is removed and built anew.
func (s *Store) Tend(ctx context.Context, space embed.Space) error {
	n, err := s.space(ctx, space)
	if err != nil || n == 0 {
		return err
	}
	var count int
	if err := s.pool.QueryRow(ctx, countVectorsQuery, n, s.exactUpTo+1).Scan(&count); err != nil {
		return fmt.Errorf("count vectors of %s: %w", space.ID(), err)
	}
	if count <= s.exactUpTo {
		return nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("build the index of %s: %w", space.ID(), err)
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, $2)`, indexLock, n).Scan(&mine); err != nil || !mine {
		return err
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1, $2)`, indexLock, n)
	}()
	valid, exists, err := indexState(ctx, conn.Conn(), n)
	if err != nil || valid {
		s.setIndexed(n, valid)
		return err
	}
	statements := []string{`SET statement_timeout = 0`, `SET lock_timeout = 0`}
	if exists {
		statements = append(statements, `DROP INDEX CONCURRENTLY IF EXISTS `+indexName(n))
	}
	statements = append(statements, fmt.Sprintf(
		`CREATE INDEX CONCURRENTLY %s ON passage_embedding USING hnsw ((emb::halfvec(%d)) halfvec_cosine_ops)
		WITH (m = %d, ef_construction = %d) WHERE space_id = %d AND status = 'active'`,
		indexName(n), space.Dimensions, neighbours, construction, n),
		`RESET statement_timeout`, `RESET lock_timeout`)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("build the index of %s: %w", space.ID(), err)
		}
	}
	s.setIndexed(n, true)
	s.log.Info("index of neighbours built", "space", space.ID())
	return nil
}

func indexState(ctx context.Context, conn *pgx.Conn, space int) (valid, exists bool, err error) {
	switch err := conn.QueryRow(ctx, indexStateQuery, indexName(space)).Scan(&valid); err {
	case nil:
		return valid, true, nil
	case pgx.ErrNoRows:
		return false, false, nil
	default:
		return false, false, fmt.Errorf("look for the index of space %d: %w", space, err)
	}
}

func (s *Store) setIndexed(space int, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.indexed[space] = is
}

func (s *Store) isIndexed(space int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.indexed[space]
}

// neighbourQuery repeats cast and predicate of the index, as literals: a partial index
// serves no other query.
func neighbourQuery(space, dimensions int) string {
	distance := fmt.Sprintf("emb::halfvec(%d) <=> $1::halfvec(%d)", dimensions, dimensions)
	return fmt.Sprintf(`SELECT passage_id, 1 - (%s) AS score FROM passage_embedding
		WHERE space_id = %d AND status = 'active' ORDER BY %s LIMIT $2`, distance, space, distance)
}

// nearIndexed searches by the index.
func (s *Store) nearIndexed(ctx context.Context, space int, vec []float32, k int) ([]retrieve.Scored, error) {
	var list []retrieve.Scored
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`SET LOCAL hnsw.ef_search = %d`, breadth)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, neighbourQuery(space, len(vec)), pgvector.NewHalfVector(vec), min(k, breadth))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[retrieve.Scored])
		return err
	})
	return list, err
}
