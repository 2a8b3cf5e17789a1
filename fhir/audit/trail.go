package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/issue"
)

// Config of a trail. The zero value works.
type Config struct {
	// Sealer keeps the keys sealed in the database; nil: they stand there as they are.
	Sealer Sealer
	Base   string // url of FHIR REST here, for AuditEvent.source
	Log    *slog.Logger
	// Sign is how often the head of a chain that has grown is signed; 0 means 1 h.
	Sign time.Duration
	// Look is how often events without a link are looked for; 0 means 400 ms.
	Look time.Duration
}

// Trail is the audit trail of one database. It is safe for concurrent use. Until
// Attach gives it a database, it refuses everything as transient.
type Trail struct {
	cfg  Config
	log  *slog.Logger
	open atomic.Pointer[opened]
	lag  atomic.Int64 // events without a link, as last seen
}

// opened is what comes with the database.
type opened struct {
	pool *pgxpool.Pool
	keys *keyring
}

// New returns a trail without a database.
func New(cfg Config) *Trail {
	if cfg.Sign <= 0 {
		cfg.Sign = time.Hour
	}
	if cfg.Look <= 0 {
		cfg.Look = 400 * time.Millisecond
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Trail{cfg: cfg, log: log}
}

// Attach gives the trail its migrated database, and makes or reads its keys. An
// error of kind issue.BusinessRule says that they are sealed with a key that is not
// at hand: trying again does not mend that.
func (t *Trail) Attach(ctx context.Context, pool *pgxpool.Pool) error {
	keys, err := openKeys(ctx, pool, t.cfg.Sealer)
	if err != nil {
		return err
	}
	t.open.Store(&opened{pool, keys})
	return nil
}

func (t *Trail) opened() (*opened, error) {
	o := t.open.Load()
	if o == nil {
		return nil, issue.New(issue.Transient, "the database is not ready")
	}
	return o, nil
}

// Subject gives what stands for the patient of that id in events; nil for "". Before
// Attach it is an error of kind issue.Transient.
func (t *Trail) Subject(patient string) (Subject, error) {
	if patient == "" {
		return nil, nil
	}
	o, err := t.opened()
	if err != nil {
		return nil, err
	}
	return o.keys.subject(patient), nil
}

// Write writes events that attest nothing else in the database, such as the reading
// of patient data: all of them or none, in one round trip.
func (t *Trail) Write(ctx context.Context, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	o, err := t.opened()
	if err != nil {
		return err
	}
	var b pgx.Batch
	for _, e := range events {
		Queue(ctx, &b, e)
	}
	if err := o.pool.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write %d audit events: %w", len(events), err)
	}
	return nil
}

// Lag gives how many committed events had no link when they were last looked for.
func (t *Trail) Lag() int64 { return t.lag.Load() }

// Run chains events and signs the chain until ctx ends. Several processes may run
// it: one of them works at a time. Faults of the database are logged and tried again.
func (t *Trail) Run(ctx context.Context) error {
	tick := time.NewTicker(t.cfg.Look)
	defer tick.Stop()
	failing := false
	var looked time.Time
	for {
		_, err := t.Chain(ctx)
		if err == nil && time.Since(looked) >= min(t.cfg.Sign, time.Minute) {
			if err = t.signDue(ctx); err == nil {
				looked = time.Now()
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			t.log.Warn("audit events wait for their place in the chain", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
