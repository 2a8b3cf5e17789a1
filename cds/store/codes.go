package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds/translate"
)

// How codes are counted: in memory, and written now and then.
const (
	countEvery = 5 * time.Second
	countMost  = 5_000 // different codes between two writings; more are not counted
)

// Codes counts the codes that come. It is safe for concurrent use.
type Codes struct {
	pool atomic.Pointer[pgxpool.Pool]
	log  *slog.Logger
	mu   sync.Mutex
	n    map[translate.Seen]int64
}

// NewCodes returns a counter without a database. log may be nil.
func NewCodes(log *slog.Logger) *Codes {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Codes{log: log, n: map[translate.Seen]int64{}}
}

// Attach gives the counter its migrated database.
func (c *Codes) Attach(pool *pgxpool.Pool) { c.pool.Store(pool) }

// See counts a code and returns at once.
func (c *Codes) See(s translate.Seen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, counted := c.n[s]; counted || len(c.n) < countMost {
		c.n[s]++
	}
}

// Run writes what was counted until ctx ends, and then the rest.
func (c *Codes) Run(ctx context.Context) {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		if err := c.Write(writing); err != nil {
			c.log.Warn("codes that came could not be counted", "error", err)
		}
		cancel()
	}
}

const countCodeQuery = `
INSERT INTO code_count (kind, system, code, known, count, last_seen) VALUES ($1, $2, $3, $4, $5, now())
ON CONFLICT (kind, system, code, known) DO UPDATE SET count = code_count.count + EXCLUDED.count, last_seen = EXCLUDED.last_seen`

// Write writes what was counted since the last time. What cannot be written is
// counted again with what comes.
func (c *Codes) Write(ctx context.Context) error {
	pool := c.pool.Load()
	c.mu.Lock()
	counted := c.n
	c.n = map[translate.Seen]int64{}
	c.mu.Unlock()
	if len(counted) == 0 || pool == nil {
		c.back(counted)
		return nil
	}
	var b pgx.Batch
	for s, n := range counted {
		b.Queue(countCodeQuery, string(s.Kind), s.System, s.Code, s.Known, n)
	}
	if err := pool.SendBatch(ctx, &b).Close(); err != nil {
		c.back(counted)
		return fmt.Errorf("count %d codes: %w", len(counted), err)
	}
	return nil
}

func (c *Codes) back(counted map[translate.Seen]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s, n := range counted {
		if _, have := c.n[s]; have || len(c.n) < countMost {
			c.n[s] += n
		}
	}
}

// Coverage is how many codes of a kind came, and how many of them are read.
type Coverage struct {
	Kind         translate.Kind
	Count, Known int64
}

// Unknown is a code that nobody could read.
type Unknown struct {
	Kind     translate.Kind
	System   string // "" where words alone came
	Code     string
	Count    int64
	LastSeen time.Time
}

const (
	coverageQuery = `SELECT kind, sum(count)::bigint, coalesce(sum(count) FILTER (WHERE known), 0)::bigint FROM code_count GROUP BY kind ORDER BY kind`
	unknownQuery  = `SELECT kind, system, code, count, last_seen FROM code_count WHERE NOT known ORDER BY count DESC, kind, system, code LIMIT $1`
)

// Coverage gives the share of codes that are read, by kind, and those that are not,
// most frequent first.
func (c *Codes) Coverage(ctx context.Context, most int) ([]Coverage, []Unknown, error) {
	pool := c.pool.Load()
	rows, err := pool.Query(ctx, coverageQuery)
	if err != nil {
		return nil, nil, fmt.Errorf("read the coverage of codes: %w", err)
	}
	shares, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Coverage, err error) {
		err = row.Scan(&x.Kind, &x.Count, &x.Known)
		return x, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the coverage of codes: %w", err)
	}
	if rows, err = pool.Query(ctx, unknownQuery, most); err != nil {
		return nil, nil, fmt.Errorf("read the unknown codes: %w", err)
	}
	unknown, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Unknown, err error) {
		err = row.Scan(&x.Kind, &x.System, &x.Code, &x.Count, &x.LastSeen)
		return x, err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the unknown codes: %w", err)
	}
	return shares, unknown, nil
}

const forgetMappedQuery = `DELETE FROM code_count WHERE NOT known AND system = $1 AND code = ANY($2)`

// Forget takes codes off the list of unknown ones, since a map holds them now.
func (c *Codes) Forget(ctx context.Context, system string, codes []string) error {
	if _, err := c.pool.Load().Exec(ctx, forgetMappedQuery, system, codes); err != nil {
		return fmt.Errorf("take codes off the list of unknown ones: %w", err)
	}
	return nil
}
