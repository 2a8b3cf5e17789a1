package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/cds/store"
	"cdss/fhir/issue"
	"cdss/migrations/dbtest"
)

const (
	decision   = "0190a1b2-0000-7000-8000-000000000001"
	card       = "0190a1b2-0000-8000-8000-00000000000a"
	suggestion = "0190a1b2-0000-8000-8000-00000000000b"
)

func decided(id string) cds.Decision {
	return cds.Decision{
		ID: id, At: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Service: "abs-order-sign", Hook: "order-sign",
		HookInstance: "not a uuid", Language: cds.DE, Inputs: map[string]cds.DecisionInput{"patient": {SHA256: "ab", Origin: "fetched", Resources: 1}, "allergies": {Why: "not-sent"}},
		References: []string{"Observation/1"}, Timings: []cds.Timing{{Step: "rules", Milliseconds: 1.5}},
		Artifacts: []cds.Artifact{{URL: "https://example.org/PlanDefinition/x", Version: "1"}},
		Ran:       []string{"warning:allergy"}, Skipped: []cds.NotChecked{{Check: "Niere", Missing: []string{"creatinine"}}},
		Duration: 12500 * time.Microsecond, Degraded: true,
		Cards: []cds.IssuedCard{{UUID: card, Indicator: cds.Critical, Topic: "allergy", Suggestions: []string{suggestion}}},
		Trace: []cds.Looked{{Plan: "https://example.org/PlanDefinition/x|1", At: "a/b", Outcome: "true", Conditions: []cds.LookedCondition{
			{Expression: "%age > 60", Outcome: "true", Reads: []cds.LookedRead{{Name: "age", From: []string{"request"}}}},
		}}},
	}
}

// run lets the store write what waits, and returns when it has.
func run(s *store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Run(ctx, 10*time.Second)
}

func TestDecisionIsWrittenOnce(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Record(decided(decision))
	s.Record(decided(decision))
	s.Attach(pool)
	run(s)
	var got struct {
		count            int
		service, topic   string
		milliseconds     float64
		degraded         bool
		missing, inputID string
	}
	err := pool.QueryRow(t.Context(), `SELECT count(*) OVER (), service, duration_ms, degraded, cards -> 0 ->> 'topic',
		checks_skipped -> 0 -> 'missing' ->> 0, inputs -> 'patient' ->> 'sha256' FROM decision`).
		Scan(&got.count, &got.service, &got.milliseconds, &got.degraded, &got.topic, &got.missing, &got.inputID)
	if err != nil {
		t.Fatal(err)
	}
	if got.count != 1 || got.service != "abs-order-sign" || got.milliseconds != 12.5 || !got.degraded || got.topic != "allergy" ||
		got.missing != "creatinine" || got.inputID != "ab" {
		t.Errorf("got %+v", got)
	}
	if known, err := s.Decided(t.Context(), decision); err != nil || !known {
		t.Errorf("decided: %v, %v", known, err)
	}
}

func TestDecisionsWaitForTheDatabase(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx, 10*time.Second) })
	s.Record(decided(decision))
	s.Attach(pool) // the first try may have failed already; the end of Run is another
	cancel()
	running.Wait()
	if n := count(t, pool, "decision"); n != 1 {
		t.Errorf("%d decisions are written, want 1", n)
	}
}

func TestTooManyDecisionsAreCountedAndBlockNobody(t *testing.T) {
	s := store.New(nil)
	taken := 0
	for s.Record(decided(decision)) {
		taken++
	}
	if s.Record(decided(decision)) || s.Dropped() != 2 || s.Waiting() != taken {
		t.Errorf("taken %d, dropped %d, waiting %d", taken, s.Dropped(), s.Waiting())
	}
}

