package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
)

const (
	findSessionQuery   = `SELECT data FROM login_session WHERE token = $1 AND expires_at > now()`
	deleteSessionQuery = `DELETE FROM login_session WHERE token = $1`
	commitSessionQuery = `
INSERT INTO login_session (token, person, way, data, expires_at, ends_at)
VALUES ($1, $2, $3, $4, now() + $5::interval, now() + $6::interval)
ON CONFLICT (token) DO UPDATE SET data = EXCLUDED.data`
	sweepSessionsQuery = `DELETE FROM login_session WHERE expires_at < now()`
)

// rows is the store of login sessions (scs.CtxStore). Tokens come hashed.
type rows struct{ s *Sessions }

// grant is what a session is made for; it comes with the context of Commit.
type grant struct {
	person string
	way    Means
	idle   time.Duration
	most   time.Duration
	tx     pgx.Tx // the transaction that also writes the event
}

type grantKey struct{}

// executor is a pool or a transaction.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (r rows) on(ctx context.Context) (executor, grant, error) {
	g, _ := ctx.Value(grantKey{}).(grant)
	if g.tx != nil {
		return g.tx, g, nil
	}
	pool, err := r.s.database()
	return pool, g, err
}

func (r rows) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	db, _, err := r.on(ctx)
	if err != nil {
		return nil, false, err
	}
	var data []byte
	err = db.QueryRow(ctx, findSessionQuery, token).Scan(&data)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find a login: %w", err)
	}
	return data, true, nil
}

func (r rows) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	db, g, err := r.on(ctx)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, commitSessionQuery, token, g.person, string(g.way), data, g.idle, g.most); err != nil {
		return fmt.Errorf("keep a login: %w", err)
	}
	return nil
}

func (r rows) DeleteCtx(ctx context.Context, token string) error {
	db, _, err := r.on(ctx)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, deleteSessionQuery, token); err != nil {
		return fmt.Errorf("end a login: %w", err)
	}
	return nil
}

// The forms without a context are never called: the manager takes the others.
func (rows) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (rows) Commit(string, []byte, time.Time) error { return errNoContext }
func (rows) Delete(string) error                    { return errNoContext }

var errNoContext = issue.New(issue.Exception, "login sessions need a context")

// database gives the pool, or an error that tells a client to come again.
func (s *Sessions) database() (*pgxpool.Pool, error) {
	pool := s.pool.Load()
	if pool == nil {
		return nil, issue.New(issue.Transient, "the database is not ready")
	}
	return pool, nil
}
