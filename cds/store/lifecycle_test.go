package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/cds"
	"cdss/cds/authoring"
	"cdss/cds/knowledge"
	"cdss/cds/store"
	"cdss/fhir/issue"
	"cdss/migrations/dbtest"
)

func TestOverlayAndSettingsAreKept(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	l := store.NewLifecycle(func() *pgxpool.Pool { return pool })
	ctx := t.Context()
	before, err := l.Revision(ctx)
	if err != nil {
		t.Fatal(err)
	}
	e := authoring.Entry{
		Overlay: knowledge.Overlay{Kind: knowledge.Replace, Target: "https://x.example/a", With: "https://x.example/b|1", Indication: "sepsis", Reason: cds.Text{DE: "weil", EN: "because"}},
		By:      authoring.Person{ID: "anna", Name: "Anna"}, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	added, err := l.AddOverlay(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddOverlay(ctx, e); !issue.Is(err, issue.Duplicate) {
		t.Errorf("the same again: %v", err)
	}
	want := authoring.Settings{Expired: "show", ReviewAfterDays: 400}
	if err := l.SetSettings(ctx, want); err != nil {
		t.Fatal(err)
	}
	site, err := l.Site(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]authoring.Entry{added}, site.Overlay, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
	if site.Settings != want || site.Revision == before {
		t.Errorf("settings %+v, revision %s", site.Settings, site.Revision)
	}
	if err := l.RemoveOverlay(ctx, added.ID); err != nil {
		t.Fatal(err)
	}
	if err := l.RemoveOverlay(ctx, added.ID); !issue.Is(err, issue.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
	var events int
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM audit_event WHERE kind = 'setting'`).Scan(&events); err != nil || events != 3 {
		t.Errorf("%d audit events, %v", events, err)
	}
}

func TestTablesAreKept(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t)
	l := store.NewLifecycle(func() *pgxpool.Pool { return pool })
	want := authoring.TableSet{Name: "house", Base: "https://x.example", Version: "1", Guideline: "g", Files: map[string]string{"regimens.csv": "a,\"b\"\n"}}
	if err := l.SaveTables(t.Context(), want, authoring.Person{ID: "kurt"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	got, err := l.Tables(t.Context(), "house")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := l.Tables(t.Context(), "other"); !issue.Is(err, issue.NotFound) {
		t.Errorf("other tables: %v", err)
	}
}

func TestWithoutADatabaseNothingIsKept(t *testing.T) {
	l := store.NewLifecycle(func() *pgxpool.Pool { return nil })
	if _, err := l.Site(context.Background()); !issue.Is(err, issue.Transient) {
		t.Errorf("%v", err)
	}
}
