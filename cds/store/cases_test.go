package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cdss/cds"
	"cdss/cds/store"
	"cdss/fhir/issue"
	"cdss/migrations/dbtest"
)

func TestArtifactCases(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	if list, err := s.ArtifactCases(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("without a database: %v %v", list, err)
	}
	s.Attach(pool)
	const plan = "https://x.example/PlanDefinition/a"
	for _, c := range []store.ArtifactCase{
		{ID: "one", Artifacts: []string{plan, "https://x.example/b"}, Title: "first", Bundle: []byte(`{"b":1,"a":2}`), ChangedBy: "curator"},
		{ID: "two", Artifacts: []string{"https://x.example/b"}, Title: "second", Bundle: []byte(`{}`)},
		{ID: "one", Artifacts: []string{plan}, Title: "again", Bundle: []byte(`{"b":3,"a":2}`), ChangedBy: "another"},
	} {
		if _, err := s.SaveArtifactCase(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.ArtifactCases(t.Context(), plan)
	if err != nil || len(got) != 1 || got[0].Title != "again" || string(got[0].Bundle) != `{"b":3,"a":2}` || got[0].ChangedBy != "another" {
		t.Errorf("%+v %v", got, err)
	}
	if all, _ := s.ArtifactCases(t.Context(), ""); len(all) != 2 {
		t.Errorf("%d cases, want 2", len(all))
	}
	if err := s.DeleteArtifactCase(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	if err := s.DeleteArtifactCase(t.Context(), "one"); !issue.Is(err, issue.NotFound) {
		t.Errorf("deleting what is not there: %v", err)
	}
	if n := count(t, pool, "audit_event WHERE kind IN ('create', 'update', 'delete')"); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
}

// A run beside waits for its decision, goes with it, and is told by what differs.
func TestWhatRanBeside(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(nil)
	s.Attach(pool)
	x, err := s.StartShadow(t.Context(), store.Shadow{Type: "PlanDefinition", Resource: "x", Canonical: "https://x.example/p|2", StartedBy: "approver"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.StartShadow(t.Context(), store.Shadow{Type: "PlanDefinition", Resource: "y", Canonical: "https://x.example/q|1"}); !issue.Is(err, issue.Conflict) {
		t.Errorf("a second one at once: %v", err)
	}
	changes := []cds.BesideChange{{Kind: "first", Before: "J01CR05", After: "J01DD04"}, {Kind: "option", Before: "J01CR05 iv"}}
	s.Differ(cds.BesideRun{Decision: decision, Shadow: x.ID, At: time.Now(), Changes: changes})
	if err := s.WriteBeside(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, pool, "shadow_run"); n != 0 {
		t.Error("a run was recorded whose decision is not there")
	}
	s.Record(decided(decision))
	run(s)
	if err := s.WriteBeside(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := s.Shadows(t.Context())
	if err != nil || len(list) != 1 || list[0].Runs != 1 || list[0].Different != 1 || list[0].EndedAt != nil {
		t.Fatalf("%+v %v", list, err)
	}
	if diff := cmp.Diff(map[string]int64{"first": 1, "option": 1}, list[0].Kinds); diff != "" || len(list[0].Examples) != 1 || list[0].Examples[0] != decision {
		t.Errorf("%s %v", diff, list[0].Examples)
	}
	canonical, got, err := s.ShadowRun(t.Context(), decision)
	if diff := cmp.Diff(changes, got); diff != "" || canonical != "https://x.example/p|2" || err != nil {
		t.Errorf("%s %s %v", canonical, diff, err)
	}
	if err := s.EndShadow(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.EndShadow(t.Context()); !issue.Is(err, issue.NotFound) {
		t.Errorf("ending twice: %v", err)
	}
	if _, err := pool.Exec(t.Context(), `DELETE FROM decision`); err != nil {
		t.Fatal(err)
	}
	if n := count(t, pool, "shadow_run"); n != 0 {
		t.Error("a run outlives its decision")
	}
}
