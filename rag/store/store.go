// Package store keeps guidelines in PostgreSQL: versions, their bytes, pages and
// passages, and vectors in pgvector. It owns the SQL of evidence and the
// transactions that keep copies of a status equal; it refuses to rank and to read
// documents. Vectors of different spaces are never compared: each query names
// its space.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
	"cdss/rag/embed"
	"cdss/rag/ingest"
)

// channel is notified when the set of active versions, or what they hold, changes.
const channel = "cdss_guideline"

// Store is the evidence of one database. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	log  *slog.Logger

	exactUpTo int // see the constant; tests index less

	mu      sync.Mutex
	spaces  map[string]int // embed.Space.ID -> embedding_space.id, those that were met
	indexed map[int]bool   // embedding_space.id -> has an index of neighbours
}

var _ ingest.Store = (*Store)(nil)

// New returns a store over a migrated database. log may be nil.
func New(pool *pgxpool.Pool, log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{pool: pool, log: log, exactUpTo: exactUpTo, spaces: map[string]int{}, indexed: map[int]bool{}}
}

// parseID reads an id that came from outside: what is no uuid names nothing.
func parseID(id string) (pgtype.UUID, error) {
	var u pgtype.UUID
	if len(id) != 36 || u.Scan(id) != nil {
		return u, unknown(id)
	}
	return u, nil
}

func unknown(id string) error {
	const shown = 60 // enough to recognise a mistyped id
	if len(id) > shown {
		id = id[:shown] + "..."
	}
	return issue.New(issue.NotFound, "there is no guideline version %q", id)
}

// inTx runs do in a transaction and names the attempt in errors without a kind.
func (s *Store) inTx(ctx context.Context, options pgx.TxOptions, attempt string, do func(tx pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, s.pool, options, do)
	var known *issue.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	s.forgetSpaces() // another replica may have dropped one
	return fmt.Errorf("%s: %w", attempt, err)
}

const notifyQuery = `SELECT pg_notify('` + channel + `', '')`

// announce tells every replica, at commit, that the active corpus has changed.
func announce(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, notifyQuery)
	return err
}

const (
	findSpaceQuery = `SELECT id FROM embedding_space WHERE concat_ws('/', kind, provider, model, dims, version) = $1`

	addSpaceQuery = `
INSERT INTO embedding_space (kind, provider, model, dims, version)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (kind, provider, model, dims, version, trained_on) DO UPDATE SET kind = EXCLUDED.kind
RETURNING id`
)

// spaceByID gives the number of a space by its embed.Space.ID, or 0 when no
// vector was ever stored in it.
func (s *Store) spaceByID(ctx context.Context, id string) (int, error) {
	s.mu.Lock()
	n := s.spaces[id]
	s.mu.Unlock()
	if n != 0 || id == "" {
		return n, nil
	}
	err := s.pool.QueryRow(ctx, findSpaceQuery, id).Scan(&n)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find embedding space %s: %w", id, err)
	}
	s.remember(id, n)
	return n, nil
}

// space gives the number of a space, made when it is new; 0 for the zero Space.
func (s *Store) space(ctx context.Context, space embed.Space) (int, error) {
	if space == (embed.Space{}) {
		return 0, nil
	}
	n, err := s.spaceByID(ctx, space.ID())
	if n != 0 || err != nil {
		return n, err
	}
	err = s.pool.QueryRow(ctx, addSpaceQuery, space.Kind, space.Provider, space.Model, space.Dimensions, space.Version).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("add embedding space %s: %w", space.ID(), err)
	}
	s.remember(space.ID(), n)
	return n, nil
}

func (s *Store) remember(id string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces[id] = n
}

func (s *Store) forgetSpaces() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.spaces)
}
