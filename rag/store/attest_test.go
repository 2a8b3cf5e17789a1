package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"cdss/fhir/audit"
	"cdss/migrations/dbtest"
	"cdss/rag/store"
)

// Who added, approved, retired and deleted which version can be told afterwards; what
// changed nothing, or failed, is not told.
func TestLifeOfAGuidelineIsAttested(t *testing.T) {
	pool := dbtest.New(t)
	s := store.New(pool, nil)
	first, second := add(t, s, "g", "1", 1), add(t, s, "g", "2", 1)
	ctx := audit.With(t.Context(), audit.Caller{User: "alice", Client: "admin"})
	for _, do := range []func() error{
		func() error { return s.Approve(ctx, first, "") },
		func() error { return s.Approve(ctx, first, "") },  // is active already
		func() error { return s.Approve(ctx, second, "") }, // retires the first
		func() error { return s.Retire(ctx, second) },
		func() error { return s.Delete(ctx, first) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(ctx, first); err == nil {
		t.Error("deleted twice")
	}
	rows, err := pool.Query(t.Context(), `SELECT kind || ' ' || data || ' ' || agent, detail FROM audit_event ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var what, detail string
	if _, err := pgx.ForEachRow(rows, []any{&what, &detail}, func() error {
		got = append(got, strings.NewReplacer(first, "first", second, "second").Replace(what))
		if !strings.Contains(detail, `"what":"g"`) || !strings.Contains(detail, `"name":"sha256"`) {
			t.Errorf("which guideline is not told: %s", detail)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"create Guideline/first ", "create Guideline/second ", "approve Guideline/first alice",
		"retire Guideline/first alice", "approve Guideline/second alice", "retire Guideline/second alice", "delete Guideline/first alice",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
