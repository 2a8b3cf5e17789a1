// Package store keeps decisions and feedback in PostgreSQL, each with its event in
// the audit trail. It owns the SQL of decision support and the queue that keeps a
// decision from waiting for the database, or an answer from waiting for a decision to
// be written. It refuses to hold patient data: what is kept are codes, hashes and
// uuids, and what a person wrote as feedback.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/fhir/audit"
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

	subjects Subjects
	spool    *audit.Spool

	besideMu sync.Mutex
	beside   []waitingRun // what ran beside and is not written yet
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
// grace. What the database cannot take goes to the spool, and from there to the
// database when it is back, also after another start; nothing is written twice.
func (s *Store) Run(ctx context.Context, grace time.Duration) {
	var pending []cds.Decision
	away := false
	for ctx.Err() == nil {
		pending = s.await(ctx, pending)
		err := s.deliver(ctx, pending)
		if err == nil {
			pending, away = pending[:0], false
			continue
		}
		if !away && ctx.Err() == nil && s.pool.Load() != nil { // before Attach, waiting is what is meant to happen
			s.log.Warn("decisions wait for the database", "waiting", len(pending)+len(s.queue), "error", err)
		}
		away = true
		pending = s.setAside(pending)
		pause(ctx, retry)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for pending = s.gather(pending); len(pending) > 0; pending = s.gather(pending[:0]) {
		err := s.deliver(last, pending)
		if err == nil {
			continue
		}
		if pending = s.setAside(pending); len(pending) > 0 {
			s.log.Error("decisions lost at the end", "count", len(pending)+len(s.queue), "error", err)
		}
		return
	}
}

// await returns with what there is to write as soon as there is any, also in the
// spool.
func (s *Store) await(ctx context.Context, pending []cds.Decision) []cds.Decision {
	if len(pending) == 0 && (s.spool == nil || s.spool.Empty()) {
		select {
		case <-ctx.Done():
		case d := <-s.queue:
			pending = append(pending, d)
		}
	}
	return s.gather(pending)
}

// deliver writes what is in the spool, and then what is pending.
func (s *Store) deliver(ctx context.Context, pending []cds.Decision) error {
	if s.spool != nil && !s.spool.Empty() {
		if _, err := s.database(); err != nil {
			return err
		}
		if err := s.spool.Replay(ctx, batch, func(records [][]byte) error { return s.write(ctx, s.unpack(records)) }); err != nil {
			return err
		}
	}
	if len(pending) == 0 {
		return nil
	}
	return s.write(ctx, pending)
}

// setAside puts what waits into the spool, and gives what found no place there.
func (s *Store) setAside(pending []cds.Decision) []cds.Decision {
	for ; s.spool != nil && len(pending) > 0; pending = s.gather(pending[:0]) {
		records := make([][]byte, 0, len(pending))
		for _, d := range pending {
			records = append(records, marshal(spooled{d, d.Asked}))
		}
		if err := s.spool.Add(records...); err != nil {
			s.log.Error("decisions wait in memory, which is small", "waiting", len(pending)+len(s.queue), "error", err)
			break
		}
	}
	return pending
}

// spooled is a decision on disk, with what it keeps to itself elsewhere.
type spooled struct {
	Decision cds.Decision
	Asked    cds.Asked
}

// unpack reads decisions from the spool.
func (s *Store) unpack(records [][]byte) []cds.Decision {
	list := make([]cds.Decision, 0, len(records))
	for _, r := range records {
		var x spooled
		if err := json.Unmarshal(r, &x); err != nil { // of a program that wrote them differently
			s.lose(x.Decision, err)
			continue
		}
		x.Decision.Asked = x.Asked
		list = append(list, x.Decision)
	}
	return list
}

// lose tells of a decision that can never be written.
func (s *Store) lose(d cds.Decision, err error) {
	s.dropped.Add(1)
	s.log.Error("decision lost", "decision", d.ID, "error", err)
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
                      inputs, used, artifacts, checks_run, checks_skipped, timings, duration_ms, degraded, shadow, cards, trace)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT (id) DO NOTHING`

// write writes decisions and their events in one transaction and one round trip.
// One that the database will never take does not keep the others.
func (s *Store) write(ctx context.Context, list []cds.Decision) error {
	err := s.send(ctx, list)
	if !unfit(err) {
		return err
	}
	if len(list) == 1 {
		s.lose(list[0], err)
		return nil
	}
	for _, d := range list {
		if err := s.write(ctx, []cds.Decision{d}); err != nil {
			return err
		}
	}
	return nil
}

// unfit tells of a value that the database refuses: a data exception or a violated
// constraint.
func unfit(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23"))
}

func (s *Store) send(ctx context.Context, list []cds.Decision) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var b pgx.Batch
	for _, d := range list {
		var patient audit.Subject
		if s.subjects != nil {
			if patient, err = s.subjects.Subject(d.Asked.Patient); err != nil {
				return err
			}
		}
		b.Queue(addDecisionQuery, d.ID, d.At, d.Service, d.Hook, d.HookInstance, d.Client, string(d.Language),
			object(d.Inputs), array(d.References), array(d.Artifacts), array(d.Ran), array(d.Skipped), array(d.Timings),
			float64(d.Duration)/float64(time.Millisecond), d.Degraded, d.Shadow, array(d.Cards), array(d.Trace))
		audit.Queue(ctx, &b, advised(d, patient))
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
