package access

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
)

// Numbers of Replays.
const (
	replayWait   = 50 * time.Millisecond // for the database, out of a hook's budget; unless configured
	replayMargin = 5 * time.Minute       // kept longer, for clocks that differ
	replaySweep  = 5 * time.Minute       // between two sweeps of what has expired
	replayMemory = 50_000                // tokens this process remembers by itself
)

// ReplaysConfig of Replays. The zero value works.
type ReplaysConfig struct {
	// Closed refuses tokens while the database is away. Else a token is then accepted
	// once by each process.
	Closed   bool
	Wait     time.Duration    // for the database; 0 means 50 ms
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: nothing is logged
	Degraded func()           // called for each token that the database could not be asked about; nil: nobody counts
}

// Replays remembers used tokens: in the database, so that all replicas know, and in
// memory, so that this one does while the database is away. It implements
// smart.Replays and is safe for concurrent use.
type Replays struct {
	c      ReplaysConfig
	pool   atomic.Pointer[pgxpool.Pool]
	mu     sync.Mutex
	known  map[[sha256.Size]byte]*list.Element
	order  *list.List // of used, the oldest in front
	warned time.Time
}

type used struct {
	key   [sha256.Size]byte
	until time.Time
}

// NewReplays returns a memory that asks no database until it is attached to one.
func NewReplays(c ReplaysConfig) *Replays {
	if c.Wait <= 0 {
		c.Wait = replayWait
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Degraded == nil {
		c.Degraded = func() {}
	}
	return &Replays{c: c, known: map[[sha256.Size]byte]*list.Element{}, order: list.New()}
}

// Attach gives the migrated database that replicas share.
func (r *Replays) Attach(pool *pgxpool.Pool) { r.pool.Store(pool) }

const useTokenQuery = `INSERT INTO token_replay (issuer, nonce, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`

var errAway = errors.New("the database is not ready")

// Use takes note of a token and tells whether it is used for the first time. The
// error, of kind issue.Transient, comes only when the database is away and that is
// configured to close.
func (r *Replays) Use(ctx context.Context, issuer, nonce string, until time.Time) (bool, error) {
	if !r.remember(sha256.Sum256([]byte(issuer+"\x00"+nonce)), until) {
		return false, nil
	}
	first, err := r.store(ctx, issuer, nonce, until)
	if err == nil {
		return first, nil
	}
	r.c.Degraded()
	r.warn(err)
	if r.c.Closed {
		return false, issue.Wrap(issue.Transient, err, "the store of used tokens is away")
	}
	return true, nil
}

func (r *Replays) store(ctx context.Context, issuer, nonce string, until time.Time) (bool, error) {
	pool := r.pool.Load()
	if pool == nil {
		return false, errAway
	}
	ctx, cancel := context.WithTimeout(ctx, r.c.Wait)
	defer cancel()
	tag, err := pool.Exec(ctx, useTokenQuery, issuer, nonce, until.Add(replayMargin))
	if err != nil {
		return false, fmt.Errorf("note a used token: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// warn says once a minute that the database is away.
func (r *Replays) warn(err error) {
	now := r.c.Now()
	r.mu.Lock()
	quiet := now.Sub(r.warned) < time.Minute
	if !quiet {
		r.warned = now
	}
	r.mu.Unlock()
	if !quiet {
		r.c.Log.Warn("used tokens are remembered by this process alone", "closed", r.c.Closed, "error", err)
	}
}

// remember notes a token in memory; false means that it is there already.
func (r *Replays) remember(key [sha256.Size]byte, until time.Time) bool {
	now := r.c.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for oldest := r.order.Front(); oldest != nil; oldest = r.order.Front() {
		u := oldest.Value.(used)
		if r.order.Len() < replayMemory && !now.After(u.until) {
			break
		}
		r.order.Remove(oldest)
		delete(r.known, u.key)
	}
	if _, there := r.known[key]; there {
		return false
	}
	r.known[key] = r.order.PushBack(used{key, until})
	return true
}

const sweepQuery = `DELETE FROM token_replay WHERE expires_at < $1`

// Run forgets expired tokens until ctx ends. Attach comes first.
func (r *Replays) Run(ctx context.Context) {
	tick := time.NewTicker(replaySweep)
	defer tick.Stop()
	for {
		if err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			r.c.Log.Warn("forget expired tokens", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep forgets expired tokens now.
func (r *Replays) Sweep(ctx context.Context) error {
	pool := r.pool.Load()
	if pool == nil {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := pool.Exec(ctx, sweepQuery, r.c.Now()); err != nil {
		return fmt.Errorf("forget expired tokens: %w", err)
	}
	return nil
}
