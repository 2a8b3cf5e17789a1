// Package store keeps versioned FHIR resources in PostgreSQL, finds them by the
// search parameters of R4, and gives their history. It owns the SQL of FHIR REST:
// what is asked arrives as a typed query (fhir/search), and every value in it is
// a bound parameter. Bodies are kept as text, so that a resource comes back with
// the digits and the order of members it came with.
//
// It refuses types it was not opened for, above all patient data outside of demo
// and test, versions that are not the ones they claim to replace, and pages that
// would not fit in memory.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/audit"
	"cdss/fhir/issue"
	"cdss/fhir/search"
)

// KnowledgeTypes are the types of knowledge, terminology and audit: no patient
// data.
var KnowledgeTypes = []string{
	"ActivityDefinition", "AuditEvent", "CodeSystem", "ConceptMap", "Library", "PlanDefinition", "Provenance",
	"Questionnaire", "ValueSet",
}

// neverStored is the one type that is no resource to keep (R4, Parameters).
const neverStored = "Parameters"

// Config of a store.
type Config struct {
	// PatientData opens the store for all other types of R4 too. For demo and
	// test only.
	PatientData bool
	Base        string // url of FHIR REST here: references below it are local
	Log         *slog.Logger
	Now         func() time.Time // for the prefix "ap" in conditions; nil: time.Now
	// Subject gives what stands for a patient in the audit trail; nil: changes of patient
	// data are told without.
	Subject func(patient string) (audit.Subject, error)
}

// Store is the resources of one database. It is safe for concurrent use. Until
// Attach gives it a database, everything is refused as transient.
type Store struct {
	cfg   Config
	types map[string]bool
	pool  atomic.Pointer[pgxpool.Pool]
}

// New returns a store without a database.
func New(cfg Config) *Store {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Store{cfg: cfg, types: map[string]bool{}}
	for _, t := range KnowledgeTypes {
		s.types[t] = true
	}
	if cfg.PatientData {
		for _, t := range search.Types() {
			s.types[t] = t != neverStored
		}
	}
	return s
}

// Attach gives the store its migrated database.
func (s *Store) Attach(pool *pgxpool.Pool) { s.pool.Store(pool) }

// Types lists the types that are kept, sorted.
func (s *Store) Types() []string {
	var list []string
	for t, kept := range s.types {
		if kept {
			list = append(list, t)
		}
	}
	slices.Sort(list)
	return list
}

// keeps refuses a type that the store is not open for.
func (s *Store) keeps(typ string) error {
	if s.types[typ] {
		return nil
	}
	if search.IsType(typ) {
		return issue.New(issue.NotSupported, "this server keeps no %s", typ).WithStatus(404)
	}
	return issue.New(issue.NotSupported, "%q is no resource type of FHIR R4", clip(typ)).WithStatus(404)
}

// database gives the pool, or an error that tells a client to come again.
func (s *Store) database() (*pgxpool.Pool, error) {
	pool := s.pool.Load()
	if pool == nil {
		return nil, issue.New(issue.Transient, "the database is not ready")
	}
	return pool, nil
}

// read runs f in one snapshot of the database.
func (s *Store) read(ctx context.Context, f func(tx pgx.Tx) error) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
	return explain(ctx, err)
}

// attempts is how often a transaction is tried that another one disturbed.
const attempts = 4

// write runs f in a transaction, again when another one disturbed it.
func (s *Store) write(ctx context.Context, f func(tx pgx.Tx) error) error {
	pool, err := s.database()
	if err != nil {
		return err
	}
	for range attempts {
		if err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{}, f); !disturbed(err) {
			break
		}
	}
	return explain(ctx, err)
}

// disturbed tells of a deadlock or a serialisation failure.
func disturbed(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001")
}

// released is the code with which the database refuses to change what was released.
const released = "CD001"

// explain gives an error of the database its kind.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	var known *issue.Error
	if errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == released:
			return issue.Wrap(issue.BusinessRule, err, "a released version never changes; make a draft of it with $draft").WithStatus(http.StatusConflict)
		case disturbed(err):
			return issue.Wrap(issue.Transient, err, "another change was under way")
		case pg.Code == "54000" || pg.Code == "54001":
			return issue.Wrap(issue.TooCostly, err, "the request is too large for the database")
		case pg.Code[:2] == "57" || pg.Code[:2] == "53" || pg.Code[:2] == "08":
			return issue.Wrap(issue.Transient, err, "the database is not ready")
		}
		return err
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return issue.Wrap(issue.Transient, err, "the database is not ready")
	}
	return err
}

// clip shortens what a caller sent, so that an error stays short.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
