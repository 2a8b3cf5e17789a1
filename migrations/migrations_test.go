package migrations_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/migrations"
	"cdss/migrations/dbtest"
)

var quiet = slog.New(slog.DiscardHandler)

func TestApplyFromNothingAndAgain(t *testing.T) {
	dsn := dbtest.Empty(t)
	before, err := migrations.Status(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if before.Current != 0 || before.Pending == 0 || before.Pgvector != "" {
		t.Errorf("an empty database has %+v", before)
	}
	for range 2 {
		if err := migrations.Apply(t.Context(), dsn, quiet); err != nil {
			t.Fatal(err)
		}
		got, err := migrations.Status(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		want := migrations.State{Current: before.Latest, Latest: before.Latest, Pgvector: got.Pgvector}
		if diff := cmp.Diff(want, got); diff != "" || got.Pgvector == "" || got.Ahead() {
			t.Errorf("after migration (-want +got):\n%s", diff)
		}
	}
}

func TestConcurrentStarters(t *testing.T) {
	dsn := dbtest.Empty(t)
	const starters = 4
	ended := make(chan error, starters)
	for range starters {
		go func() { ended <- migrations.Apply(t.Context(), dsn, quiet) }()
	}
	for range starters {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	status, err := migrations.Status(t.Context(), dsn)
	if err != nil || status.Pending != 0 {
		t.Errorf("afterwards %+v, %v", status, err)
	}
}

// A replica of the previous version may start after a newer one has migrated.
func TestDatabaseOfANewerProgram(t *testing.T) {
	dsn := dbtest.DSN(t)
	pool := open(t, dsn)
	if _, err := pool.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (900000, true)`); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Apply(t.Context(), dsn, quiet); err != nil {
		t.Errorf("apply on a newer schema: %v", err)
	}
	status, err := migrations.Status(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if !status.Ahead() || status.Pending != 0 {
		t.Errorf("status is %+v, want ahead and nothing pending", status)
	}
}

func TestMigrationIsLogged(t *testing.T) {
	var out strings.Builder
	if err := migrations.Apply(t.Context(), dbtest.Empty(t), slog.New(slog.NewJSONHandler(&out, nil))); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"file":"000001_create_guideline.sql"`) {
		t.Errorf("log does not name the first migration:\n%s", out.String())
	}
}

func TestUnreachableDatabase(t *testing.T) {
	const secret = "do-not-tell"
	for _, dsn := range []string{
		"postgres://cdss:" + secret + "@127.0.0.1:1/cdss?connect_timeout=2",
		"postgres://cdss:" + secret + "@127.0.0.1:notaport/cdss",
	} {
		err := migrations.Apply(t.Context(), dsn, quiet)
		if err == nil {
			t.Errorf("applied to %s", dsn)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestTooOld(t *testing.T) {
	for _, tc := range []struct {
		version string
		want    bool
	}{
		{"0.8.0", false}, {"0.8.2", false}, {"0.10.0", false}, {"1.0", false},
		{"0.7.4", true}, {"0.6", true}, {"", true}, {"unknown", true},
	} {
		if got := migrations.TooOld(tc.version); got != tc.want {
			t.Errorf("TooOld(%q) = %v", tc.version, got)
		}
	}
}

func TestNames(t *testing.T) {
	names, err := filepath.Glob("*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	pattern := regexp.MustCompile(`^\d{6}_[a-z]+(_[a-z0-9]+)+\.sql$`)
	seen := map[string]string{}
	for _, name := range names {
		if !pattern.MatchString(name) {
			t.Errorf("%s is not named NNNNNN_verb_noun.sql", name)
		}
		if other := seen[name[:6]]; other != "" {
			t.Errorf("%s and %s have the same number", name, other)
		}
		seen[name[:6]] = name
	}
}

const (
	aGuideline = `INSERT INTO guideline (id, identifier) VALUES ('00000000-0000-0000-0000-000000000001', 'example')`
	aVersion   = `INSERT INTO guideline_version (id, guideline_id, title, language, status, sha256)
		VALUES ($1, '00000000-0000-0000-0000-000000000001', 'Example', 'en', $2, repeat($3, 64))`
	aPassage = `INSERT INTO passage (id, version_id, guideline_id, ord, lang, status, indexed, quoted, sha256)
		VALUES ('00000000-0000-0000-0000-00000000000a', $1, '00000000-0000-0000-0000-000000000001', 0, 'en', 'active', 'a', 'a', repeat('a', 64))`
	aSpace = `INSERT INTO embedding_space (kind, dims, version, state) VALUES ('lsa', 3, '1', 'active') RETURNING id`
	vector = `INSERT INTO passage_embedding (space_id, passage_id, guideline_id, lang, status, emb)
		VALUES ($1, '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000001', 'en', 'active', $2::halfvec)`
	one, two = "00000000-0000-0000-0000-000000000011", "00000000-0000-0000-0000-000000000012"
)

func TestOneActiveVersionPerGuideline(t *testing.T) {
	pool := dbtest.New(t)
	must(t, pool, aGuideline)
	must(t, pool, aVersion, one, "active", "a")
	must(t, pool, aVersion, two, "draft", "b")
	refuses(t, pool, "23505", `UPDATE guideline_version SET status = 'active' WHERE id = $1`, two)
	must(t, pool, `UPDATE guideline_version SET status = 'retired' WHERE id = $1`, one)
	must(t, pool, `UPDATE guideline_version SET status = 'active' WHERE id = $1`, two)
}

func TestSameUploadIsOneVersion(t *testing.T) {
	pool := dbtest.New(t)
	must(t, pool, aGuideline)
	must(t, pool, aVersion, one, "draft", "a")
	refuses(t, pool, "23505", aVersion, two, "draft", "a")
}

func TestEmbeddings(t *testing.T) {
	pool := dbtest.New(t)
	must(t, pool, aGuideline)
	must(t, pool, aVersion, one, "active", "a")
	must(t, pool, aPassage, one)
	var space int
	if err := pool.QueryRow(t.Context(), aSpace).Scan(&space); err != nil {
		t.Fatal(err)
	}
	refuses(t, pool, "23514", vector, space, "[0,0,0]")
	must(t, pool, vector, space, "[1,0,0]")

	var storage string
	if err := pool.QueryRow(t.Context(),
		`SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'passage_embedding'::regclass AND attname = 'emb'`).Scan(&storage); err != nil {
		t.Fatal(err)
	}
	if storage != "p" {
		t.Errorf("storage of emb is %q, want plain", storage)
	}
	refuses(t, pool, "23505", `INSERT INTO embedding_space (kind, dims, version, state) VALUES ('lsa', 3, '2', 'active')`)

	must(t, pool, `DELETE FROM guideline_version WHERE id = $1`, one)
	var left int
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM passage) + (SELECT count(*) FROM passage_embedding)`).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Errorf("%d passages and vectors are left of a deleted version", left)
	}
}

func TestFeedbackSentTwiceIsStoredOnce(t *testing.T) {
	pool := dbtest.New(t)
	const send = `INSERT INTO feedback (card, outcome, outcome_at) VALUES ($1, 'accepted', $2) ON CONFLICT (card, outcome, outcome_at) DO NOTHING`
	for _, at := range []string{"2026-01-01T10:00:00Z", "2026-01-01T11:00:00+01:00", "2026-01-02T10:00:00Z"} {
		must(t, pool, send, one, at)
	}
	var rows int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM feedback`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != 2 {
		t.Errorf("%d rows, want 2: the second is the first in another time zone", rows)
	}
}

func TestDecisionIsFoundByItsCard(t *testing.T) {
	pool := dbtest.New(t)
	must(t, pool, `INSERT INTO decision (id, service, language, cards) VALUES ($1, 'abs-order-sign', 'de', '[{"uuid": "card-1", "indicator": "info"}, {"uuid": "card-2"}]')`, one)
	must(t, pool, `INSERT INTO decision (id, service, language) VALUES ($1, 'abs-order-sign', 'de')`, two)
	var id string
	if err := pool.QueryRow(t.Context(), `SELECT id::text FROM decision WHERE cards @> $1::jsonb`, `[{"uuid": "card-2"}]`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	if id != one {
		t.Errorf("found %s", id)
	}
}

func TestRunningTaskHasALease(t *testing.T) {
	pool := dbtest.New(t)
	must(t, pool, `INSERT INTO task (kind, key) VALUES ('ingest', 'a')`)
	refuses(t, pool, "23505", `INSERT INTO task (kind, key) VALUES ('ingest', 'a')`)
	refuses(t, pool, "23514", `UPDATE task SET state = 'running'`)
	must(t, pool, `UPDATE task SET state = 'running', locked_until = now() + interval '1 minute'`)
}

func open(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func must(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// refuses checks that a statement fails with the given SQLSTATE.
func refuses(t *testing.T, pool *pgxpool.Pool, state, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(context.Background(), sql, args...)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != state {
		t.Errorf("%s: got %v, want SQLSTATE %s", sql, err, state)
	}
}
