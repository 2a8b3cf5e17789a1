package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/audit"
	"cdss/migrations/dbtest"
)

const base = "https://cds.example/fhir"

// open gives a trail over a database of the test's own.
func open(t testing.TB, change ...func(*audit.Config)) (*audit.Trail, *pgxpool.Pool) {
	t.Helper()
	pool := dbtest.New(t)
	return attach(t, pool, change...), pool
}

func attach(t testing.TB, pool *pgxpool.Pool, change ...func(*audit.Config)) *audit.Trail {
	t.Helper()
	cfg := audit.Config{Base: base, Look: 10 * time.Millisecond}
	for _, c := range change {
		c(&cfg)
	}
	trail := audit.New(cfg)
	if err := trail.Attach(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	return trail
}

func write(t testing.TB, trail *audit.Trail, events ...audit.Event) {
	t.Helper()
	if err := trail.Write(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

// chain chains what waits, and fails unless it is that many.
func chain(t testing.TB, trail *audit.Trail, want int) {
	t.Helper()
	n, err := trail.Chain(t.Context())
	if err != nil || n != want {
		t.Fatalf("%d events chained (%v), want %d", n, err, want)
	}
}

func subject(t testing.TB, trail *audit.Trail, patient string) audit.Subject {
	t.Helper()
	s, err := trail.Subject(patient)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// advice is an event as the answer to a hook call leaves it.
func advice(t testing.TB, trail *audit.Trail, user, patient string) audit.Event {
	return audit.Event{
		Kind: audit.Advice, Patient: subject(t, trail, patient), Query: "POST /cds-services/abs-patient-view",
		Caller: audit.Caller{User: user, Client: "ehr", Address: "192.0.2.1", Request: "0123456789abcdef"},
		Entities: []audit.Entity{
			{Name: "card", What: "urn:uuid:0190a1b2-0000-8000-8000-00000000000a", Details: audit.Details("indicator", "warning")},
			{Name: "rule", What: "https://cdss.example/fhir/PlanDefinition/x|1.0.0"},
		},
	}
}

func count(t testing.TB, pool *pgxpool.Pool, query string, args ...any) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func exec(t testing.TB, db interface {
	Exec(context.Context, string, ...any) (pgconn.CommandTag, error)
}, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// tables are those of the trail.
var tables = []string{"audit_event", "audit_chain", "audit_head", "audit_subject"}

// tamper does what only somebody with all rights on the database can. From then on
// nothing is refused there any more.
func tamper(t testing.TB, pool *pgxpool.Pool, queries ...string) {
	t.Helper()
	for _, table := range tables {
		queries = append([]string{`ALTER TABLE ` + table + ` DISABLE TRIGGER ALL`}, queries...)
	}
	for _, q := range queries {
		exec(t, pool, q)
	}
}

func verify(t testing.TB, pool *pgxpool.Pool, c audit.Check) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), pool, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// state gives the SQLSTATE of an error, or its text.
func state(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	if err == nil {
		return "done"
	}
	return err.Error()
}
