// Package store keeps decisions and feedback in PostgreSQL. It owns the SQL of
// decision support and the queue that keeps a decision from waiting for the
// database, or an answer from waiting for a decision to be written. It refuses to
// hold patient data: what is kept are codes, hashes and uuids, and what a person
// wrote as feedback.
package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/fhir/issue"
)

// waiting is how many decisions may wait for the database: at 50 answers a second
// those of twenty seconds, some megabytes.
const waiting = 1024

// batch is how many decisions are written in one round trip.
const batch = 64

// retry is the wait after the database refused a batch.
const retry = 2 * time.Second

// Store keeps decisions and feedback. It is safe for concurrent use. Until Attach
// gives it a database, decisions wait in memory and feedback is refused.
type Store struct {
	pool    atomic.Pointer[pgxpool.Pool]
	queue   chan cds.Decision
	dropped atomic.Int64
	log     *slog.Logger
}

// New returns a store without a database. log may be nil.
func New(log *slog.Logger) *Store {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Store{queue: make(chan cds.Decision, waiting), log: log}
}

// Attach gives the store its migrated database.
func (s *Store) Attach(pool *pgxpool.Pool) { s.pool.Store(pool) }

// Record takes a decision and returns at once; false says that too many wait
// already and this one is lost.
func (s *Store) Record(d cds.Decision) bool {
	select {
	case s.queue <- d:
		return true
	default:
		s.dropped.Add(1)
		return false
	}
}

// Waiting gives how many decisions are not written yet, and Dropped how many were
// lost since the start.
func (s *Store) Waiting() int { return len(s.queue) }

// Dropped gives how many decisions were lost since the start.
func (s *Store) Dropped() int64 { return s.dropped.Load() }

// Run writes decisions until ctx ends, and then what still waits, for at most
// grace. A batch the database refuses is tried again; nothing is written twice.
func (s *Store) Run(ctx context.Context, grace time.Duration) {
	var pending []cds.Decision
	for ctx.Err() == nil {
		if len(pending) == 0 {
			select {
			case <-ctx.Done():
			case d := <-s.queue:
				pending = s.gather(append(pending, d))
			}
			continue
		}
		if err := s.write(ctx, pending); err != nil {
			if ctx.Err() == nil && s.pool.Load() != nil { // before Attach, waiting is what is meant to happen
				s.log.Warn("decisions wait for the database", "waiting", len(pending)+len(s.queue), "error", err)
			}
			pause(ctx, retry)
			continue
		}
		pending = pending[:0]
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for pending = s.gather(pending); len(pending) > 0; pending = s.gather(pending[:0]) {
		if err := s.write(last, pending); err != nil {
			s.log.Error("decisions lost at the end", "count", len(pending)+len(s.queue), "error", err)
			return
		}
	}
}

// gather adds what waits, up to a batch.
func (s *Store) gather(pending []cds.Decision) []cds.Decision {
	for len(pending) < batch {
		select {
		case d := <-s.queue:
			pending = append(pending, d)
		default:
			return pending
		}
	}
	return pending
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// database gives the pool, or an error that tells a client to come again.
func (s *Store) database() (*pgxpool.Pool, error) {
	pool := s.pool.Load()
	if pool == nil {
		return nil, issue.New(issue.Transient, "the database is not ready")
	}
	return pool, nil
}

const addDecisionQuery = `
INSERT INTO decision (id, created_at, service, hook, hook_instance, client, language,
                      inputs, used, artifacts, checks_run, checks_skipped, timings, duration_ms, degraded, shadow, cards)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (id) DO NOTHING`

// write writes decisions in one transaction.
func (s *Store) write(ctx context.Context, list []cds.Decision) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var b pgx.Batch
	for _, d := range list {
		b.Queue(addDecisionQuery, d.ID, d.At, d.Service, d.Hook, d.HookInstance, d.Client, string(d.Language),
			object(d.Inputs), array(d.References), array(d.Artifacts), array(d.Ran), array(d.Skipped), array(d.Timings),
			float64(d.Duration)/float64(time.Millisecond), d.Degraded, d.Shadow, array(d.Cards))
	}
	if err := pool.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write %d decisions: %w", len(list), err)
	}
	return nil
}

// array gives a list as JSON, a nil one as [].
func array[T any](list []T) json.RawMessage {
	if list == nil {
		list = []T{}
	}
	return marshal(list)
}

func object[T any](m map[string]T) json.RawMessage {
	if m == nil {
		m = map[string]T{}
	}
	return marshal(m)
}

// marshal cannot fail: these are strings, numbers and lists of them.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("cds/store: " + err.Error())
	}
	return raw
}