func TestFeedbackIsKeptOnceAndJoined(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Attach(pool)
	s.Record(decided(decision))
	run(s)
	at := time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC)
	list := []cds.Feedback{
		{Card: card, Service: "abs-order-sign", Outcome: cds.Accepted, Suggestions: []string{suggestion}, At: at},
		{Card: card, Service: "abs-order-sign", Outcome: cds.Overridden, At: at.Add(time.Minute),
			Reason: &cds.Coding{System: "s", Code: "c", Display: "d"}, Comment: "anders"},
		{Card: decision, Service: "app", Outcome: cds.Modified, At: at},                                 // a recommendation of the app
		{Card: "0190a1b2-0000-8000-8000-0000000000ff", Service: "app", Outcome: cds.Overridden, At: at}, // nobody's card
	}
	var sending sync.WaitGroup
	for range 8 {
		sending.Go(func() {
			if err := s.KeepFeedback(t.Context(), list); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	if n := count(t, pool, "feedback"); n != len(list) {
		t.Errorf("%d rows, want %d", n, len(list))
	}
	rows, err := pool.Query(t.Context(), `SELECT coalesce(decision_id::text, '') FROM feedback ORDER BY outcome, card`)
	if err != nil {
		t.Fatal(err)
	}
	var joined []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		joined = append(joined, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{decision, decision, decision, ""}, joined); diff != "" {
		t.Error(diff)
	}
}

// TestExplain: what was recorded comes back whole, by the uuid of a card or its own,
// with what became of the card.
func TestExplain(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Attach(pool)
	want := decided(decision)
	want.Client, want.Shadow = "ehr", true
	s.Record(want)
	run(s)
	feedback := cds.Feedback{
		Card: card, Service: "abs-order-sign", Client: "ehr", Outcome: cds.Overridden, Suggestions: []string{},
		Reason: &cds.Coding{System: "s", Code: "c", Display: "d"}, Comment: "anders", At: time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC),
	}
	if err := s.KeepFeedback(t.Context(), []cds.Feedback{feedback}); err != nil {
		t.Fatal(err)
	}
	for _, uuid := range []string{card, decision} {
		got, became, err := s.Explain(t.Context(), uuid)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]cds.Feedback{feedback}, became); diff != "" {
			t.Error(diff)
		}
	}
	if _, _, err := s.Explain(t.Context(), suggestion); !issue.Is(err, issue.NotFound) {
		t.Errorf("a uuid that is no card's: %v", err)
	}
}

// TestExplainReadsOldInputs: an input was once its hash and no more.
func TestExplainReadsOldInputs(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Attach(pool)
	s.Record(decided(decision))
	run(s)
	if _, err := pool.Exec(t.Context(), `UPDATE decision SET inputs = '{"patient": "ab"}'`); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Explain(t.Context(), decision)
	if err != nil || got.Inputs["patient"].SHA256 != "ab" {
		t.Errorf("%v %+v", err, got.Inputs)
	}
}

// TestFeedbackOnAnothersCard is refused, and nothing of the call is kept.
func TestFeedbackOnAnothersCard(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Attach(pool)
	d := decided(decision)
	d.Client = "a"
	s.Record(d)
	run(s)
	at := time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC)
	for _, client := range []string{"b", ""} {
		err := s.KeepFeedback(t.Context(), []cds.Feedback{
			{Card: "0190a1b2-0000-8000-8000-0000000000ff", Client: client, Outcome: cds.Overridden, At: at},
			{Card: card, Client: client, Outcome: cds.Overridden, At: at},
		})
		if !issue.Is(err, issue.NotFound) || count(t, pool, "feedback") != 0 {
			t.Errorf("client %q: %v, %d kept", client, err, count(t, pool, "feedback"))
		}
	}
	if err := s.KeepFeedback(t.Context(), []cds.Feedback{{Card: card, Client: "a", Outcome: cds.Overridden, At: at}}); err != nil {
		t.Error(err)
	}
}

func TestWithoutADatabaseFeedbackIsRefused(t *testing.T) {
	err := store.New(nil).KeepFeedback(t.Context(), []cds.Feedback{{Card: card, Outcome: cds.Accepted}})
	if issue.Status(err) != 503 {
		t.Errorf("got %v, want 503", err)
	}
}

func count(t *testing.T, pool *pgxpool.Pool, table string) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
