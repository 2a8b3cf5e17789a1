package store_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/cds/store"
	"cdss/fhir/audit"
	"cdss/migrations/dbtest"
)

const patient = "canary-patient-4711"

func asked(id string) cds.Decision {
	d := decided(id)
	d.Client = "ehr"
	d.Asked = cds.Asked{Patient: patient, User: "Practitioner/7", Address: "192.0.2.1", Request: "0123456789abcdef"}
	return d
}

func trailOver(t *testing.T, pool *pgxpool.Pool) *audit.Trail {
	t.Helper()
	trail := audit.New(audit.Config{})
	if err := trail.Attach(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	return trail
}

func spoolIn(t *testing.T, dir string) *audit.Spool {
	t.Helper()
	s, err := audit.OpenSpool(dir, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// events lists what the trail says of the patient.
func events(t *testing.T, trail *audit.Trail) (list []audit.Record) {
	t.Helper()
	err := trail.Each(t.Context(), audit.Filter{Patient: patient}, func(r audit.Record) error {
		list = append(list, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDecisionIsAttestedInTheTrail(t *testing.T) {
	pool := dbtest.New(t)
	trail := trailOver(t, pool)
	s := store.New(nil)
	s.Attach(pool)
	s.Attest(trail, nil)
	s.Record(asked(decision))
	s.Record(asked(decision))
	run(s)
	got := events(t, trail)
	if len(got) != 1 || got[0].ID != decision || got[0].Kind != audit.Advice || got[0].Agent != "Practitioner/7" || got[0].Client != "ehr" {
		t.Fatalf("%+v", got)
	}
	for _, want := range []string{
		"urn:uuid:" + card, `"value":"critical"`, "https://example.org/PlanDefinition/x|1", "POST /cds-services/abs-order-sign",
		"192.0.2.1", "0123456789abcdef", `{"name":"notChecked","value":"1"}`,
	} {
		if !strings.Contains(got[0].Detail, want) {
			t.Errorf("%s is not in %s", want, got[0].Detail)
		}
	}
	for _, table := range []string{"decision", "audit_event", "audit_subject"} {
		if n := count(t, pool, table+" x WHERE x::text LIKE '%"+patient+"%'"); n != 0 {
			t.Errorf("%s names the patient", table)
		}
	}
}

func TestNoDecisionWithoutItsEvent(t *testing.T) {
	pool := dbtest.New(t)
	if _, err := pool.Exec(t.Context(), `ALTER TABLE audit_event ADD CONSTRAINT no_advice CHECK (kind <> 'advice')`); err != nil {
		t.Fatal(err)
	}
	s := store.New(nil)
	s.Attach(pool)
	s.Record(asked(decision))
	run(s)
	if n := count(t, pool, "decision"); n != 0 {
		t.Error("the decision was written and its event was not")
	}
}

func TestFeedbackIsAttestedOnce(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Attach(pool)
	list := []cds.Feedback{
		{Card: card, Service: "abs-order-sign", Client: "ehr", Outcome: cds.Overridden, At: time.Now(), Reason: &cds.Coding{Code: "patient-declined"}, Comment: patient},
	}
	ctx := audit.With(t.Context(), audit.Caller{User: "alice", Address: "192.0.2.9"})
	for range 2 {
		if err := s.KeepFeedback(ctx, list); err != nil {
			t.Fatal(err)
		}
	}
	var agent, client, detail string
	if err := pool.QueryRow(t.Context(), `SELECT agent, client, detail FROM audit_event WHERE kind = 'feedback'`).Scan(&agent, &client, &detail); err != nil {
		t.Fatal(err)
	}
	if n := count(t, pool, "audit_event"); n != 1 || agent != "alice" || client != "ehr" {
		t.Errorf("%d events, of %s through %s", n, agent, client)
	}
	for _, want := range []string{card, "overridden", "patient-declined", "192.0.2.9"} {
		if !strings.Contains(detail, want) {
			t.Errorf("%s is not in %s", want, detail)
		}
	}
	if strings.Contains(detail, patient) {
		t.Errorf("the trail holds the comment: %s", detail)
	}
}

// nowhere is a database that cannot be reached.
func nowhere(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// The database is away and the process ends; the next one finds all of it on disk.
// One record was written before the database went without an answer.
func TestDecisionsSurviveAnEndWithoutADatabase(t *testing.T) {
	pool := dbtest.New(t)
	trail := trailOver(t, pool)
	dir := t.TempDir()
	spool := spoolIn(t, dir)
	s := store.New(nil)
	s.Attach(nowhere(t))
	s.Attest(trail, spool)
	const second = "0190a1b2-0000-7000-8000-000000000002"
	for _, id := range []string{decision, second} {
		if !s.Record(asked(id)) {
			t.Fatal("not taken")
		}
	}
	run(s)
	if spool.Empty() {
		t.Fatal("nothing is on disk")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil || strings.Contains(string(raw), patient) {
			t.Errorf("%s names the patient (%v)", f, err)
		}
	}
	if err := spool.Close(); err != nil {
		t.Fatal(err)
	}

	before := store.New(nil)
	before.Attach(pool)
	before.Attest(trail, nil)
	before.Record(asked(second))
	run(before)

	spool = spoolIn(t, dir)
	next := store.New(nil)
	next.Attach(pool)
	next.Attest(trail, spool)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { next.Run(ctx, time.Second) })
	await(t, func() bool { return spool.Empty() })
	stop()
	running.Wait()
	if n := count(t, pool, "decision"); n != 2 {
		t.Errorf("%d decisions, want 2", n)
	}
	if n := len(events(t, trail)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	direct, replayed := row(t, pool, second), row(t, pool, decision)
	delete(direct, "id")
	delete(replayed, "id")
	if diff := cmp.Diff(direct, replayed); diff != "" {
		t.Errorf("a decision that was on disk differs from one that was not (-direct +replayed):\n%s", diff)
	}
}

func row(t *testing.T, pool *pgxpool.Pool, id string) map[string]any {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT * FROM decision WHERE id = $1`, id)
	if err != nil {
		t.Fatal(err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToMap)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The database goes and comes back under a running process: nothing is lost and
// nothing is there twice.
func TestDecisionsOutlastAnOutage(t *testing.T) {
	dsn := dbtest.DSN(t)
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	trail := trailOver(t, pool)
	spool := spoolIn(t, t.TempDir())
	s := store.New(nil)
	s.Attach(pool)
	s.Attest(trail, spool)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx, 5*time.Second) })
	id := func(n int) string { return audit.IDOf("outage", string(rune(n))) }
	const before, during = 20, 3000 // more than memory holds
	for n := range before {
		s.Record(asked(id(n)))
	}
	await(t, func() bool { return count(t, pool, "decision") == before })

	admin, err := pgx.Connect(t.Context(), strings.Replace(dsn, "/"+pool.Config().ConnConfig.Database, "/postgres", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	name := pgx.Identifier{pool.Config().ConnConfig.Database}.Sanitize()
	database := func(up bool) {
		t.Helper()
		allow := "false"
		if up {
			allow = "true"
		}
		if _, err := admin.Exec(t.Context(), `ALTER DATABASE `+name+` ALLOW_CONNECTIONS `+allow); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, pool.Config().ConnConfig.Database); err != nil {
			t.Fatal(err)
		}
	}
	database(false)
	s.Record(asked(id(before)))
	await(t, func() bool { return !spool.Empty() })
	for n := before + 1; n < before+during; {
		if s.Record(asked(id(n))) {
			n++
		} else {
			time.Sleep(time.Millisecond) // the queue is full until the next batch goes to disk
		}
	}
	await(t, func() bool { return s.Waiting() == 0 })
	database(true)
	await(t, func() bool { return spool.Empty() })
	await(t, func() bool { return count(t, pool, "decision") == before+during })
	stop()
	running.Wait()
	if n := len(events(t, trail)); n != before+during {
		t.Errorf("%d events, want %d", n, before+during)
	}
}

// One decision that the database will never take does not keep the others waiting.
func TestUnfitDecisionIsLostAlone(t *testing.T) {
	pool := dbtest.New(t)
	var log strings.Builder
	s := store.New(slog.New(slog.NewTextHandler(&log, nil)))
	s.Attach(pool)
	s.Record(decided("no uuid"))
	s.Record(decided(decision))
	bad := decided("0190a1b2-0000-7000-8000-000000000003")
	bad.Language = "fr"
	s.Record(bad)
	run(s)
	if n := count(t, pool, "decision"); n != 1 || s.Dropped() != 2 {
		t.Errorf("%d written, %d dropped; want 1 and 2", n, s.Dropped())
	}
	if !strings.Contains(log.String(), "decision lost") {
		t.Errorf("the loss is not told: %s", log.String())
	}
}

func TestDecisionsExpire(t *testing.T) {
	pool := dbtest.New(t)
	exec := func(query string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO decision (id, created_at, service, language)
		SELECT gen_random_uuid(), now() - make_interval(days => i), 's', 'de' FROM generate_series(0, 9) i`)
	exec(`INSERT INTO feedback (card, decision_id, outcome, outcome_at, received_at)
		SELECT gen_random_uuid(), id, 'accepted', created_at, created_at FROM decision`)
	exec(`INSERT INTO saved_case (title, language, recommendation, created_at, delete_after)
		SELECT 't', 'de', '{}', created_at, CASE WHEN created_at > now() - interval '1 hour' THEN now() - interval '1 minute' END FROM decision`)
	left := map[string]int{}
	for _, k := range store.Keeps() {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			n, err := k.Expire(t.Context(), tx, time.Now().AddDate(0, 0, -5).Add(time.Hour), 3)
			if err == nil && n != 3 {
				t.Errorf("%s: %d deleted at once, want 3", k.Records, n)
			}
			for err == nil && n > 0 {
				n, err = k.Expire(t.Context(), tx, time.Now().AddDate(0, 0, -5).Add(time.Hour), 3)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", k.Records, err)
		}
		left[k.Records] = count(t, pool, k.Records)
	}
	if diff := cmp.Diff(map[string]int{"decision": 5, "feedback": 5, "saved_case": 4}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

// await polls until the condition holds.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within a minute")
		}
	}
}
